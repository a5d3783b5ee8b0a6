"""The doctor through the real command line: what it prints, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perfbench.cli.commands import doctor
from perfbench.runner.machine_checks import MachineCheck
from perfbench.util import extras, paths

if TYPE_CHECKING:
    from pathlib import Path

HEADINGS = ("check", "finding", "remedy")


def call(cache: Path, *options: str, limit: int | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """``perfbench doctor`` where a row takes one line; ``limit`` is the size of the largest file that it may write.

    No bytecode is written: CPython does not notice when a limit cuts it short, and the next import would stumble.
    """

    def limit_files() -> None:
        import resource

        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYENV_ROOT", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "perfbench", "doctor", *options],
        capture_output=True,
        encoding="utf-8",
        env={**kept, "COLUMNS": "1000", "PERFBENCH_CACHE": str(cache), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        preexec_fn=None if sys.platform == "win32" else limit_files,
        timeout=60,
        check=False,
    )


def rows(output: str) -> dict[str, tuple[str, str, str]]:
    """Check → mark, finding, remedy."""
    heading, *lines = output.splitlines()
    what, finding, remedy = (heading.index(name) for name in HEADINGS)
    return {
        line[what:finding].strip(): (line[:what].strip(), line[finding:remedy].strip(), line[remedy:].strip())
        for line in lines
        if line[:what].strip() in {"ok", "warning", "bad"}
    }


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """One call with a results folder that is still to be made."""
    folder = tmp_path_factory.mktemp("doctor")
    return call(folder / "cache", "--results", str(folder / "results"))


def test_this_machine_can_measure(here: subprocess.CompletedProcess[str]) -> None:
    assert (here.returncode, here.stderr) == (0, "")
    assert here.stdout.splitlines()[-1].startswith("This machine can measure")


def test_doctor_reports_machine_installation_and_available_measurements(
    here: subprocess.CompletedProcess[str],
) -> None:
    found = rows(here.stdout)
    assert {"cores", "load", "memory", "CPU clock", "wall clock", "results folder"} <= found.keys()
    assert {"packages", "scenarios", "sample data"} <= found.keys()
    assert {"Pythons", "market files", "valgrind", "uv", "perf", "hyperfine"} <= found.keys()
    assert sys.version.split()[0] in found["Pythons"][1]
    assert f"numpy {importlib.metadata.version('numpy')}" in found["packages"][1]
    assert found["scenarios"][0] == "ok"


def test_every_failed_check_names_its_fix(here: subprocess.CompletedProcess[str]) -> None:
    found = rows(here.stdout)
    assert len(found) == len(here.stdout.splitlines()) - 2
    assert all(finding and bool(remedy) == (mark != "ok") for mark, finding, remedy in found.values())
    warnings = sum(mark == "warning" for mark, _, _ in found.values())
    assert here.stdout.splitlines()[-1] == (
        f"This machine can measure, with {warnings} warning{'s' * (warnings > 1)}."
        if warnings
        else "This machine can measure."
    )


def test_doctor_leaves_nothing_behind_but_bytecode_in_the_cache(tmp_path: Path) -> None:
    assert call(tmp_path / "cache", "--results", str(tmp_path / "results")).returncode == 0
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.startswith("cache/environments/bytecode/") for path in left)
    assert not (tmp_path / "results").exists()


def test_colour_is_used_if_it_is_wanted_and_never_against_no_color(tmp_path: Path) -> None:
    assert "\x1b[32mok" in call(tmp_path, FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b" not in call(tmp_path, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").stdout
    assert "\x1b" not in call(tmp_path, TERM="xterm").stdout


def assert_nothing_can_be_measured(ended: subprocess.CompletedProcess[str], finding: str) -> None:
    mark, found, remedy = rows(ended.stdout)["results folder"]
    assert (mark, found) == ("bad", finding)
    assert remedy
    assert ended.returncode == 5
    assert ended.stderr == "perfbench: cannot measure on this machine; fix results folder (see table)\n"
    assert "This machine can measure" not in ended.stdout


def test_a_file_in_place_of_the_results_folder_ends_with_5(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("taken")
    ended = call(tmp_path, "--results", str(tmp_path / "results"))
    assert_nothing_can_be_measured(ended, f"{tmp_path / 'results'}: Not a directory")


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit(2)")
def test_a_results_folder_that_takes_no_more_ends_with_5(tmp_path: Path) -> None:
    """By a limit on the size of files, because it holds for root too."""
    ended = call(tmp_path, "--results", str(tmp_path), limit=4096)
    assert_nothing_can_be_measured(ended, f"{tmp_path}: File too large")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that not even root can write to")
def test_a_results_folder_that_cannot_be_written_to_ends_with_5(tmp_path: Path) -> None:
    ended = call(tmp_path, "--results", "/proc/perfbench")
    assert ended.returncode == 5
    assert rows(ended.stdout)["results folder"][0] == "bad"


def test_foreign_text_cannot_command_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "\x1b[31m[bold]\u202eresults"
    folder.write_text("taken")
    ended = call(tmp_path, "--results", str(folder))
    assert r"\x1b[31m[bold]\u202eresults: Not a directory" in ended.stdout
    assert "\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("requirements", "state", "finding"),
    [
        (["numpy>=1.26", "no-such-thing>=2"], "bad", "missing: no-such-thing"),
        (["no-such-thing>=5", "no-other-thing"], "bad", "missing: no-such-thing, no-other-thing"),
        (["numpy>=1.26", "no-such-thing>=2; python_version < '3.0'"], "good", "numpy 9.9"),
        (["numpy>=1.26", "no-such-thing>=2; extra == 'plots'"], "good", "numpy 9.9"),
        (["numpy[extra]>=1.26", "rich~=13.7"], "good", "numpy 9.9, rich 9.9"),
    ],
)
def test_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, requirements: list[str], state: str, finding: str
) -> None:
    def version(name: str) -> str:
        if name in {"numpy", "rich"}:
            return "9.9"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", lambda name: requirements)
    monkeypatch.setattr(importlib.metadata, "version", version)
    check = doctor.check_packages()
    assert (check.state, check.finding) == (state, finding)
    assert bool(check.remedy) == (state != "good")


def test_extras_that_are_not_installed_are_named_with_the_command_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "EXTRAS", {"plots": ("json",), "remote": ("no_such_thing",)})
    monkeypatch.setitem(extras.EXTRAS, "plots", ("json",))
    monkeypatch.setitem(extras.EXTRAS, "remote", ("no_such_thing",))
    check = doctor.check_extras()
    assert (check.state, check.remedy) == ("good", "")
    assert check.finding == "plots; not installed: remote (pip install 'betfair-perfbench[remote]')"


def test_a_copy_that_was_never_installed_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-distribution")
    assert doctor.check_packages().state == "warning"


def test_an_installation_without_scenarios_cannot_measure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "bundled_folder", lambda name: tmp_path / name)
    (tmp_path / "scenarios" / "replay").mkdir(parents=True)
    (tmp_path / "scenarios" / "replay" / "_shared.py").touch()
    states = {check.name: check.state for check in doctor.check_installation()}
    assert (states["scenarios"], states["sample data"]) == ("bad", "warning")
    (tmp_path / "scenarios" / "replay" / "replay.py").touch()
    (tmp_path / "sample_data").mkdir()
    (tmp_path / "sample_data" / "MANIFEST.toml").touch()
    states = {check.name: check.state for check in doctor.check_installation()}
    assert (states["scenarios"], states["sample data"]) == ("good", "warning")


def test_pulled_market_files_are_counted(tmp_path: Path) -> None:
    assert doctor.check_market_files(tmp_path / "none").state == "warning"
    (tmp_path / "flumine").mkdir()
    (tmp_path / "flumine" / "1.170258213").write_bytes(bytes(1_500_000))
    assert doctor.check_market_files(tmp_path) == MachineCheck("market files", "good", "1 pulled, 1.5 MB")


def test_tools_are_found_on_the_path_and_beside_the_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    for name in ("path/perf", "venv/uv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch(0o755)
    assert doctor.check_tool("perf").finding == str(tmp_path / "path" / "perf")
    assert doctor.check_tool("uv").finding == str(tmp_path / "venv" / "uv")
    assert doctor.check_tool("valgrind").state == "warning"
