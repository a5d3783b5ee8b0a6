"""What a machine is found to be, read from made-up ``proc`` and ``sys`` folders and from the real ones."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest
from support.system import write, write_stat

from perfbench.runner import machine, machine_checks
from perfbench.util import paths

if TYPE_CHECKING:
    pass

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells, others do not")


def test_this_machine_is_described() -> None:
    found = machine.describe_machine(pinned=True)
    assert found.system.startswith(platform.system())
    assert found.cpu
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 0 < found.memory_bytes <= psutil.virtual_memory().total
    assert found.python == f"{platform.python_implementation()} {platform.python_version()}"
    assert found.load >= 0
    assert found.pinned is True
    assert machine.describe_machine(pinned=False).pinned is False


def test_the_name_of_the_cpu_is_the_makers(tmp_path: Path) -> None:
    write(tmp_path, proc__cpuinfo="processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t: fpu\nmodel name\t: other")
    assert machine.read_cpu_name(tmp_path) == "AMD EPYC 9R14"


def test_unnamed_processor_is_described_by_its_architecture(tmp_path: Path) -> None:
    assert machine.read_cpu_name(tmp_path)


def test_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert machine.read_cpu_quota(tmp_path) is None
    assert machine.read_usable_memory(tmp_path) == psutil.virtual_memory().total


def test_the_tightest_limit_of_nested_groups_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__self__cgroup="0::/outer/inner",
        sys__fs__cgroup__outer__inner__cpu_DOT_max="300000 100000",
        sys__fs__cgroup__outer__cpu_DOT_max="150000 100000",
        sys__fs__cgroup__outer__inner__memory_DOT_max="500000000",
        sys__fs__cgroup__outer__memory_DOT_max="max",
    )
    assert machine.read_cpu_quota(tmp_path) == 1.5
    assert machine.read_usable_memory(tmp_path) == 500_000_000


def test_the_old_control_groups_are_read_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__self__cgroup="5:memory:/box\n3:cpu,cpuacct:/box\n1:name=systemd:/\n0::/",
        sys__fs__cgroup__cpu__box__cpu_DOT_cfs_quota_us="50000",
        sys__fs__cgroup__cpu__box__cpu_DOT_cfs_period_us="100000",
        sys__fs__cgroup__memory__box__memory_DOT_limit_in_bytes="600000000",
        sys__fs__cgroup__memory__memory_DOT_limit_in_bytes="9223372036854771712",
    )
    assert machine.read_cpu_quota(tmp_path) == 0.5
    assert machine.read_usable_memory(tmp_path) == 600_000_000


def test_inside_a_container_the_limit_stands_at_the_top(tmp_path: Path) -> None:
    write(tmp_path, proc__self__cgroup="0::/../../a/host/path", sys__fs__cgroup__cpu_DOT_max="200000 100000")
    write(tmp_path.parent / tmp_path.name, sys__fs__cpu_DOT_max="1000 100000")
    assert machine.read_cpu_quota(tmp_path) == 2.0


@pytest.mark.parametrize("text", ["max 100000", "-1", "", "200000", "200000 0", "nonsense nonsense"])
def test_absent_or_invalid_quota_is_no_quota(tmp_path: Path, text: str) -> None:
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_DOT_max=text)
    assert machine.read_cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [("250000", 2), ("150000", 1), ("50000", 1), ("900000", 4), ("max", 4)])
def test_a_quota_cuts_the_cores_of_the_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int
) -> None:
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: {0, 3, 5, 9})
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_DOT_max=f"{quota} 100000")
    assert machine.count_usable_cores(tmp_path) == cores


@linux_only
def test_the_affinity_counts_not_the_cores_that_are_built_in() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine.count_usable_cores() == 1
        assert machine.find_quietest_core(0.01) == min(allowed)
    finally:
        os.sched_setaffinity(0, allowed)


def between_two_looks(monkeypatch: pytest.MonkeyPatch, root: Path, *cores: str) -> None:
    monkeypatch.setattr(machine, "time", SimpleNamespace(sleep=lambda _: write_stat(root, *cores)))


@pytest.mark.parametrize(
    ("later", "quietest"),
    [
        (("150 0 0 100 0 0 0 0", "900 0 0 0 0 0 0 0", "100 0 0 900 0 0 0 0"), 1),
        (("110 0 0 0 0 0 0 0", "920 0 0 0 0 0 0 0", "120 0 0 0 0 0 0 0"), 0),
        (("100 0 0 5000 90 0 0 0", "900 0 0 0 0 0 0 20", "130 0 0 0 0 0 0 0"), 0),
        (("100 0 0 0 0 9 9 9", "900 0 0 9999 999 0 0 0", "100 1 0 0 0 0 0 0"), 1),
        (("100 0 0 0 0 0 0 0", "900 0 0 0 0 0 0 0", "100 0 0 0 0 0 0 0"), 1),
    ],
)
def test_the_core_that_was_least_busy_is_the_quietest_the_last_of_equals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: tuple[str, ...], quietest: int
) -> None:
    """Core 2 is never allowed. Idle time and waiting for a disk leave a core free."""
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: {0, 1})
    write_stat(tmp_path, "100 0 0 0 0 0 0 0", "900 0 0 0 0 0 0 0", "100 0 0 0 0 0 0 0")
    between_two_looks(monkeypatch, tmp_path, *later)
    assert machine.find_quietest_core(root=tmp_path) == quietest


def test_an_unreadable_account_still_gives_a_core_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: {4, 6})
    assert machine.find_quietest_core(0.0, tmp_path) == 6


def test_quietest_core_requires_pinning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: None)
    assert machine.find_quietest_core() is None
    assert machine.count_usable_cores() >= 1


def test_stolen_time_is_a_share_of_the_busy_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{0: (100, 10), 1: (50, 0)}, {0: (130, 13), 1: (60, 1)}])
    monkeypatch.setattr(machine, "_read_busy_ticks", lambda root: next(looks))
    assert machine.measure_steal_share(0.0) == pytest.approx(4 / 40)


def test_stolen_time_that_is_not_counted_is_not_guessed(tmp_path: Path) -> None:
    assert machine.measure_steal_share(0.0, tmp_path) is None
    assert machine_checks.check_steal(tmp_path) is None


@linux_only
def test_the_real_account_of_stolen_time_is_a_share() -> None:
    share = machine.measure_steal_share(0.05)
    assert share is not None
    assert 0 <= share <= 1


def test_cache_folder_follows_the_users_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path))
    assert paths.cache_folder() == tmp_path
    monkeypatch.delenv("PERFBENCH_CACHE")
    assert paths.cache_folder().name.lower() in {"perfbench", "cache"}
