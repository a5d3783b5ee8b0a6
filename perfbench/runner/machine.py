"""Facts about this machine: those saved with a run, and the quietest core.

Linux provides nearly all of them, macOS and Windows few: what cannot be read is left out, never guessed.
Functions with a parameter ``root`` read ``proc`` and ``sys`` below that folder.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from perfbench.model import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT_FOLDER = Path("/")
GIGABYTE = 1_000_000_000


def describe_machine(pinned: bool) -> Machine:
    """The facts of this machine that are saved with a run; ``pinned``: the pairs ran on one core."""
    return Machine(
        system=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        cpu=read_cpu_name(),
        cores=count_usable_cores(),
        memory_bytes=read_usable_memory(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load=round(read_load(), 2),
        pinned=pinned,
    )


def read_cpu_name(root: Path = ROOT_FOLDER) -> str:
    """The model name of the CPU, else the architecture."""
    if match := re.search(r"^model name\s*:\s*(.+)$", read_text(root / "proc/cpuinfo"), re.MULTILINE):
        return match[1].strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def count_usable_cores(root: Path = ROOT_FOLDER) -> int:
    """Number of cores that this process may use: its affinity, limited by the container's quota; at least 1."""
    allowed = _read_allowed_cores()
    cores = len(allowed) if allowed else os.cpu_count() or 1
    quota = read_cpu_quota(root)
    return cores if quota is None else max(1, min(cores, math.floor(quota)))


def read_cpu_quota(root: Path = ROOT_FOLDER) -> float | None:
    """The tightest CPU quota of this process's control groups, in cores; None without one (cgroups(7), v2 and v1)."""
    quotas = []
    for folder in _list_control_groups("cpu", root):
        limit, _, period = read_text(folder / "cpu.max").partition(" ")
        if not period:
            limit, period = read_text(folder / "cpu.cfs_quota_us"), read_text(folder / "cpu.cfs_period_us")
        if limit.isdecimal() and period.isdecimal() and int(period) > 0:
            quotas.append(int(limit) / int(period))
    return min(quotas, default=None)


def read_usable_memory(root: Path = ROOT_FOLDER) -> int:
    """Bytes of memory that this process may use: the installed memory, limited by the container."""
    limits = [int(psutil.virtual_memory().total)]
    for folder in _list_control_groups("memory", root):
        limit = read_text(folder / "memory.max") or read_text(folder / "memory.limit_in_bytes")
        if limit.isdecimal():
            limits.append(int(limit))
    return min(limits)


def read_load() -> float:
    """The 1-minute load: mean number of processes that run or wait for a core."""
    return float(psutil.getloadavg()[0])


def find_quietest_core(seconds: float = 0.2, root: Path = ROOT_FOLDER) -> int | None:
    """The allowed core that is least busy during this time; the last of equals, as the first serves most interrupts.

    None where a process cannot be pinned (macOS, Windows).
    """
    return find_quietest_cores(1, seconds, root)[0]


def choose_cores() -> tuple[int | None, int | None]:
    """The core to measure on and a spare one, on which the workers of the next pair start; None for what there is not."""
    cores = [*find_quietest_cores(2), None, None]
    return cores[0], cores[1]


def find_quietest_cores(count: int, seconds: float = 0.2, root: Path = ROOT_FOLDER) -> Sequence[int | None]:
    """As many of the allowed cores, the least busy first; None for each where a process cannot be pinned.

    At most as many as there are.
    """
    allowed = _read_allowed_cores()
    if allowed is None:
        return [None] * count
    before = _read_busy_ticks(root)
    time.sleep(seconds)
    after = _read_busy_ticks(root)
    return sorted(allowed, key=lambda core: (after.get(core, (0, 0))[0] - before.get(core, (0, 0))[0], -core))[:count]


def measure_steal_share(seconds: float = 0.3, root: Path = ROOT_FOLDER) -> float | None:
    """The share of busy CPU time that the hypervisor stole, 0 to 1; None where it is not counted.

    Keeps one core busy for this time: nothing is stolen from an idle machine.
    """
    before = _read_busy_ticks(root)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    after = _read_busy_ticks(root)
    if not after:
        return None
    busy = sum(after[core][0] - before[core][0] for core in after if core in before)
    stolen = sum(after[core][1] - before[core][1] for core in after if core in before)
    return min(1.0, stolen / busy) if busy > 0 else 0.0


def _read_allowed_cores() -> set[int] | None:
    return os.sched_getaffinity(0) if sys.platform == "linux" else None


def _list_control_groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's control groups and all their parents, each of which may limit it."""
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for mount in (controllers, controller) if controllers else ("", "unified"):
            top = root / "sys/fs/cgroup" / mount
            # Inside a container the path may be the host's, and the top already the group of the container.
            parts = Path(path.lstrip("/")).parts
            yield from (top.joinpath(*parts[:depth]) for depth in range(len(parts) + 1) if ".." not in parts[:depth])


def _read_busy_ticks(root: Path) -> dict[int, tuple[int, int]]:
    """For each core the ticks in which it was busy or stolen, and the stolen ones alone (proc_stat(5))."""
    ticks = {}
    for line in read_text(root / "proc/stat").splitlines():
        if match := re.match(r"cpu(\d+) (.+)", line):
            user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, match[2].split()[:8])
            ticks[int(match[1])] = (user + nice + system + irq + softirq + steal, steal)
    return ticks


def read_text(file: Path) -> str:
    """The text of a file without surrounding blanks; empty if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
