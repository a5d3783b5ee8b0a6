"""Measure one draw of a survey: open its batch, compare the outputs, time every pair once, remove the files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from perfbench.datasets.corpus.members import Member
from perfbench.model import Case, CaseGroup, Draw, Failure, OpenedBatch, Result, Settings
from perfbench.runner import heads, scheduler
from perfbench.runner.scheduler import SurveyRound
from perfbench.runner.state import Progress
from perfbench.runner.stopping import FixedRounds
from perfbench.runner.survey.opening import OpenBatch
from perfbench.runner.trial import Conditions

REPEATED_CHECKS = 3
"""Draws of which the check passes of a program run twice."""

Events = Iterator[Progress | tuple[Result, ...]]


@dataclass(frozen=True, slots=True)
class DrawTask:
    """A draw of a group, with all that a process needs to measure it.

    ``group`` has the corpus in place of a market. ``before`` are results of its batch that are there already, ``expected`` CPU
    seconds a plain byte by mode and environment, empty as long as nothing was measured. ``has_children``: a program is known to
    start processes.
    """

    draw: Draw
    group: CaseGroup
    members: tuple[Member, ...]
    packed_bytes: int
    settings: Settings
    before: tuple[Result, ...] = ()
    expected: tuple[tuple[tuple[str, str], float], ...] = ()
    has_children: bool = False


def measure_draw(task: DrawTask, conditions: Conditions, workspace: Path) -> Events:
    """The progress and the results of a draw, as soon as they are there; the batch itself is the first result.

    :param workspace: the folder in which a folder for the unpacked files is made; it is removed at the end.
    """
    with (
        tempfile.TemporaryDirectory(dir=workspace) as folder,
        OpenBatch(task.draw.batch, task.members, task.packed_bytes, Path(folder)) as batch,
    ):
        opened = batch.description
        yield (Result(f"open {task.draw.batch}", "", opened=_strip_path(opened)),)
        if opened.market is None:
            return
        if reason := _find_change(task, opened.market.sha256):
            yield (Result(f"open {task.draw.batch}", "", failure=Failure("open", reason)),)
            return
        group = replace(heads.move_to_market(task.group, opened.market), batch=batch.files)
        expected = {
            case.id: seconds * opened.market.size_bytes
            for case in group.cases
            if (seconds := dict(task.expected).get(name_side(case))) is not None
        }
        yield from scheduler.measure_survey_round(
            group,
            replace(task.settings, quick=True),
            FixedRounds(task.draw.round + 1, wants_verdicts=task.settings.gate is not None),
            replace(conditions, memory=True),
            task.before,
            SurveyRound(task.draw.round, expected, task.draw.number < REPEATED_CHECKS, has_children=task.has_children),
        )


def name_side(case: Case) -> tuple[str, str]:
    """What the cases of one row have in common in every batch: mode and environment."""
    return case.mode, case.environment


def _strip_path(opened: OpenedBatch) -> OpenedBatch:
    market = opened.market
    return opened if market is None else replace(opened, market=replace(market, path=""))


def _find_change(task: DrawTask, sha256: str) -> str:
    """Why a batch that was opened before cannot be used again: another content; empty if it is the same."""
    for result in task.before:
        then = result.opened.market if result.opened is not None else None
        if then is not None and then.sha256 != sha256:
            return f"{task.draw.batch} is not what it was when it was drawn before: measure the corpus again"
    return ""
