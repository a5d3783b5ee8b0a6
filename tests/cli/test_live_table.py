"""What is on the screen while a command measures: the live table on a terminal, a line in ten seconds elsewhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import SCENARIOS, variables
from support.terminals import TerminalRun, perfbench_on_terminal, render_screen

KEYS = "Ctrl-C keeps what is there"
KNOWN = ("run", "known_times", "--scenarios", SCENARIOS)
LONG = ("run", "long_pass", "--scenarios", SCENARIOS)
BEAT = "import perfbench.cli.heartbeat as h; h.BEAT_SECONDS = 0.5\n"


def frames(shown: TerminalRun, columns: int) -> list[list[str]]:
    """The screen after each part of the output."""
    texts = ["".join(part for _, part in shown.parts[: number + 1]) for number in range(len(shown.parts))]
    return [render_screen(text, columns) for text in texts]


def test_table_is_on_the_screen_from_the_first_pair_on_and_gone_at_the_end(tmp_path: Path) -> None:
    shown = perfbench_on_terminal(*KNOWN, "--rounds", "9", folder=tmp_path, columns=100)
    assert shown.code == 0, shown.text
    screens = frames(shown, 100)
    live = [screen for screen in screens if any(KEYS in line for line in screen)]
    seconds = [line for screen in live for line in screen if line.startswith("  after") and "→" in line]
    assert seconds, "a row with seconds and ratio is there while it is measured"
    assert any("round 9" in line for screen in live for line in screen)
    last = screens[-1]
    assert not any(KEYS in line for line in last)
    assert sum(line.startswith("known_times") for line in last) == 1, "the table stands there once"
    assert any("95 % interval" in line for line in last)


def test_nothing_is_drawn_while_a_pass_runs_but_one_line_in_ten_seconds(tmp_path: Path) -> None:
    """A pass of three seconds: between the start and the end of one, only the status line changes, by one write each."""
    shown = perfbench_on_terminal(
        *LONG, "--rounds", "2", "--set", "seconds=2.5", folder=tmp_path, env={"PYTHONPATH": _with_fast_beats(tmp_path)}
    )
    assert shown.code == 0, shown.text
    beats = [part for _, part in shown.parts if re.match(r"\r\x1b\[2K\x1b\[2m\d+ s: ", part)]
    assert beats
    assert all("\n" not in part and "\x1b[1A" not in part for part in beats), "the table is left alone"
    assert all(part.count(KEYS) == 1 for part in beats)


def test_status_line_is_never_wider_than_the_terminal(tmp_path: Path) -> None:
    for columns in (30, 60):
        shown = perfbench_on_terminal(*KNOWN, "--rounds", "3", folder=tmp_path, columns=columns)
        assert shown.code == 0, shown.text
        for screen in frames(shown, columns):
            assert sum("made_up" in line or "known_times" in line for line in screen) <= 3, (
                "no remains of earlier lines"
            )


def test_table_higher_than_the_terminal_is_cut(tmp_path: Path) -> None:
    shown = perfbench_on_terminal(*KNOWN, "--rounds", "4", folder=tmp_path, columns=100, rows=4)
    live = [screen for screen in frames(shown, 100) if any(KEYS in line for line in screen)]
    assert any("  …" in screen for screen in live)
    assert all(len([line for line in screen if line]) <= 4 + 1 for screen in live[:1])


def test_piped_result_has_no_trace_of_the_live_table(tmp_path: Path) -> None:
    shown = perfbench_on_terminal(*KNOWN, "--rounds", "3", folder=tmp_path, piped=True)
    assert KEYS in shown.text
    assert "\x1b" not in shown.out
    assert shown.out.startswith("known_times")


def test_interrupt_removes_the_table_and_keeps_what_is_there(tmp_path: Path) -> None:
    sent: list[int] = []

    def interrupt(text: str, pid: int) -> None:
        if "round 4" in text and not sent:
            sent.append(pid)
            os.kill(pid, signal.SIGINT)

    shown = perfbench_on_terminal(*LONG, "--rounds", "60", folder=tmp_path, watch=interrupt)
    assert shown.code == 130
    last = render_screen(shown.text, 100)
    assert not any(KEYS in line for line in last)
    assert "perfbench run --resume goes on where it stopped" in shown.text
    assert "\x1b[?25h" in shown.text, "the cursor is back"


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}])
def test_terminal_that_cannot_redraw_has_lines(tmp_path: Path, variable: dict[str, str]) -> None:
    shown = perfbench_on_terminal(*KNOWN, "--rounds", "3", folder=tmp_path, env=variable)
    assert shown.code == 0
    assert KEYS not in shown.text
    assert "\x1b[" not in shown.text.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_quiet_command_has_the_table_alone(tmp_path: Path) -> None:
    shown = perfbench_on_terminal(*KNOWN, "--rounds", "3", "--quiet", folder=tmp_path)
    assert KEYS not in shown.text
    assert render_screen(shown.text, 100)[0].startswith("known_times")


def test_long_pass_without_a_terminal_is_no_silence(tmp_path: Path) -> None:
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", *map(str, LONG), "--rounds", "1", "--set", "seconds=2.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=variables(tmp_path, PYTHONPATH=_with_fast_beats(tmp_path)),
    )
    assert process.stderr is not None
    lines = [(time.monotonic() - start, line) for line in process.stderr]
    assert process.wait() == 0
    assert process.stdout is not None
    process.stdout.close()
    process.stderr.close()
    said = [line for _, line in lines if re.match(r"\d+ s: long_pass (memory pass|solo pass|round 1)", line)]
    assert len(said) >= 4, lines


def _with_fast_beats(folder: Path) -> str:
    """A folder for PYTHONPATH with which the heart beats every half second, as it does every ten seconds in reality."""
    own = folder / "fast"
    own.mkdir(exist_ok=True)
    (own / "sitecustomize.py").write_text(BEAT)
    package = Path(__file__).resolve().parents[2]
    return os.pathsep.join((str(own), str(package)))
