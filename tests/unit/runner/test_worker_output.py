"""What a worker printed stands in the reason of a failure, in one line of bounded length."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner.trial import describe_no_work
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import PassMeasurement, Ready, Request

HEAD = "import logging, os, sys\nfrom perfbench import NotAvailable, Work, mode\n\n\n@mode\ndef x():\n    "


def start(folder: Path, body: str) -> WorkerProcess:
    """A worker that times a mode of this body."""
    (folder / "prints.py").write_text(HEAD + body)
    request = Request("time", str(folder / "prints.py"), "x")
    return WorkerProcess(Environment("test", sys.executable), request, hash_seed=0, timeout=60)


def fail(folder: Path, body: str) -> str:
    """The reason of a pass that fails."""
    try:
        with start(folder, body) as worker:
            worker.expect(Ready)
            worker.go()
            worker.expect(PassMeasurement)
            worker.end()
    except TrialFailed as error:
        return str(error)
    raise AssertionError("the pass did not fail")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "logging.error('bad line 7')\n    os._exit(3)",
            "ended with code 3 before it was done; it printed: ERROR:root:bad line 7",
        ),
        ("print('one\\n\\ntwo')\n    raise ValueError('no')", "it printed: one / two"),
        (
            "sys.stdout.buffer.write(b'\\xff\\x1b[31m\\n')\n    sys.exit(1)",
            "it printed: \N{REPLACEMENT CHARACTER}\\x1b[31m",
        ),
        ("raise ValueError('no')", "ValueError: no at"),
    ],
)
def test_failed_pass_says_what_it_printed(tmp_path: Path, body: str, reason: str) -> None:
    assert reason in fail(tmp_path, body)


def test_long_output_is_cut_to_its_last_lines_and_to_the_ends_of_each(tmp_path: Path) -> None:
    text = fail(tmp_path, "print('\\n'.join('start' + str(n) + '-' * 9000 + 'end' for n in range(9)))\n    os._exit(1)")
    printed = text.partition("it printed: ")[2]
    assert len(printed) < 700
    assert [part[:6] for part in printed.split(" / ")][-1:] == ["start8"] or printed.count("end") >= 1


def test_missing_server_is_reported_without_the_output(tmp_path: Path) -> None:
    assert fail(tmp_path, "print('noise')\n    raise NotAvailable('no server')") == "no server"


def test_output_is_read_without_moving_the_position_of_the_worker(tmp_path: Path) -> None:
    with start(tmp_path, "print('late')\n    return 0") as worker:
        worker.expect(Ready)
        assert worker.describe_output() == ""
        worker.go()
        assert worker.expect(PassMeasurement).work == 0
        worker.end()
        assert (
            describe_no_work("updates", worker.describe_output()) == "did no work: 0 updates came out; it printed: late"
        )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.fork() or os._exit(0)\n    os.closerange(3, 64)\n    return 1", "before it was done; it printed: "),
        (
            "os.fork() and os._exit(4)\n    import time\n    time.sleep(600)",
            "the worker ended with code 4 before it was done",
        ),
        ("os.kill(os.getpid(), 11)", "the worker was killed by SIGSEGV before it was done"),
        ("sys.setrecursionlimit(60)\n    def down(): down()\n    down()", "RecursionError: maximum recursion depth"),
        ("sys.exit()", "the scenario called sys.exit(None)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt at"),
        ("return 'much'", "a mode must return its amount of work as a whole number; this one returned 'much'"),
        ("return 10**400", "a mode returned an amount of work of more than 1e+30"),
        ("return Work(1, seconds=1e31)", "Work(seconds=…): a reported number must be 0, or from 1e-30 to 1e+30"),
        ("return Work(1, orders=10**400)", "Work(orders=…): a reported number must be 0, or from 1e-30 to 1e+30"),
        ("return Work(1, orders=float('inf'))", "Work(orders=inf): a reported number must be finite"),
    ],
)
def test_mode_that_ends_its_process_or_its_pipes_fails_with_the_reason(tmp_path: Path, body: str, reason: str) -> None:
    assert reason in fail(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        "os.chdir('/')\n    return 1",
        "sys.stdout.close()\n    return 1",
        "os.close(1)\n    os.close(2)\n    return 1",
        "sys.stdout = sys.stderr = None\n    return 1",
        "sys.setrecursionlimit(60)\n    return 1",
        "os.fork()\n    return 1",
        "import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    signal.alarm(60)\n    return 1",
        "import threading\n    threading.Thread(target=threading.Event().wait).start()\n    return 1",
        "sys.stdout.buffer.write(bytes(range(256)))\n    return 1",
        "os.environ.clear()\n    sys.path.clear()\n    return 1",
        "os.setsid() if os.getpgrp() != os.getpid() else None\n    return 1",
    ],
)
def test_mode_that_changes_its_process_is_measured_nevertheless(tmp_path: Path, body: str) -> None:
    with start(tmp_path, body) as worker:
        worker.expect(Ready)
        worker.go()
        assert worker.expect(PassMeasurement).work == 1
        worker.end()
