"""What a machine is found to be, read from made-up ``proc`` and ``sys`` folders and from the real ones."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from perfbench import machine

if TYPE_CHECKING:
    from perfbench.machine import Check

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells, others do not")

STAT = "cpu  9 9 9 9 9 9 9 9 0 0\n{}intr 1 2 3\nctxt 5\n"


def write(root: Path, **files: str) -> None:
    """Files below ``root``; in their names ``__`` stands for a slash and ``_DOT_`` for a dot."""
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def write_stat(root: Path, *cores: str) -> None:
    write(root, proc__stat=STAT.format("".join(f"cpu{number} {ticks} 0 0\n" for number, ticks in enumerate(cores))))


# ----------------------------------------------------------------------------------------------------- facts


def test_this_machine_is_described() -> None:
    found = machine.describe(pinned=True)
    assert found.system.startswith(platform.system())
    assert found.cpu
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 0 < found.memory_bytes <= psutil.virtual_memory().total
    assert found.python == f"{platform.python_implementation()} {platform.python_version()}"
    assert found.load >= 0
    assert found.pinned is True
    assert machine.describe(pinned=False).pinned is False


def test_the_name_of_the_cpu_is_the_makers(tmp_path: Path) -> None:
    write(tmp_path, proc__cpuinfo="processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t: fpu\nmodel name\t: other")
    assert machine.cpu_name(tmp_path) == "AMD EPYC 9R14"


def test_without_a_name_the_architecture_is_told(tmp_path: Path) -> None:
    assert machine.cpu_name(tmp_path)


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert machine.cpu_quota(tmp_path) is None
    assert machine.usable_memory(tmp_path) == psutil.virtual_memory().total


def test_the_tightest_limit_of_nested_groups_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__self__cgroup="0::/outer/inner",
        sys__fs__cgroup__outer__inner__cpu_DOT_max="300000 100000",
        sys__fs__cgroup__outer__cpu_DOT_max="150000 100000",
        sys__fs__cgroup__outer__inner__memory_DOT_max="500000000",
        sys__fs__cgroup__outer__memory_DOT_max="max",
    )
    assert machine.cpu_quota(tmp_path) == 1.5
    assert machine.usable_memory(tmp_path) == 500_000_000


def test_the_old_control_groups_are_read_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__self__cgroup="5:memory:/box\n3:cpu,cpuacct:/box\n1:name=systemd:/\n0::/",
        sys__fs__cgroup__cpu__box__cpu_DOT_cfs_quota_us="50000",
        sys__fs__cgroup__cpu__box__cpu_DOT_cfs_period_us="100000",
        sys__fs__cgroup__memory__box__memory_DOT_limit_in_bytes="600000000",
        sys__fs__cgroup__memory__memory_DOT_limit_in_bytes="9223372036854771712",
    )
    assert machine.cpu_quota(tmp_path) == 0.5
    assert machine.usable_memory(tmp_path) == 600_000_000


def test_inside_a_container_the_limit_stands_at_the_top(tmp_path: Path) -> None:
    write(tmp_path, proc__self__cgroup="0::/../../a/host/path", sys__fs__cgroup__cpu_DOT_max="200000 100000")
    write(tmp_path.parent / tmp_path.name, sys__fs__cpu_DOT_max="1000 100000")
    assert machine.cpu_quota(tmp_path) == 2.0


@pytest.mark.parametrize("text", ["max 100000", "-1", "", "200000", "200000 0", "nonsense nonsense"])
def test_a_quota_that_says_none_or_nonsense_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_DOT_max=text)
    assert machine.cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [("250000", 2), ("150000", 1), ("50000", 1), ("900000", 4), ("max", 4)])
def test_a_quota_cuts_the_cores_of_the_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int
) -> None:
    monkeypatch.setattr(machine, "_allowed_cores", lambda: {0, 3, 5, 9})
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_DOT_max=f"{quota} 100000")
    assert machine.usable_cores(tmp_path) == cores


@linux_only
def test_the_affinity_counts_not_the_cores_that_are_built_in() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine.usable_cores() == 1
        assert machine.quietest_core(0.01) == min(allowed)
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
    monkeypatch.setattr(machine, "_allowed_cores", lambda: {0, 1})
    write_stat(tmp_path, "100 0 0 0 0 0 0 0", "900 0 0 0 0 0 0 0", "100 0 0 0 0 0 0 0")
    between_two_looks(monkeypatch, tmp_path, *later)
    assert machine.quietest_core(root=tmp_path) == quietest


def test_an_unreadable_account_still_gives_a_core_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_allowed_cores", lambda: {4, 6})
    assert machine.quietest_core(0.0, tmp_path) == 6


def test_where_nothing_can_be_pinned_there_is_no_quietest_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_allowed_cores", lambda: None)
    assert machine.quietest_core() is None
    assert machine.usable_cores() >= 1


def test_stolen_time_is_a_share_of_the_busy_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{0: (100, 10), 1: (50, 0)}, {0: (130, 13), 1: (60, 1)}])
    monkeypatch.setattr(machine, "_busy_ticks", lambda root: next(looks))
    assert machine.steal_share(0.0) == pytest.approx(4 / 40)


def test_stolen_time_that_is_not_counted_is_not_guessed(tmp_path: Path) -> None:
    assert machine.steal_share(0.0, tmp_path) is None
    assert machine.check_steal(tmp_path) is None


@linux_only
def test_the_real_account_of_stolen_time_is_a_share() -> None:
    share = machine.steal_share(0.05)
    assert share is not None
    assert 0 <= share <= 1


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path))
    assert machine.cache_folder() == tmp_path
    monkeypatch.delenv("PERFBENCH_CACHE")
    assert machine.cache_folder().name.lower() in {"perfbench", "cache"}


# ---------------------------------------------------------------------------------------------------- checks


def state_of(check: Check | None) -> str:
    assert check is not None
    assert bool(check.remedy) == (check.state != "good")
    return check.state


def test_every_check_of_this_machine_has_a_finding_and_if_it_is_not_good_a_remedy(tmp_path: Path) -> None:
    checks = machine.checkup(tmp_path / "results")
    assert all(check.finding and state_of(check) for check in checks)
    assert len({check.name for check in checks}) == len(checks)
    assert not [check for check in checks if check.state == "bad"]
    assert list(tmp_path.iterdir()) == []


def test_one_core_is_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_allowed_cores", lambda: {7})
    assert state_of(machine.check_cores()) == "note"
    monkeypatch.setattr(machine, "_allowed_cores", lambda: {7, 8})
    assert state_of(machine.check_cores(Path("/nowhere"))) == "good"


@pytest.mark.parametrize(("load", "state"), [(0.0, "good"), (2.0, "good"), (2.1, "note")])
def test_the_load_is_judged_against_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: float, state: str
) -> None:
    monkeypatch.setattr(machine, "_allowed_cores", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(psutil, "getloadavg", lambda: (load, 9.0, 9.0))
    check = machine.check_load(tmp_path)
    assert state_of(check) == state
    assert check.finding == f"{load:.2f} on 4 cores"


@pytest.mark.parametrize(
    ("governors", "state", "finding"),
    [
        (["performance", "performance"], "good", "performance"),
        (["performance", "powersave"], "note", "performance, powersave"),
        (["schedutil"], "note", "schedutil"),
    ],
)
def test_any_governor_but_performance_is_noted(tmp_path: Path, governors: list[str], state: str, finding: str) -> None:
    for core, governor in enumerate(governors):
        write(tmp_path, **{f"sys__devices__system__cpu__cpu{core}__cpufreq__scaling_governor": governor})
    check = machine.check_governor(tmp_path)
    assert state_of(check) == state
    assert check is not None
    assert check.finding == finding


@linux_only
def test_a_governor_that_cannot_be_read_is_no_fault(tmp_path: Path) -> None:
    assert state_of(machine.check_governor(tmp_path)) == "good"


@pytest.mark.parametrize(
    ("file", "text", "state", "command"),
    [
        ("cpufreq__boost", "1", "note", "echo 0 | sudo tee"),
        ("cpufreq__boost", "0", "good", ""),
        ("intel_pstate__no_turbo", "0", "note", "echo 1 | sudo tee"),
        ("intel_pstate__no_turbo", "1", "good", ""),
    ],
)
def test_a_boosted_clock_is_noted(tmp_path: Path, file: str, text: str, state: str, command: str) -> None:
    write(tmp_path, **{f"sys__devices__system__cpu__{file}": text})
    check = machine.check_boost(tmp_path)
    assert state_of(check) == state
    assert check is not None
    assert check.remedy.startswith(command)


def test_what_a_machine_does_not_tell_is_left_out(tmp_path: Path) -> None:
    assert machine.check_boost(tmp_path) is None
    assert machine.check_clock_source(tmp_path) is None
    assert machine.check_address_layout(tmp_path) is None


@pytest.mark.parametrize(("share", "state"), [(0.0, "good"), (0.01, "good"), (0.08, "note")])
def test_stolen_time_is_noted_from_one_percent(monkeypatch: pytest.MonkeyPatch, share: float, state: str) -> None:
    monkeypatch.setattr(machine, "steal_share", lambda root: share)
    assert state_of(machine.check_steal()) == state


@linux_only
def test_a_quota_is_noted_however_large(tmp_path: Path) -> None:
    assert state_of(machine.check_quota(tmp_path)) == "good"
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_DOT_max="1600000 100000")
    assert state_of(machine.check_quota(tmp_path)) == "note"


@pytest.mark.parametrize(
    ("free", "limit", "state"),
    [(8e9, "max", "good"), (8e9, "700000000", "note"), (0.5e9, "max", "note"), (8e9, "2000000000", "good")],
)
def test_less_than_a_gigabyte_of_memory_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, limit: str, state: str
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16_000_000_000, available=int(free)))
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__memory_DOT_max=limit)
    assert state_of(machine.check_memory(tmp_path)) == state


@pytest.mark.parametrize(("used", "state"), [(0, "good"), (30_000_000, "good"), (2_000_000_000, "note")])
def test_swap_that_is_in_use_is_noted(monkeypatch: pytest.MonkeyPatch, used: int, state: str) -> None:
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(used=used))
    assert state_of(machine.check_swap()) == state


@pytest.mark.parametrize("clock", [time.process_time_ns, time.perf_counter_ns])
def test_the_clocks_of_this_machine_are_fine(clock: object) -> None:
    assert state_of(machine.check_clock("clock", clock)) == "good"  # type: ignore[arg-type]


def test_a_coarse_clock_is_noted_with_the_pass_that_it_bears() -> None:
    check = machine.check_clock("CPU clock", lambda: time.perf_counter_ns() // 2_000_000 * 2_000_000, patience=0.05)
    assert state_of(check) == "note"
    assert check.finding.startswith("steps of 2,000,000 ns")
    assert "0.2 s" in check.remedy


def test_a_clock_that_stands_still_makes_measuring_impossible() -> None:
    assert state_of(machine.check_clock("CPU clock", lambda: 5, patience=0.01)) == "bad"


@pytest.mark.parametrize(
    ("source", "offered", "state", "remedy"),
    [
        ("tsc", "tsc hpet", "good", ""),
        ("kvm-clock", "kvm-clock", "good", ""),
        ("hpet", "tsc hpet acpi_pm", "note", "echo tsc | sudo tee"),
        ("acpi_pm", "acpi_pm", "note", "let passes be long"),
    ],
)
def test_a_clock_source_that_is_slow_to_read_is_noted(
    tmp_path: Path, source: str, offered: str, state: str, remedy: str
) -> None:
    folder = "sys__devices__system__clocksource__clocksource0"
    write(tmp_path, **{f"{folder}__current_clocksource": source, f"{folder}__available_clocksource": offered})
    check = machine.check_clock_source(tmp_path)
    assert state_of(check) == state
    assert check is not None
    assert check.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("setting", "personality", "state"),
    [("2", "00000000", "good"), ("2", "00040000", "note"), ("1", "00000000", "note"), ("0", "", "note")],
)
def test_frozen_addresses_are_noted(tmp_path: Path, setting: str, personality: str, state: str) -> None:
    write(tmp_path, proc__sys__kernel__randomize_va_space=setting, proc__self__personality=personality)
    assert state_of(machine.check_address_layout(tmp_path)) == state


def test_a_results_folder_that_is_a_file_or_below_one_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("taken")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for folder in (tmp_path / "file", tmp_path / "file" / "results", tmp_path / "nowhere"):
        check = machine.check_results_folder(folder)
        assert state_of(check) == "bad"
        assert str(folder) in check.finding


def test_a_results_folder_may_be_there_or_yet_to_be_made(tmp_path: Path) -> None:
    assert machine.check_results_folder(tmp_path).finding.endswith("is writable")
    assert machine.check_results_folder(tmp_path / "a" / "b").finding.endswith("can be made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "state"), [(5e9, "good"), (3e8, "note")])
def test_little_room_on_a_disk_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    assert state_of(machine.check_disk("disk", tmp_path / "not yet" / "made")) == state
