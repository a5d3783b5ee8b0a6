"""The worker in every Python found: what it imports, what it tells, and that the host does not leak into it."""

from __future__ import annotations

import ast
import json
import platform
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from support.command_line import HERE, SCENARIOS, variables

from perfbench.environments.interpreters import OLDEST_PYTHON, Interpreter, find_interpreters
from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner import worker_process
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import (
    DescribedScenario,
    Done,
    OutputDigest,
    OutputItem,
    PassCompleted,
    PassMeasurement,
    Ready,
    Replayed,
    Request,
    Stamp,
)

WORKER = HERE.parent / "perfbench" / "worker"
PYTHONS = find_interpreters()
each_python = pytest.mark.parametrize("python", PYTHONS, ids=lambda found: found.version)


def environment(python: Interpreter) -> Environment:
    return Environment("test", python.path)


def here() -> Interpreter:
    return Interpreter(platform.python_version(), sys.executable)


def asked(python: Interpreter, task: str, scenario: str, mode: str = "", **more: object) -> WorkerProcess:
    request = Request(task, str(SCENARIOS / f"{scenario}.py"), mode, **more)  # type: ignore[arg-type]
    return WorkerProcess(environment(python), request, hash_seed=0, timeout=30)


def test_the_oldest_python_that_is_supported_is_among_those_tried_here() -> None:
    if not any(tuple(map(int, python.version.split(".")[:2])) == OLDEST_PYTHON for python in PYTHONS):
        pytest.skip("no CPython 3.8 on this machine")


@each_python
def test_a_worker_describes_a_scenario_file(python: Interpreter) -> None:
    found = worker_process.describe_scenario_file(environment(python), str(SCENARIOS / "parameters.py"))
    assert isinstance(found, DescribedScenario)
    described = found.scenario
    assert described.doc == "Do parameters reach the modes and the set-ups?"
    assert [(mode.name, mode.baseline) for mode in described.modes] == [("slow", True), ("fast", False)]
    defaults = [{parameter.name: parameter.default for parameter in mode.parameters} for mode in described.modes]
    assert defaults[0] == {"cost": 1.0, "kind": "plain", "extra": False, "window": 10}
    assert defaults[1] == {"cost": 1.0, "window": 10}


@each_python
def test_a_worker_times_a_pass(python: Interpreter) -> None:
    with asked(python, "time", "parameters", "slow", parameters={"window": 3, "kind": "four"}) as worker:
        assert worker.expect(Ready).startup_seconds > 0
        worker.go()
        measured = worker.expect(PassMeasurement)
        worker.end()
    assert (measured.work, measured.metrics["reported_seconds"], measured.numbers) == (3, 3.0, {"letters": 4.0})
    assert measured.metrics["cpu_seconds"] >= 0
    assert measured.metrics["wall_seconds"] > 0


@each_python
def test_worker_reports_the_state_of_the_market_file_before_and_after_its_pass(
    python: Interpreter, market: Path
) -> None:
    status = market.stat()
    stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
    for task, kind in (("time", PassMeasurement), ("check", OutputDigest)):
        with asked(python, task, "reads_lines", "lines", market=str(market)) as worker:
            if task == "time":
                worker.expect(Ready)
                worker.go()
            worker.expect(kind)
            assert worker.expect(Done) == Done([Replayed(stamp, stamp)])


@each_python
def test_worker_reports_a_market_file_that_disappears_after_its_pass(python: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "removes.py").write_text(
        "import os\nfrom perfbench import mode\n\n\n@mode\ndef one(market):\n    os.unlink(market)\n    return 1\n"
    )
    (tmp_path / "market").write_text("{}\n")
    request = Request("check", str(tmp_path / "removes.py"), "one", str(tmp_path / "market"))
    with WorkerProcess(environment(python), request, hash_seed=0, timeout=30) as worker:
        worker.expect(OutputDigest)
        (replayed,) = worker.expect(Done).replayed
    assert (replayed.before is None, replayed.after) == (False, None)


@each_python
def test_worker_without_a_market_reports_no_file(python: Interpreter) -> None:
    with asked(python, "check", "parameters", "fast") as worker:
        worker.expect(OutputDigest)
        assert worker.expect(Done) == Done([])


@each_python
def test_a_worker_that_is_held_waits_when_its_pass_is_over(python: Interpreter) -> None:
    with asked(python, "time", "parameters", "slow", held=True, counted=True) as worker:
        worker.expect(Ready)
        worker.go()
        worker.expect(PassCompleted)
        assert not worker.answers_within(0.2)
        worker.go()
        measured = worker.expect(PassMeasurement)
        worker.end()
    assert measured.work == 10
    assert "queue_seconds" not in measured.metrics


@each_python
def test_a_worker_digests_an_output_the_same_in_every_python(python: Interpreter) -> None:
    with asked(python, "check", "other_output", "right") as worker:
        digested = worker.expect(OutputDigest)
        worker.end()
    assert (digested.updates, digested.block_size, len(digested.blocks)) == (3000, 1024, 3)
    assert digested.digest == "a5988db33debfc370e96f9b04ea7e3ac"


@each_python
def test_worker_shows_requested_updates(python: Interpreter) -> None:
    with asked(python, "dump", "other_output", "wrong", first=2499, last=2500) as worker:
        items = list(worker.answers(OutputItem))
    assert [(item.number, item.value["runners"][1]["price"]) for item in items] == [(2499, 3.5), (2500, 3.55)]


@each_python
def test_check_digests_the_output_with_each_set_of_changes_undone(python: Interpreter) -> None:
    sets = [["order"], [], ["order", "price"], ["price"]]
    digested = {}
    for mode in ("before", "reordered", "repriced", "both", "something_else"):
        with asked(python, "check", "known_changes", mode, undone=sets) as worker:
            digested[mode] = worker.expect(OutputDigest)
            worker.end()
    plain = {mode: found.digest for mode, found in digested.items()}
    order, nothing, both, price = ({mode: found.undone[n] for mode, found in digested.items()} for n in range(4))
    assert len(set(plain.values())) == 5
    assert nothing == plain
    assert order["before"] == order["reordered"] == plain["before"]
    assert order["before"] not in (order["repriced"], order["both"], order["something_else"])
    assert price["before"] == price["repriced"] == plain["before"]
    assert both["before"] == both["reordered"] == both["repriced"] == both["both"] != both["something_else"]
    for found in digested.values():
        assert [len(blocks) for blocks in (found.blocks, *found.undone_blocks)] == [2] * 5
        assert found.undone_blocks[1] == found.blocks


@each_python
def test_a_dump_shows_the_output_with_the_first_set_of_changes_undone(python: Interpreter) -> None:
    with asked(python, "dump", "known_changes", "both", first=3, last=3, undone=[["order"], ["price"]]) as worker:
        (item,) = worker.answers(OutputItem)
    assert item.value == [{"id": 1, "price": 0}, {"id": 2, "price": 4.5}]


@each_python
def test_traits_are_those_of_the_first_item_of_output(python: Interpreter) -> None:
    with asked(python, "check", "known_changes", "before") as worker:
        assert worker.expect(OutputDigest).traits == {"prices start at": "0.0"}
        worker.end()
    with asked(python, "check", "known_changes", "empty") as worker:
        assert worker.expect(OutputDigest).traits == {}
        worker.end()


def test_a_canonical_form_of_two_arguments_undoes_nothing(tmp_path: Path) -> None:
    with asked(here(), "check", "other_output", "right", undone=[]) as worker:
        assert worker.expect(OutputDigest).undone == []
        worker.end()
    (tmp_path / "two.py").write_text(
        '"""?"""\nfrom perfbench import Change, canonical, mode\n'
        "CHANGES = [Change('order', 'p', '1.0', ['x'], 'why')]\n"
        "@mode\ndef one():\n    yield 1\n@canonical\ndef same(item, part):\n    return item\n"
    )
    request = Request("check", str(tmp_path / "two.py"), "one", undone=[["order"]])
    with WorkerProcess(environment(here()), request, hash_seed=0, timeout=30) as worker:
        digested = worker.expect(OutputDigest)
        worker.end()
    assert digested.undone == [digested.digest]


def test_a_change_that_the_scenario_does_not_announce_cannot_be_undone() -> None:
    with (
        asked(here(), "check", "known_changes", "before", undone=[["order", "colour"]]) as worker,
        pytest.raises(TrialFailed, match="has no change `colour` in CHANGES"),
    ):
        worker.expect(OutputDigest)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("CHANGES = ['order']", "CHANGES contains 'order', which is not a Change"),
        ("CLAIMS = [2.3]", "CLAIMS contains 2.3, which is not a Claim"),
        ("TRAITS = ['zone']", "TRAITS must map the name of each trait to a function of an item"),
    ],
)
def test_a_list_that_holds_something_else_is_one_clear_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "odd.py").write_text(f'"""?"""\nfrom perfbench import mode\n{line}\n@mode\ndef one():\n    return 1\n')
    with pytest.raises(TrialFailed, match=said):
        worker_process.describe_scenario_file(environment(here()), str(tmp_path / "odd.py"))


def test_worker_describes_groups_floor_modes_changes_and_imported_versions() -> None:
    found = worker_process.describe_scenario_file(environment(here()), str(SCENARIOS / "known_changes.py"))
    assert [(change.name, change.release, change.trait) for change in found.scenario.changes] == [
        ("order", "2.0", ""),
        ("price", "3.0", ""),
        ("start", "4.0", "prices start at"),
    ]
    assert [(m.name, m.group, m.floor) for m in found.scenario.modes if m.group] == [("least", "engines", True)]
    assert "packaging" in {package.name for package in found.packages}


def test_a_need_is_not_missing_because_of_how_it_is_to_be_installed() -> None:
    described = worker_process.describe_scenario_file(environment(here()), str(SCENARIOS / "needs_alone.py"))
    missing = {mode.name: mode.missing for mode in described.scenario.modes}
    assert missing["alone"] == ()
    assert missing["other_version"] == ("packaging==0.1 --no-deps",)


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
    with WorkerProcess(environment(python), request, hash_seed=0, timeout=30) as worker:
        worker.expect(Ready)
        worker.go()
        measured = worker.expect(PassMeasurement)
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


def test_imported_packages_are_reported_with_version_and_file(tmp_path: Path) -> None:
    (tmp_path / "imports.py").write_text(
        '"""?"""\nimport betfairlightweight\nfrom perfbench import mode\n@mode\ndef one():\n    return 1\n'
    )
    request = Request("check", str(tmp_path / "imports.py"), "one")
    with WorkerProcess(Environment("here", sys.executable), request, hash_seed=0, timeout=30) as worker:
        packages = {package.name: package for package in worker.expect(OutputDigest).packages}
    import betfairlightweight

    assert packages["betfairlightweight"].version == betfairlightweight.__version__
    relative = Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    assert packages["betfairlightweight"].file == f"{{prefix}}/{relative}/betfairlightweight/__init__.py"


def test_an_interpreter_that_is_not_there_is_a_failed_trial() -> None:
    with pytest.raises(TrialFailed, match=r"cannot start nowhere/python: No such file or directory"):
        WorkerProcess(Environment("gone", "nowhere/python"), Request("describe", "x"), hash_seed=0, timeout=5)


def test_something_that_is_no_worker_breaks_the_protocol_in_one_line(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho hello\n")
    fake.chmod(0o755)
    with (
        WorkerProcess(Environment("fake", str(fake)), Request("describe", "x"), hash_seed=0, timeout=5) as worker,
        pytest.raises(TrialFailed, match="the worker broke the protocol: b'hello'"),
    ):
        worker.expect(DescribedScenario)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_worker_dies_with_its_host(tmp_path: Path) -> None:
    host = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, signal\nfrom perfbench.runner.worker_process import WorkerProcess as Worker\n"
            "from perfbench.model import Environment\n"
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
    from perfbench.worker.protocol import encode_message

    line = encode_message(Ready(0.25, "0f"))
    assert line.endswith(b"\n")
    assert json.loads(line) == {"say": "Ready", "startup_seconds": 0.25, "scenario": "0f"}
    with pytest.raises(ValueError, match="JSON"):
        encode_message(Ready(float("nan"), "0f"))


@each_python
def test_the_output_that_a_work_carries_is_checked_as_if_it_had_been_yielded(python: Interpreter) -> None:
    digests = {}
    for mode in ("yields", "carries", "differs"):
        with asked(python, "check", "output_at_the_end", mode) as worker:
            digests[mode] = worker.expect(OutputDigest)
            worker.end()
    assert digests["carries"] == digests["yields"]
    assert digests["differs"].digest != digests["yields"].digest
    with asked(python, "dump", "output_at_the_end", "differs", first=2, last=9) as worker:
        assert [(item.number, item.value["price"]) for item in worker.answers(OutputItem)] == [(2, 3.55)]


@each_python
def test_a_timed_pass_does_not_go_through_the_output_that_a_work_carries(python: Interpreter) -> None:
    with asked(python, "time", "output_at_the_end", "costs_much_to_show") as worker:
        worker.expect(Ready)
        worker.go()
        assert worker.expect(PassMeasurement).work == 3
        worker.end()
    with (
        asked(python, "check", "output_at_the_end", "costs_much_to_show") as worker,
        pytest.raises(TrialFailed, match="ZeroDivisionError"),
    ):
        worker.expect(OutputDigest)


@each_python
def test_a_work_that_claims_more_than_its_output_shows_is_refused(python: Interpreter) -> None:
    with (
        asked(python, "check", "output_at_the_end", "claims_more") as worker,
        pytest.raises(TrialFailed, match=r"^the output of a mode has 3 items for 4 units of work$"),
    ):
        worker.expect(OutputDigest)


@each_python
@pytest.mark.parametrize("memory", [True, False])
def test_mode_with_its_own_processes_reports_their_peak_memory(python: Interpreter, memory: bool) -> None:
    with asked(python, "time", "output_at_the_end", "works_elsewhere", memory=memory) as worker:
        worker.expect(Ready)
        worker.go()
        measured = worker.expect(PassMeasurement)
        worker.end()
    assert measured.metrics.get("peak_rss_bytes") == (123456789 if memory else None)
    assert measured.numbers == {}


def test_checksum_of_scenario_in_sub_folder_covers_helpers_anywhere_in_the_scenarios_folder(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    (folder / "memory").mkdir(parents=True)
    (folder / "_shared.py").write_text("AMOUNT = 1\n")
    (folder / "memory" / "_local.py").write_text("AMOUNT = 2\n")
    scenario = folder / "memory" / "soak.py"
    scenario.write_text(
        "from _local import AMOUNT as LOCAL\nfrom _shared import AMOUNT\nfrom perfbench import mode\n\n\n"
        "@mode\ndef one():\n    return AMOUNT + LOCAL\n"
    )

    def checksum() -> str:
        return worker_process.describe_scenario_file(environment(here()), str(scenario)).scenario.sha256

    checksums = [checksum(), checksum()]
    (folder / "_shared.py").write_text("AMOUNT = 3\n")
    checksums.append(checksum())
    (folder / "memory" / "_local.py").write_text("AMOUNT = 4\n")
    checksums.append(checksum())
    assert checksums[0] == checksums[1]
    assert len(set(checksums)) == 3


def test_checksum_of_scenario_excludes_packages_of_a_virtual_environment_beside_it(tmp_path: Path) -> None:
    packages = tmp_path / "venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "_installed.py").write_text("AMOUNT = 1\n")
    scenario = tmp_path / "soak.py"
    scenario.write_text(
        f"import sys\nsys.path.append({str(packages)!r})\nfrom _installed import AMOUNT\nfrom perfbench import mode\n\n\n"
        "@mode\ndef one():\n    return AMOUNT\n"
    )
    before = worker_process.describe_scenario_file(environment(here()), str(scenario)).scenario.sha256
    (packages / "_installed.py").write_text("AMOUNT = 3\n")
    after = worker_process.describe_scenario_file(environment(here()), str(scenario)).scenario.sha256
    assert before == after
