"""Whether a machine is found fit, judged from made-up ``proc`` and ``sys`` folders and from the real ones."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest
from support.system import write

from perfbench.runner import machine, machine_checks
from perfbench.runner.machine_checks import MachineCheck

if TYPE_CHECKING:
    pass

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells, others do not")


def state_of(check: MachineCheck | None) -> str:
    assert check is not None
    assert bool(check.remedy) == (check.state != "good")
    return check.state


def test_every_check_of_this_machine_has_a_finding_and_if_it_is_not_good_a_remedy(tmp_path: Path) -> None:
    checks = machine_checks.run_checks(tmp_path / "results")
    assert all(check.finding and state_of(check) for check in checks)
    assert len({check.name for check in checks}) == len(checks)
    assert not [check for check in checks if check.state == "bad"]
    assert list(tmp_path.iterdir()) == []


def test_single_core_is_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: {7})
    assert state_of(machine_checks.check_cores()) == "warning"
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: {7, 8})
    assert state_of(machine_checks.check_cores(Path("/nowhere"))) == "good"


@pytest.mark.parametrize(("load", "state"), [(0.0, "good"), (2.0, "good"), (2.1, "warning")])
def test_load_is_compared_with_the_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: float, state: str
) -> None:
    monkeypatch.setattr(machine, "_read_allowed_cores", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(psutil, "getloadavg", lambda: (load, 9.0, 9.0))
    check = machine_checks.check_load(tmp_path)
    assert state_of(check) == state
    assert check.finding == f"{load:.2f} on 4 cores"


@pytest.mark.parametrize(
    ("governors", "state", "finding"),
    [
        (["performance", "performance"], "good", "performance"),
        (["performance", "powersave"], "warning", "performance, powersave"),
        (["schedutil"], "warning", "schedutil"),
    ],
)
def test_any_governor_but_performance_is_noted(tmp_path: Path, governors: list[str], state: str, finding: str) -> None:
    for core, governor in enumerate(governors):
        write(tmp_path, **{f"sys__devices__system__cpu__cpu{core}__cpufreq__scaling_governor": governor})
    check = machine_checks.check_governor(tmp_path)
    assert state_of(check) == state
    assert check is not None
    assert check.finding == finding


@linux_only
def test_a_governor_that_cannot_be_read_is_no_fault(tmp_path: Path) -> None:
    assert state_of(machine_checks.check_governor(tmp_path)) == "good"


@pytest.mark.parametrize(
    ("file", "text", "state", "command"),
    [
        ("cpufreq__boost", "1", "warning", "echo 0 | sudo tee"),
        ("cpufreq__boost", "0", "good", ""),
        ("intel_pstate__no_turbo", "0", "warning", "echo 1 | sudo tee"),
        ("intel_pstate__no_turbo", "1", "good", ""),
    ],
)
def test_a_boosted_clock_is_noted(tmp_path: Path, file: str, text: str, state: str, command: str) -> None:
    write(tmp_path, **{f"sys__devices__system__cpu__{file}": text})
    check = machine_checks.check_boost(tmp_path)
    assert state_of(check) == state
    assert check is not None
    assert check.remedy.startswith(command)


def test_unreported_properties_of_a_machine_are_left_out(tmp_path: Path) -> None:
    assert machine_checks.check_boost(tmp_path) is None
    assert machine_checks.check_clock_source(tmp_path) is None
    assert machine_checks.check_address_layout(tmp_path) is None


@pytest.mark.parametrize(("share", "state"), [(0.0, "good"), (0.01, "good"), (0.08, "warning")])
def test_stolen_time_is_noted_from_one_percent(monkeypatch: pytest.MonkeyPatch, share: float, state: str) -> None:
    monkeypatch.setattr(machine_checks, "measure_steal_share", lambda root: share)
    assert state_of(machine_checks.check_steal()) == state


@linux_only
def test_a_quota_is_noted_however_large(tmp_path: Path) -> None:
    assert state_of(machine_checks.check_quota(tmp_path)) == "good"
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_DOT_max="1600000 100000")
    assert state_of(machine_checks.check_quota(tmp_path)) == "warning"


@pytest.mark.parametrize(
    ("free", "limit", "state"),
    [(8e9, "max", "good"), (8e9, "700000000", "warning"), (0.5e9, "max", "warning"), (8e9, "2000000000", "good")],
)
def test_less_than_a_gigabyte_of_memory_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, limit: str, state: str
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16_000_000_000, available=int(free)))
    write(tmp_path, proc__self__cgroup="0::/", sys__fs__cgroup__memory_DOT_max=limit)
    assert state_of(machine_checks.check_memory(tmp_path)) == state


@pytest.mark.parametrize(("used", "state"), [(0, "good"), (30_000_000, "good"), (2_000_000_000, "warning")])
def test_swap_that_is_in_use_is_noted(monkeypatch: pytest.MonkeyPatch, used: int, state: str) -> None:
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(used=used))
    assert state_of(machine_checks.check_swap()) == state


@pytest.mark.parametrize("clock", [time.process_time_ns, time.perf_counter_ns])
def test_the_clocks_of_this_machine_are_fine(clock: object) -> None:
    assert state_of(machine_checks.check_clock("clock", clock)) == "good"  # type: ignore[arg-type]


def test_a_coarse_clock_is_noted_with_the_pass_that_it_bears() -> None:
    check = machine_checks.check_clock(
        "CPU clock", lambda: time.perf_counter_ns() // 2_000_000 * 2_000_000, timeout=0.05
    )
    assert state_of(check) == "warning"
    assert check.finding.startswith("steps of 2,000,000 ns")
    assert "0.2 s" in check.remedy


def test_a_clock_that_stands_still_makes_measuring_impossible() -> None:
    assert state_of(machine_checks.check_clock("CPU clock", lambda: 5, timeout=0.01)) == "bad"


@pytest.mark.parametrize(
    ("source", "offered", "state", "remedy"),
    [
        ("tsc", "tsc hpet", "good", ""),
        ("kvm-clock", "kvm-clock", "good", ""),
        ("hpet", "tsc hpet acpi_pm", "warning", "echo tsc | sudo tee"),
        ("acpi_pm", "acpi_pm", "warning", "use long passes"),
    ],
)
def test_a_clock_source_that_is_slow_to_read_is_noted(
    tmp_path: Path, source: str, offered: str, state: str, remedy: str
) -> None:
    folder = "sys__devices__system__clocksource__clocksource0"
    write(tmp_path, **{f"{folder}__current_clocksource": source, f"{folder}__available_clocksource": offered})
    check = machine_checks.check_clock_source(tmp_path)
    assert state_of(check) == state
    assert check is not None
    assert check.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("setting", "personality", "state"),
    [("2", "00000000", "good"), ("2", "00040000", "warning"), ("1", "00000000", "warning"), ("0", "", "warning")],
)
def test_frozen_addresses_are_noted(tmp_path: Path, setting: str, personality: str, state: str) -> None:
    write(tmp_path, proc__sys__kernel__randomize_va_space=setting, proc__self__personality=personality)
    assert state_of(machine_checks.check_address_layout(tmp_path)) == state


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is a part of Linux")
@pytest.mark.parametrize(("version", "state"), [(0, "warning"), (1, "good"), (7, "good")])
def test_kernel_that_cannot_protect_files_is_noted(version: int, state: str) -> None:
    assert state_of(machine_checks.check_file_protection(lambda: version)) == state


def test_a_results_folder_that_is_a_file_or_below_one_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("taken")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for folder in (tmp_path / "file", tmp_path / "file" / "results", tmp_path / "nowhere"):
        check = machine_checks.check_results_folder(folder)
        assert state_of(check) == "bad"
        assert str(folder) in check.finding


def test_a_results_folder_may_be_there_or_yet_to_be_made(tmp_path: Path) -> None:
    assert machine_checks.check_results_folder(tmp_path).finding.endswith("is writable")
    assert machine_checks.check_results_folder(tmp_path / "a" / "b").finding.endswith("can be created")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "state"), [(5e9, "good"), (3e8, "warning")])
def test_little_room_on_a_disk_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    assert state_of(machine_checks.check_disk("disk", tmp_path / "not yet" / "made")) == state
