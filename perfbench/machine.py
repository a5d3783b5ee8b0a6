"""Facts about this machine: what is kept with a run, which core is quietest, and whether it is fit to measure on.

Linux tells nearly everything, macOS and Windows little: what cannot be read is left out, never guessed.
Functions with a parameter ``root`` read ``proc`` and ``sys`` below that folder.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import platformdirs
import psutil

from perfbench.model import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path("/")
GIGABYTE = 1_000_000_000

FAST_CLOCKS = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"}
"""Clock sources that are read without a system call (vdso(7))."""

ADDR_NO_RANDOMIZE = 0x0040000


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the doctor. ``bad`` makes measuring impossible, ``note`` makes it worse; both have a remedy."""

    name: str
    state: Literal["good", "note", "bad"]
    finding: str
    remedy: str = ""


def describe(pinned: bool) -> Machine:
    """What is worth keeping of this machine; ``pinned`` says whether the pairs ran on one core."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        cpu=cpu_name(),
        cores=usable_cores(),
        memory_bytes=usable_memory(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load=round(load(), 2),
        pinned=pinned,
    )


def cpu_name(root: Path = ROOT) -> str:
    """The model's name as its maker writes it, else the architecture."""
    if found := re.search(r"^model name\s*:\s*(.+)$", _read(root / "proc/cpuinfo"), re.MULTILINE):
        return found[1].strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def usable_cores(root: Path = ROOT) -> int:
    """How many cores this process may keep busy: its affinity, cut by the container's quota; at least 1."""
    allowed = _allowed_cores()
    cores = len(allowed) if allowed else os.cpu_count() or 1
    quota = cpu_quota(root)
    return cores if quota is None else max(1, min(cores, math.floor(quota)))


def cpu_quota(root: Path = ROOT) -> float | None:
    """The tightest CPU quota of this process's control groups, in cores; None without one (cgroups(7), v2 and v1)."""
    quotas = []
    for folder in _control_groups("cpu", root):
        limit, _, period = _read(folder / "cpu.max").partition(" ")
        if not period:
            limit, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if limit.isdecimal() and period.isdecimal() and int(period) > 0:
            quotas.append(int(limit) / int(period))
    return min(quotas, default=None)


def usable_memory(root: Path = ROOT) -> int:
    """Bytes of memory that this process may use: what is built in, cut by the container's limit."""
    limits = [int(psutil.virtual_memory().total)]
    for folder in _control_groups("memory", root):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if limit.isdecimal():
            limits.append(int(limit))
    return min(limits)


def load() -> float:
    """The 1-minute load: how many processes ran or waited for a core, on average."""
    return float(psutil.getloadavg()[0])


def quietest_core(seconds: float = 0.2, root: Path = ROOT) -> int | None:
    """The allowed core that was least busy for this time; the last of equals, for the first serves most interrupts.

    None where a process cannot be pinned (macOS, Windows).
    """
    allowed = _allowed_cores()
    if allowed is None:
        return None
    before = _busy_ticks(root)
    time.sleep(seconds)
    after = _busy_ticks(root)
    return min(allowed, key=lambda core: (after.get(core, (0, 0))[0] - before.get(core, (0, 0))[0], -core))


def steal_share(seconds: float = 0.3, root: Path = ROOT) -> float | None:
    """The share of busy CPU time that the hypervisor gave to others, 0 to 1; None where it is not counted.

    Keeps one core busy for this time: nothing can be stolen from a machine that asks for nothing.
    """
    before = _busy_ticks(root)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    after = _busy_ticks(root)
    if not after:
        return None
    busy = sum(after[core][0] - before[core][0] for core in after if core in before)
    stolen = sum(after[core][1] - before[core][1] for core in after if core in before)
    return min(1.0, stolen / busy) if busy > 0 else 0.0


def cache_folder() -> Path:
    """Where pulled market files and built environments are kept: PERFBENCH_CACHE, else the user's cache folder."""
    named = os.environ.get("PERFBENCH_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("perfbench", appauthor=False)


def checkup(results_folder: Path) -> tuple[Check, ...]:
    """Every check of the machine and of the places that perfbench writes to; takes about half a second."""
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
        check_results_folder(results_folder),
        check_disk("disk for results", results_folder),
        check_disk("disk for the cache", cache_folder()),
    )
    return tuple(check for check in checks if check is not None)


def check_cores(root: Path = ROOT) -> Check:
    """Perfbench itself runs beside the pair that it measures."""
    cores = usable_cores(root)
    return _judge(
        "cores", cores >= 2, f"{cores} usable", "give it a second core, or the host disturbs what it measures"
    )


def check_load(root: Path = ROOT) -> Check:
    """Pairs stay fair on a busy machine; wall times do not stay the program's."""
    now, cores = load(), usable_cores(root)
    finding = f"{now:.2f} on {cores} core" + "s" * (cores > 1)
    return _judge("load", now <= cores / 2, finding, "stop what else runs, or wait, before you trust wall times")


def check_governor(root: Path = ROOT) -> Check | None:
    """Any governor but "performance" changes the clock with the load; a virtual machine shows none."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({governor for governor in map(_read, files) if governor})
    if not governors:
        return Check("CPU governor", "good", "none to be seen") if sys.platform == "linux" else None
    remedy = "sudo cpupower frequency-set -g performance"
    return _judge("CPU governor", governors == ["performance"], ", ".join(governors), remedy)


def check_boost(root: Path = ROOT) -> Check | None:
    """A boosted clock follows temperature and neighbours."""
    folder = root / "sys/devices/system/cpu"
    for file, off in ((folder / "cpufreq/boost", "0"), (folder / "intel_pstate/no_turbo", "1")):
        if found := _read(file):
            finding = "off" if found == off else "on"
            return _judge("frequency boost", found == off, finding, f"echo {off} | sudo tee {file}")
    return None


def check_steal(root: Path = ROOT) -> Check | None:
    """What other guests of the host took is part of wall times, and of CPU times where the host does not tell."""
    share = steal_share(root=root)
    if share is None:
        return None
    finding = f"{100 * share:.1f} % of a busy moment"
    return _judge("stolen time", share <= 0.01, finding, "measure at a quieter hour, or on a host of your own")


def check_quota(root: Path = ROOT) -> Check | None:
    """A quota halts a pass in the middle when it is used up."""
    quota = cpu_quota(root)
    if quota is None and sys.platform != "linux":
        return None
    finding = "none" if quota is None else f"{quota:g} cores"
    return _judge(
        "CPU quota", quota is None, finding, "give the container whole cores (--cpuset-cpus), not a quota (--cpus)"
    )


def check_memory(root: Path = ROOT) -> Check:
    """Two workers at once, each with its books: 250 MB each are not rare."""
    usable = usable_memory(root)
    free = min(usable, int(psutil.virtual_memory().available))
    finding = f"{usable / GIGABYTE:.1f} GB usable, {free / GIGABYTE:.1f} GB free"
    return _judge("memory", free >= GIGABYTE, finding, "free 1 GB, or raise the container's limit")


def check_swap() -> Check:
    """Reading from swap is counted as the program's time."""
    used = int(psutil.swap_memory().used)
    finding = f"{used / 1e6:,.0f} MB in use" if used else "not in use"
    return _judge("swap", used < GIGABYTE / 10, finding, "close what fills the memory")


def check_clock(name: str, clock: Callable[[], int], patience: float = 0.2) -> Check:
    """The smallest step that this clock, in nanoseconds, is seen to make, and what a reading costs."""
    start = time.perf_counter_ns()
    for _ in range(1000):
        clock()
    cost = (time.perf_counter_ns() - start) / 1000
    steps: list[int] = []
    last, end = clock(), time.monotonic() + patience
    while len(steps) < 1000 and time.monotonic() < end:
        if (now := clock()) != last:
            steps.append(now - last)
            last = now
    if not steps:
        return Check(name, "bad", f"stood still for {patience:g} s of work", "measure on a system whose clocks run")
    finding = f"steps of {min(steps):,} ns, {cost:,.0f} ns a reading"
    return _judge(
        name, min(steps) <= 100_000, finding, f"let a pass last {min(steps) / 1e7:.1f} s or more: replay more data"
    )


def check_clock_source(root: Path = ROOT) -> Check | None:
    """What the kernel reads the time from."""
    folder = root / "sys/devices/system/clocksource/clocksource0"
    source = _read(folder / "current_clocksource")
    if not source:
        return None
    faster = sorted(FAST_CLOCKS & set(_read(folder / "available_clocksource").split()))
    remedy = (
        f"echo {faster[0]} | sudo tee {folder}/current_clocksource"
        if faster
        else "let passes be long: it is slow to read"
    )
    return _judge("clock source", source in FAST_CLOCKS, source, remedy)


def check_address_layout(root: Path = ROOT) -> Check | None:
    """Frozen addresses turn a variance, which averages out, into a bias, which does not (personality(2))."""
    setting = _read(root / "proc/sys/kernel/randomize_va_space")
    if not setting:
        return None
    if int(_read(root / "proc/self/personality") or "0", 16) & ADDR_NO_RANDOMIZE:
        return Check("address layout", "note", "not random in this shell", "run perfbench without setarch -R")
    finding = "random" if setting == "2" else "not random"
    return _judge("address layout", setting == "2", finding, "sudo sysctl -w kernel.randomize_va_space=2")


def check_results_folder(folder: Path) -> Check:
    """Whether a run can be saved there: tried with 64 kB, of which nothing stays."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)) as file:
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = "name a folder that you can write to, on a disk with room"
        return Check("results folder", "bad", f"{folder}: {error.strerror}", remedy)
    return Check("results folder", "good", f"{folder} is writable" if folder.is_dir() else f"{folder} can be made")


def check_disk(name: str, folder: Path) -> Check | None:
    """Room for market files, environments and runs."""
    try:
        free = shutil.disk_usage(_nearest(folder)).free
    except OSError:
        return None
    return _judge(name, free >= GIGABYTE, f"{free / GIGABYTE:,.1f} GB free", f"free 1 GB on the disk of {folder}")


def _judge(name: str, fine: bool, finding: str, remedy: str) -> Check:
    return Check(name, "good", finding) if fine else Check(name, "note", finding, remedy)


def _allowed_cores() -> set[int] | None:
    return os.sched_getaffinity(0) if sys.platform == "linux" else None


def _control_groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's control groups and all above them, since each of them may limit it."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for mount in (controllers, controller) if controllers else ("", "unified"):
            top = root / "sys/fs/cgroup" / mount
            # Inside a container the path may be the host's, and the top already the group of the container.
            parts = Path(path.lstrip("/")).parts
            yield from (top.joinpath(*parts[:depth]) for depth in range(len(parts) + 1) if ".." not in parts[:depth])


def _busy_ticks(root: Path) -> dict[int, tuple[int, int]]:
    """For each core the ticks in which it was wanted, and those of them that were stolen (proc_stat(5))."""
    ticks = {}
    for line in _read(root / "proc/stat").splitlines():
        if found := re.match(r"cpu(\d+) (.+)", line):
            user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, found[2].split()[:8])
            ticks[int(found[1])] = (user + nice + system + irq + softirq + steal, steal)
    return ticks


def _nearest(folder: Path) -> Path:
    """The folder itself or, as long as there is none, the one in which it would be made."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))


def _read(file: Path) -> str:
    """What a file says, without blanks around it; nothing if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
