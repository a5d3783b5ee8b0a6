"""What every shipped lever has: a kind, a source, syntax for old interpreters, and complete proposals."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from support.levers import (
    list_lever_files,
    load,
    note_listener,
    note_program,
    note_replay,
    note_simulation,
    note_stream,
)

from perfbench.kit.program.noted import Noted
from perfbench.worker.program_messages import LEVER_KINDS

NAMES = [path.stem for path in list_lever_files()]

RICH: list[Noted] = [
    note_program(
        note_simulation(event_types={"7": 2, "1": 3}),
        note_simulation(event_types={"7": 2, "1": 3}),
        log_records=500,
        file_handlers=1,
        logging_level=20,
        available=["python==3.12", "flumine==9.0.0", "betfairlightweight==9.0.0"],
        packed_files=["/data/1.1.bz2"],
        markets=2,
    ),
    note_program(note_simulation(orders=0, earliest_action_seconds=None)),
    note_program(
        note_simulation(
            in_play_actions=3,
            latest_in_play_seconds=40.0,
            strategies=[*note_simulation().strategies, *note_simulation().strategies],
            streams=[note_stream(listener={"calculate_market_tv": True})],
        )
    ),
    note_replay(note_listener(generator=False)),
    note_replay(note_listener()),
]
"""Programs to which most levers have something to propose."""


def test_there_are_levers_for_all_parts_of_a_backtest() -> None:
    assert {"inplay", "seconds_to_start", "together", "speed_extra", "tickrush", "gc_off", "log_level"} <= set(NAMES)


@pytest.mark.parametrize("path", list_lever_files(), ids=NAMES)
def test_lever_has_the_syntax_of_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("name", NAMES)
def test_lever_has_a_title_a_kind_and_a_source(name: str) -> None:
    module: Any = load(name).module
    title = module.__doc__.partition("\n")[0]
    assert re.fullmatch(r"[A-Z].{15,}\.", title)
    assert module.KIND in LEVER_KINDS
    assert module.SOURCE.startswith("https://")


@pytest.mark.parametrize("name", NAMES)
def test_lever_proposes_nothing_for_a_program_that_does_nothing(name: str) -> None:
    of_interpreter = {
        "gc_freeze",
        "gc_off",
        "gc_threshold",
        "python_jit",
        "python_malloc",
        "python_optimize",
        "preloaded_malloc",
    }
    idle = note_program(packages={"requests": "2.31.0"}, json_module="", markets=0, processes=0)
    assert name in of_interpreter or not load(name).propose(idle)


@pytest.mark.parametrize("noted", RICH)
@pytest.mark.parametrize("name", NAMES)
def test_proposals_say_why_and_what_to_write(name: str, noted: Noted) -> None:
    for proposal in load(name).propose(noted):
        assert proposal.lever == name
        assert proposal.kind in LEVER_KINDS
        assert proposal.source.startswith("https://")
        assert proposal.title
        assert len(proposal.title) <= 50
        assert proposal.write
        assert proposal.reason
        assert len(proposal.reason.splitlines()) == 1
        assert not proposal.tried or proposal.applies or proposal.environment
        if proposal.kind == "less":
            assert "probability" in proposal.reason


def test_most_levers_have_something_to_propose_to_one_of_these_programs() -> None:
    silent = {name for name in NAMES if not any(load(name).propose(noted) for noted in RICH)}
    assert silent <= {"python_jit", "preloaded_malloc", "kept_books", "slotted_classes"}


@pytest.mark.parametrize("noted", RICH[:3])
def test_python_of_proposed_lines_is_sound(noted: Noted) -> None:
    for name in NAMES:
        for proposal in load(name).propose(noted):
            code = proposal.write.replace("…", "...")
            if not re.match(r"pip |export |uv |gunzip |bunzip2 |perfbench |python |market_filter=", code):
                ast.parse(code)
