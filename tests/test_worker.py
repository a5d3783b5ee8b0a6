"""The worker in every Python found: what it imports, what it tells, and that the host does not leak into it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from command_line import HERE, SCENARIOS, variables

from perfbench import spawn
from perfbench.environments import OLDEST, Interpreter, find_interpreters
from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.spawn import Worker
from perfbench.worker.protocol import Described, Digested, Item, Measured, Ready, Request

WORKER = HERE.parent / "perfbench" / "worker"
PYTHONS = find_interpreters()
each_python = pytest.mark.parametrize("python", PYTHONS, ids=lambda found: found.version)


def environment(python: Interpreter) -> Environment:
    return Environment("test", python.path)


def asked(python: Interpreter, task: str, scenario: str, mode: str = "", **more: object) -> Worker:
    request = Request(task, str(SCENARIOS / f"{scenario}.py"), mode, **more)  # type: ignore[arg-type]
    return Worker(environment(python), request, hash_seed=0, timeout=30)


def test_the_oldest_python_that_is_supported_is_among_those_tried_here() -> None:
    if not any(tuple(map(int, python.version.split(".")[:2])) == OLDEST for python in PYTHONS):
        pytest.skip("no CPython 3.8 on this machine")


@each_python
def test_a_worker_describes_a_scenario_file(python: Interpreter) -> None:
    found = spawn.describe(environment(python), str(SCENARIOS / "parameters.py"))
    assert isinstance(found, Described)
    assert found.doc == "Do parameters reach the modes and the set-ups?"
    assert [(mode.name, mode.baseline) for mode in found.modes] == [("slow", True), ("fast", False)]
    assert found.modes[0].parameters == {"cost": 1.0, "kind": "plain", "extra": False, "window": 10}
    assert found.modes[1].parameters == {"cost": 1.0, "window": 10}


@each_python
def test_a_worker_times_a_pass(python: Interpreter) -> None:
    with asked(python, "time", "parameters", "slow", parameters={"window": 3, "kind": "four"}) as worker:
        assert worker.expect(Ready).startup_seconds > 0
        worker.go()
        measured = worker.expect(Measured)
        worker.end()
    assert (measured.work, measured.metrics["reported_seconds"], measured.numbers) == (3, 3.0, {"letters": 4.0})
    assert measured.metrics["cpu_seconds"] >= 0
    assert measured.metrics["wall_seconds"] > 0


@each_python
def test_a_worker_digests_an_output_the_same_in_every_python(python: Interpreter) -> None:
    with asked(python, "check", "other_output", "right") as worker:
        digested = worker.expect(Digested)
        worker.end()
    assert (digested.updates, digested.block_size, len(digested.blocks)) == (3000, 1024, 3)
    assert digested.digest == "42dec092103e138e7586fd297aab9732"


@each_python
def test_a_worker_shows_the_updates_that_it_is_asked_for(python: Interpreter) -> None:
    with asked(python, "dump", "other_output", "wrong", first=2499, last=2500) as worker:
        items = list(worker.answers(Item))
    assert [(item.number, item.value["runners"][1]["price"]) for item in items] == [(2499, 3.5), (2500, 3.55)]


@each_python
def test_the_hosts_packages_do_not_leak_into_a_worker(python: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "peeks.py").write_text(
        '"""What can be imported?"""\nimport importlib.util, sys\nfrom perfbench import mode\n'
        "import perfbench\n"
        "@mode\ndef finds():\n    return perfbench.Work(1, "
        "msgspec=int(importlib.util.find_spec('msgspec') is not None), "
        "parent=int(any(p.endswith('perfbench/worker') for p in sys.path)))\n"
    )
    request = Request("time", str(tmp_path / "peeks.py"), "finds")
    with Worker(environment(python), request, hash_seed=0, timeout=30) as worker:
        worker.expect(Ready)
        worker.go()
        measured = worker.expect(Measured)
    purelib = subprocess.run(
        [python.path, "-s", "-c", "import importlib.util as i; print(int(i.find_spec('msgspec') is not None))"],
        capture_output=True,
        text=True,
        check=True,
        env=variables(tmp_path),
    )
    assert measured.numbers == {"msgspec": float(purelib.stdout), "parent": 0.0}


def test_the_worker_imports_the_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"perfbench"}
    for path in sorted(WORKER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in allowed, f"{path.name} imports {name}"
                assert not name.startswith("perfbench.") or name.startswith("perfbench.worker"), path.name


def test_what_was_really_imported_is_reported_with_version_and_file(tmp_path: Path) -> None:
    (tmp_path / "imports.py").write_text(
        '"""?"""\nimport betfairlightweight\nfrom perfbench import mode\n@mode\ndef one():\n    return 1\n'
    )
    request = Request("check", str(tmp_path / "imports.py"), "one")
    with Worker(Environment("here", sys.executable), request, hash_seed=0, timeout=30) as worker:
        packages = {package.name: package for package in worker.expect(Digested).packages}
    import betfairlightweight

    assert packages["betfairlightweight"].version == betfairlightweight.__version__
    relative = Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    assert packages["betfairlightweight"].file == f"{{prefix}}/{relative}/betfairlightweight/__init__.py"


def test_an_interpreter_that_is_not_there_is_a_failed_trial() -> None:
    with pytest.raises(TrialFailed, match=r"nowhere/python cannot be started: No such file or directory"):
        Worker(Environment("gone", "nowhere/python"), Request("describe", "x"), hash_seed=0, timeout=5)


def test_something_that_is_no_worker_breaks_the_protocol_in_one_line(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho hello\n")
    fake.chmod(0o755)
    with (
        Worker(Environment("fake", str(fake)), Request("describe", "x"), hash_seed=0, timeout=5) as worker,
        pytest.raises(TrialFailed, match="the worker broke the protocol: b'hello'"),
    ):
        worker.expect(Described)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_worker_dies_with_its_host(tmp_path: Path) -> None:
    host = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, signal\nfrom perfbench.spawn import Worker\nfrom perfbench.model import Environment\n"
            "from perfbench.worker.protocol import Request, Ready\n"
            "w = Worker(Environment('x', sys.executable), Request('time', sys.argv[1], 'sleeps'), hash_seed=0, timeout=60)\n"
            "w.expect(Ready); w.go(); print(w._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)",
            str(SCENARIOS / "hangs.py"),
        ],
        capture_output=True,
        text=True,
        env=variables(tmp_path),
        check=False,
    )
    state = Path(f"/proc/{host.stdout.strip()}/status")
    assert host.stdout.strip()
    end = time.monotonic() + 10
    while state.exists() and "Z (zombie)" not in state.read_text():
        assert time.monotonic() < end, "the worker outlives its host"
        time.sleep(0.05)


def test_messages_are_lines_of_json_and_never_hold_a_nan() -> None:
    from perfbench.worker.protocol import encode

    line = encode(Ready(0.25))
    assert line.endswith(b"\n")
    assert json.loads(line) == {"say": "Ready", "startup_seconds": 0.25}
    with pytest.raises(ValueError, match="JSON"):
        encode(Ready(float("nan")))


@each_python
def test_the_output_that_a_work_carries_is_checked_as_if_it_had_been_yielded(python: Interpreter) -> None:
    digests = {}
    for mode in ("yields", "carries", "differs"):
        with asked(python, "check", "output_at_the_end", mode) as worker:
            digests[mode] = worker.expect(Digested)
            worker.end()
    assert digests["carries"] == digests["yields"]
    assert digests["differs"].digest != digests["yields"].digest
    with asked(python, "dump", "output_at_the_end", "differs", first=2, last=9) as worker:
        assert [(item.number, item.value["price"]) for item in worker.answers(Item)] == [(2, 3.55)]


@each_python
def test_a_timed_pass_does_not_go_through_the_output_that_a_work_carries(python: Interpreter) -> None:
    with asked(python, "time", "output_at_the_end", "costs_much_to_show") as worker:
        worker.expect(Ready)
        worker.go()
        assert worker.expect(Measured).work == 3
        worker.end()
    with (
        asked(python, "check", "output_at_the_end", "costs_much_to_show") as worker,
        pytest.raises(TrialFailed, match="ZeroDivisionError"),
    ):
        worker.expect(Digested)


@each_python
def test_a_work_that_claims_more_than_its_output_shows_is_refused(python: Interpreter) -> None:
    with (
        asked(python, "check", "output_at_the_end", "claims_more") as worker,
        pytest.raises(TrialFailed, match=r"^a mode's output had 3 items for 4 units of work$"),
    ):
        worker.expect(Digested)


@each_python
@pytest.mark.parametrize("memory", [True, False])
def test_a_mode_that_works_in_processes_of_its_own_tells_their_peak_memory(python: Interpreter, memory: bool) -> None:
    with asked(python, "time", "output_at_the_end", "works_elsewhere", memory=memory) as worker:
        worker.expect(Ready)
        worker.go()
        measured = worker.expect(Measured)
        worker.end()
    assert measured.metrics.get("peak_rss_bytes") == (123456789 if memory else None)
    assert measured.numbers == {}
