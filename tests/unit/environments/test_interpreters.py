"""Interpreters are found where they live, once each, and nothing that only looks like one counts."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from perfbench.environments import interpreters
from perfbench.environments.host import describe_host
from perfbench.environments.interpreters import Interpreter, find_interpreters
from perfbench.errors import EnvironmentProblem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")

REAL = os.path.realpath(sys.executable)
VERSION = sys.version.split()[0]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it but the interpreter of the tests."""
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    real_places = interpreters._list_search_folders
    monkeypatch.setattr(
        interpreters, "_list_search_folders", lambda: [p for p in real_places() if tmp_path in p.parents]
    )
    return tmp_path


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def claims_to_be(path: Path, version: str, implementation: str = "cpython") -> Interpreter:
    """A stand-in that answers as an interpreter of this version would."""
    script(path, f"printf '%s\\n' {implementation} {version} {path}")
    return Interpreter(version, str(path))


def test_here_is_the_interpreter_that_runs_perfbench() -> None:
    assert describe_host().name == "here"
    assert describe_host().python == sys.executable


def test_this_machine_has_at_least_the_interpreter_that_runs_the_tests() -> None:
    found = find_interpreters()
    assert Interpreter(VERSION, REAL) in found
    assert len({interpreter.path for interpreter in found}) == len(found)
    assert all(Path(interpreter.path).is_file() for interpreter in found)


def test_every_place_is_searched_and_the_oldest_stands_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(script(home / "none", "exit 1")))
    expected = [
        claims_to_be(home / ".pyenv/versions/3.8.18/bin/python3.8", "3.8.18"),
        claims_to_be(home / "bin/python3.9", "3.9.2"),
        claims_to_be(home / "bin/python3.10", "3.10.13"),
        claims_to_be(home / ".local/share/uv/python/cpython-3.14.0rc1-linux/bin/python3.14", "3.14.0rc1"),
    ]
    assert list(find_interpreters()) == expected


def test_the_variables_of_pyenv_and_uv_are_honoured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(home / "elsewhere"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(home / "managed"))
    expected = {
        claims_to_be(home / "elsewhere/versions/3.12.1/bin/python3.12", "3.12.1"),
        claims_to_be(home / "managed/cpython-3.13.0/bin/python3.13", "3.13.0"),
    }
    assert expected < set(find_interpreters())


def test_the_usual_folders_are_among_the_places() -> None:
    assert {Path("/usr/bin"), Path("/usr/local/bin"), Path("/opt/homebrew/bin")} <= set(
        interpreters._list_search_folders()
    )


def test_an_interpreter_with_several_names_counts_once(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin/python3.77").symlink_to(sys.executable)
    (home / "bin/python3.78").symlink_to(home / "bin/python3.77")
    script(home / "bin/python3.79", f'exec "{sys.executable}" "$@"')
    assert find_interpreters() == (Interpreter(VERSION, REAL),)


def test_interpreter_that_is_too_old_or_broken_or_another_implementation_is_ignored(home: Path) -> None:
    claims_to_be(home / "bin/python3.7", "3.7.16")
    claims_to_be(home / "bin/python3.10", "3.10.14", implementation="pypy")
    script(home / "bin/python3.11", f"printf '%s\\n' cpython 3.11.1 {home}/bin/python3.11; exit 127")
    script(home / "bin/python3.12", "echo Python 3.12")
    script(home / "bin/python3.13", "exit 0").chmod(0o644)
    (home / "bin/python3.14").write_bytes(b"\x7fELF nonsense")
    (home / "bin/python3.14").chmod(0o755)
    (home / "bin/python3.15").mkdir()
    (home / "bin/python3.16").symlink_to(home / "nowhere")
    claims_to_be(home / "bin/python3.9-config", "3.9.1")
    assert find_interpreters() == (Interpreter(VERSION, REAL),)


def test_shims_are_not_even_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = home / "started"
    script(home / ".pyenv/shims/python3.8", f": > {started}; echo pyenv: python3.8: command not found >&2; exit 127")
    monkeypatch.setenv("PATH", str(home / ".pyenv/shims"))
    assert find_interpreters() == (Interpreter(VERSION, REAL),)
    assert not started.exists()


def test_an_interpreter_that_hangs_is_ended_with_its_children(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "PROBE_TIMEOUT", 0.5)
    marker = f"{60_000 + os.getpid() / 1e7:.7f}"
    script(home / "bin/python3.9", f"sleep {marker} & sleep {marker}")
    started = time.monotonic()
    monkeypatch.setattr(sys, "executable", str(script(home / "none", "exit 1")))
    monkeypatch.setenv("PATH", os.pathsep.join((str(home / "bin"), "/usr/bin", "/bin")))
    assert find_interpreters() == ()
    assert time.monotonic() - started < 10
    assert not [process for process in psutil.process_iter(["cmdline"]) if marker in (process.info["cmdline"] or [])]


def test_the_module_search_path_of_the_shell_does_not_reach_the_question(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "sitecustomize.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(home))
    assert find_interpreters() == (Interpreter(VERSION, REAL),)


def test_odd_names_and_broken_files_are_no_interpreters(home: Path) -> None:
    folder = home / "bin"
    for name in ("python3", "python3.11-dbg", "python3.12d", "python3.11.7", "python3.x", "python3.12~", "pypy3-c"):
        claims_to_be(folder / name, "3.12.1")
    (folder / "python3.8").symlink_to("nowhere")
    (folder / "python3.9").symlink_to("python3.9")  # a link to itself
    (folder / "python3.10").mkdir()
    os.mkfifo(folder / "python3.11")
    (folder / "python3.12").write_text("")  # neither a program nor executable
    (folder / "python3.13").write_bytes(b"\x7fELF rubbish")
    (folder / "python3.13").chmod(0o755)
    script(folder / "python3.14", "printf '\\377\\n'")  # no UTF-8
    claims_to_be(folder / "python3.15", "3.15.0")
    assert [python.version for python in find_interpreters() if python.path != REAL] == ["3.15.0"]
    assert interpreters.compute_fingerprint()


def test_one_unreadable_entry_does_not_hide_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claims_to_be(home / "bin" / "python3.8", "3.8.1")
    claims_to_be(home / "bin" / "python3.9", "3.9.1")
    real = Path.is_file

    def is_file(path: Path) -> bool:
        if path.name == "python3.8":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert [python.version for python in find_interpreters() if python.path != REAL] == ["3.9.1"]


@pytest.mark.parametrize("build", ["cpythond", "cpythont", "pypy"])
def test_other_builds_under_a_normal_name_are_left_out(build: str, home: Path) -> None:
    claims_to_be(home / "bin" / "python3.20", "3.20.0", implementation=build)
    assert [python.version for python in find_interpreters() if python.path != REAL] == []


def test_final_release_is_preferred_to_its_candidate(home: Path) -> None:
    claims_to_be(home / "bin" / "python3.30", "3.30.0")
    claims_to_be(home / ".pyenv" / "versions" / "3.30.0rc1" / "bin" / "python3.30", "3.30.0rc1")
    assert interpreters.find_interpreter("3.30").version == "3.30.0"


@pytest.mark.parametrize(
    ("name", "implementation", "wanted", "label"),
    [
        ("python3.40t", "cpythont", "3.40t", "3.40.1t"),
        ("python3.40", "cpythont", "3.40t", "3.40.1t"),
        ("pypy3.40", "pypy", "pypy3.40", "PyPy 3.40.1"),
        ("pypy3", "pypy", "pypy3.40.1", "PyPy 3.40.1"),
    ],
)
def test_another_build_is_found_by_its_own_version_alone(
    name: str, implementation: str, wanted: str, label: str, home: Path
) -> None:
    claims_to_be(home / "bin" / name, "3.40.1", implementation)
    assert interpreters.find_interpreter(wanted).label == label
    with pytest.raises(EnvironmentProblem, match=r"Python 3\.40 is not on this machine; found: .*3\.40\.1"):
        interpreters.find_interpreter("3.40")


def test_debug_build_is_no_interpreter_to_measure_in(home: Path) -> None:
    claims_to_be(home / "bin" / "python3.41", "3.41.0", "cpythond")
    assert "3.41.0" not in [python.version for python in interpreters.find_all_builds()]


@pytest.mark.parametrize(("wanted", "name"), [("3.42t", "Python 3.42t"), ("pypy3.42", "PyPy 3.42")])
def test_build_that_is_not_there_is_refused_by_name(wanted: str, name: str, home: Path) -> None:
    claims_to_be(home / "bin" / "python3.42", "3.42.0")
    with pytest.raises(EnvironmentProblem, match=rf"{name} is not on this machine; found: .*3\.42\.0"):
        interpreters.find_interpreter(wanted)


def test_cache_key_of_a_usual_build_has_no_build() -> None:
    assert Interpreter("3.12.1", "/python").key == {"version": "3.12.1", "path": "/python"}
    assert Interpreter("3.14.0", "/python", "t").key["build"] == "t"
