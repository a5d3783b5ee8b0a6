"""Progress on a terminal and the hint to resume, of every measuring command."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from support.runs import offer, scenario, settings

from perfbench.cli import resumption
from perfbench.cli.progress import TerminalListener
from perfbench.runner import plan
from perfbench.runner.state import Progress

PLACES = ("ticker==1.0", "ticker==2.0", "ticker==3.0")


class Terminal(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_shows_the_extras_of_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    (table,) = plan.plan_groups([[offer(scenario("base", "one"))]], [], settings())
    listener = TerminalListener(quiet=False)
    listener.report_progress(table, Progress("round 1: base in bflw==1.0 and bflw[speed]==1.0", 0.5, 3.0))
    listener.end_progress()
    assert "base in bflw==1.0 and bflw[speed]==1.0" in screen.getvalue()


@pytest.mark.parametrize(
    ("environments", "links", "results", "typed"),
    [
        ((("here",), ("ticker==1.0",)), "", "results", "perfbench run --resume goes on where it stopped"),
        ((("here",),), "", "my runs", "perfbench run --resume --results 'my runs' goes on where it stopped"),
        ((("ticker==1.0", "ticker==2.0"),), "", "results", "perfbench compare --resume goes on where it stopped"),
        (
            (("ticker==1.0", "ticker==2.0"),),
            "",
            "../runs",
            "perfbench compare --resume --results ../runs goes on where it stopped",
        ),
        (
            (PLACES,),
            "neighbours",
            "elsewhere",
            "perfbench sweep --resume --results elsewhere goes on where it stopped",
        ),
    ],
)
def test_resume_hint_names_the_command_and_the_results_folder(
    environments: tuple[tuple[str, ...], ...], links: str, results: str, typed: str
) -> None:
    assert resumption.describe_resumption(settings(environments=environments, links=links), Path(results)) == typed
