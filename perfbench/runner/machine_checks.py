"""Checks whether this machine can measure, each with a finding and a remedy.

Functions with a parameter ``root`` read ``proc`` and ``sys`` below that folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from perfbench.runner.machine import (
    GIGABYTE,
    ROOT_FOLDER,
    count_usable_cores,
    measure_steal_share,
    read_cpu_quota,
    read_load,
    read_text,
    read_usable_memory,
)
from perfbench.util import formatting
from perfbench.util.paths import cache_folder
from perfbench.worker import confinement

FAST_CLOCKS = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"}
"""Clock sources that are read without a system call (vdso(7))."""

ADDR_NO_RANDOMIZE = 0x0040000


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """The result of a check. ``bad`` makes measuring impossible, ``warning`` less precise; both have a remedy."""

    name: str
    state: Literal["good", "warning", "bad"]
    finding: str
    remedy: str = ""


def run_checks(results_folder: Path) -> tuple[MachineCheck, ...]:
    """Run every check of the machine and of the folders that perfbench writes to; takes about half a second."""
    checks = (
        check_cores(),
        check_load(),
        check_governor(),
        check_boost(),
        check_steal(),
        check_quota(),
        check_memory(),
        check_swap(),
        check_clock("CPU clock", time.process_time_ns),
        check_clock("wall clock", time.perf_counter_ns),
        check_clock_source(),
        check_address_layout(),
        check_file_protection(),
        check_results_folder(results_folder),
        check_disk("disk for results", results_folder),
        check_disk("disk for the cache", cache_folder()),
    )
    return tuple(check for check in checks if check is not None)


def check_cores(root: Path = ROOT_FOLDER) -> MachineCheck:
    """Check for a second core: perfbench itself runs beside the pair that it measures."""
    cores = count_usable_cores(root)
    return _build_check("cores", cores >= 2, f"{cores} usable", "use ≥ 2 cores: perfbench itself needs one")


def check_load(root: Path = ROOT_FOLDER) -> MachineCheck:
    """Check the load: on a busy machine pairs remain comparable, but wall times include waiting."""
    now, cores = read_load(), count_usable_cores(root)
    finding = f"{now:.2f} on {formatting.format_plural(cores, 'core')}"
    return _build_check("load", now <= cores / 2, finding, "stop other processes, or wait, before you trust wall times")


def check_governor(root: Path = ROOT_FOLDER) -> MachineCheck | None:
    """Check the CPU governor: any but "performance" changes the clock with the load; a virtual machine has none."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({governor for governor in map(read_text, files) if governor})
    if not governors:
        return MachineCheck("CPU governor", "good", "none visible") if sys.platform == "linux" else None
    remedy = "sudo cpupower frequency-set -g performance"
    return _build_check("CPU governor", governors == ["performance"], ", ".join(governors), remedy)


def check_boost(root: Path = ROOT_FOLDER) -> MachineCheck | None:
    """Check the frequency boost: a boosted clock varies with temperature and other cores."""
    folder = root / "sys/devices/system/cpu"
    for file, off in ((folder / "cpufreq/boost", "0"), (folder / "intel_pstate/no_turbo", "1")):
        if setting := read_text(file):
            finding = "off" if setting == off else "on"
            return _build_check("frequency boost", setting == off, finding, f"echo {off} | sudo tee {file}")
    return None


def check_steal(root: Path = ROOT_FOLDER) -> MachineCheck | None:
    """Check the CPU time stolen by other guests, which is part of wall times, and of CPU times on some hosts."""
    share = measure_steal_share(root=root)
    if share is None:
        return None
    finding = f"{100 * share:.1f} % of a busy moment"
    return _build_check("stolen time", share <= 0.01, finding, "measure at a quieter time or on a dedicated host")


def check_quota(root: Path = ROOT_FOLDER) -> MachineCheck | None:
    """Check for a CPU quota: it halts a pass when it is used up."""
    quota = read_cpu_quota(root)
    if quota is None and sys.platform != "linux":
        return None
    finding = "none" if quota is None else f"{quota:g} cores"
    return _build_check(
        "CPU quota", quota is None, finding, "give the container whole cores (--cpuset-cpus), not a quota (--cpus)"
    )


def check_memory(root: Path = ROOT_FOLDER) -> MachineCheck:
    """Check the free memory: two workers run at once, often with 250 MB each."""
    usable = read_usable_memory(root)
    free = min(usable, int(psutil.virtual_memory().available))
    finding = f"{usable / GIGABYTE:.1f} GB usable, {free / GIGABYTE:.1f} GB free"
    return _build_check("memory", free >= GIGABYTE, finding, "free 1 GB, or raise the container's limit")


def check_swap() -> MachineCheck:
    """Check the use of swap: reading from it counts as the program's time."""
    used = int(psutil.swap_memory().used)
    finding = f"{used / 1e6:,.0f} MB in use" if used else "not in use"
    return _build_check("swap", used < GIGABYTE / 10, finding, "close processes that use much memory")


def check_clock(name: str, clock: Callable[[], int], timeout: float = 0.2) -> MachineCheck:
    """Measure the smallest step of a clock in nanoseconds, and the cost of a reading."""
    start = time.perf_counter_ns()
    for _ in range(1000):
        clock()
    cost = (time.perf_counter_ns() - start) / 1000
    steps: list[int] = []
    last, end = clock(), time.monotonic() + timeout
    while len(steps) < 1000 and time.monotonic() < end:
        if (now := clock()) != last:
            steps.append(now - last)
            last = now
    if not steps:
        return MachineCheck(
            name, "bad", f"stood still for {timeout:g} s of work", "measure on a system whose clocks run"
        )
    finding = f"steps of {min(steps):,} ns, {cost:,.0f} ns a reading"
    return _build_check(
        name, min(steps) <= 100_000, finding, f"replay more data, so that a pass takes {min(steps) / 1e7:.1f} s or more"
    )


def check_clock_source(root: Path = ROOT_FOLDER) -> MachineCheck | None:
    """Check the clock source of the kernel."""
    folder = root / "sys/devices/system/clocksource/clocksource0"
    source = read_text(folder / "current_clocksource")
    if not source:
        return None
    faster = sorted(FAST_CLOCKS & set(read_text(folder / "available_clocksource").split()))
    remedy = (
        f"echo {faster[0]} | sudo tee {folder}/current_clocksource"
        if faster
        else "use long passes: this clock is slow to read"
    )
    return _build_check("clock source", source in FAST_CLOCKS, source, remedy)


def check_address_layout(root: Path = ROOT_FOLDER) -> MachineCheck | None:
    """Check that addresses are random: fixed ones turn a variance, which averages out, into a bias (personality(2))."""
    setting = read_text(root / "proc/sys/kernel/randomize_va_space")
    if not setting:
        return None
    if int(read_text(root / "proc/self/personality") or "0", 16) & ADDR_NO_RANDOMIZE:
        return MachineCheck("address layout", "warning", "not random in this shell", "run perfbench without setarch -R")
    finding = "random" if setting == "2" else "not random"
    return _build_check("address layout", setting == "2", finding, "sudo sysctl -w kernel.randomize_va_space=2")


def check_file_protection(read_version: Callable[[], int] = confinement.read_version) -> MachineCheck | None:
    """Check that the kernel can keep a program from changing files of its user (Landlock); None on another system than Linux."""
    if sys.platform != "linux":
        return None
    version = read_version()
    finding = f"Landlock {version} protects your files from programs" if version else "no Landlock"
    remedy = (
        "use Linux 5.13 or newer, booted with landlock in lsm=…: without it C code of a program can change your files"
    )
    return _build_check("file protection", version > 0, finding, remedy)


def check_results_folder(folder: Path) -> MachineCheck:
    """Check that a run can be saved, with a temporary file of 64 kB."""
    try:
        with tempfile.TemporaryFile(dir=_find_nearest_folder(folder)) as file:
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = "choose a writable folder on a disk with free space"
        return MachineCheck("results folder", "bad", f"{folder}: {error.strerror}", remedy)
    return MachineCheck(
        "results folder", "good", f"{folder} is writable" if folder.is_dir() else f"{folder} can be created"
    )


def check_disk(name: str, folder: Path) -> MachineCheck | None:
    """Check the free disk space for market files, environments and runs."""
    try:
        free = shutil.disk_usage(_find_nearest_folder(folder)).free
    except OSError:
        return None
    return _build_check(name, free >= GIGABYTE, f"{free / GIGABYTE:,.1f} GB free", f"free 1 GB on the disk of {folder}")


def _build_check(name: str, is_good: bool, finding: str, remedy: str) -> MachineCheck:
    return MachineCheck(name, "good", finding) if is_good else MachineCheck(name, "warning", finding, remedy)


def _find_nearest_folder(folder: Path) -> Path:
    """The folder, or the nearest existing one above it."""
    folder = folder.absolute()
    return next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
