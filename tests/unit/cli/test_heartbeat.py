"""A line wherever nothing was printed for ten seconds: what it says, when it comes, and that the timer is left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest
import typer

from perfbench.cli import heartbeat
from perfbench.cli.app import SERVERS, LazyCommandGroup, _invoke_beating, app
from perfbench.cli.heartbeat import Heartbeat
from perfbench.util.activity import describe_activity, doing


def run_alone(code: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, whose timer nobody else uses, and whose heart beats every tenth of a second."""
    head = "import time\nfrom perfbench.cli import heartbeat\nheartbeat.BEAT_SECONDS = 0.1\n"
    command = [sys.executable, "-c", head + textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


def test_activity_is_what_was_begun_last_and_has_not_ended() -> None:
    assert describe_activity() == ""
    with doing("listing"):
        first = doing("unpacking 1.gz")
        first.__enter__()
        assert describe_activity() == "unpacking 1.gz"
        with doing("inspecting 2"):
            first.__exit__(None, None, None)  # another thread ends whenever it does
            assert describe_activity() == "inspecting 2"
        assert describe_activity() == "listing"
    assert describe_activity() == ""


def test_silent_command_says_what_it_does() -> None:
    done = run_alone(
        """
        from perfbench.util.activity import doing
        with heartbeat.beating("data check"):
            time.sleep(0.35)
            with doing("downloading a.tar"):
                time.sleep(0.35)
            heartbeat.current().describe = lambda: "round 3"
            time.sleep(0.35)
        time.sleep(0.3)
        """
    )
    texts = [line.partition(": ")[2] for line in done.stderr.splitlines()]
    assert list(dict.fromkeys(texts)) == ["perfbench data check", "downloading a.tar", "round 3"]
    assert done.stdout == ""


def test_each_line_that_is_printed_postpones_the_next_beat() -> None:
    done = run_alone(
        """
        with heartbeat.beating("run"):
            for _ in range(20):
                time.sleep(0.03)
                heartbeat.current().note_line()
        """
    )
    assert done.stderr == ""


def test_beat_interrupts_neither_a_child_process_nor_a_sleep_nor_a_read() -> None:
    done = run_alone(
        """
        import os, subprocess, sys
        with heartbeat.beating("run"):
            out = subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5); print(7)"], capture_output=True)
            start = time.monotonic()
            time.sleep(0.4)
            slept = time.monotonic() - start
            reading, writing = os.pipe()
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.4); print(8)"], stdout=writing)
            read = os.read(reading, 1)
            child.wait()
        print(out.stdout.strip().decode(), slept >= 0.4, read.decode())
        """
    )
    assert done.stdout == "7 True 8\n"
    assert done.stderr.count("perfbench run") >= 6


def test_children_do_not_inherit_the_timer() -> None:
    done = run_alone(
        """
        import signal, subprocess, sys
        code = "import signal, time; time.sleep(0.4); print(signal.getitimer(signal.ITIMER_REAL))"
        with heartbeat.beating("run"):
            print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
        print(signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM) is signal.SIG_DFL)
        """
    )
    assert done.stdout == "(0.0, 0.0)\n(0.0, 0.0) True\n"


def test_timer_of_somebody_else_is_left_alone() -> None:
    done = run_alone(
        """
        import signal
        signal.signal(signal.SIGALRM, lambda *_: print("mine"))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with heartbeat.beating("run"):
            time.sleep(0.5)
        """
    )
    assert (done.stdout, done.stderr) == ("mine\n", "")


def test_terminal_that_was_closed_ends_nothing() -> None:
    done = run_alone(
        """
        import os
        os.close(2)
        with heartbeat.beating("run"):
            time.sleep(0.3)
        print("done")
        """
    )
    assert done.stdout == "done\n"


def test_line_has_the_seconds_since_the_command_began(capfd: pytest.CaptureFixture[str]) -> None:
    now = [100.0]
    beats = Heartbeat("run", lambda: now[0])
    now[0] = 140.4
    due = beats.is_due
    beats._beat()
    assert capfd.readouterr().err == "40 s: perfbench run\n"
    assert (due, beats.is_due) == (True, False)
    assert beats.format_line("a\x1b[2Jb") == "40 s: a\\x1b[2Jb"


def test_command_without_a_heartbeat_has_one_that_never_beats() -> None:
    before = signal.getsignal(signal.SIGALRM)
    heartbeat.current().note_line()
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize("name", LazyCommandGroup.names())
def test_every_command_has_a_heartbeat_but_those_that_wait_for_others(name: str) -> None:
    group = typer.main.get_command(app)
    context = group.make_context("perfbench", [name, "--help"], resilient_parsing=True)
    _, command, _ = group.resolve_command(context, [name])  # type: ignore[attr-defined]
    parts = [command, *getattr(command, "commands", {}).values()]
    beating = [getattr(part.invoke, "func", None) is _invoke_beating for part in parts]
    assert beating == [name not in SERVERS] * len(parts)


def test_quiet_command_has_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    class Command:
        commands = None

    class Context:
        command, info_name, parent = Command(), "pull", None

        def __init__(self, quiet: bool) -> None:
            self.params = {"quiet": quiet}

    for quiet in (True, False):
        _invoke_beating(lambda _ctx: seen.append(len(heartbeat._running)), Context(quiet))
    assert seen == [0, 1]
