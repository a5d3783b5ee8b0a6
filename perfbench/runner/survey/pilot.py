"""Pilot of a gate on a corpus, before any ratio is seen: what a draw costs, and how many the time allows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from perfbench.model import CaseGroup, Draw, Settings
from perfbench.runner.pilot import PilotResult
from perfbench.runner.state import Progress
from perfbench.runner.survey.batches import MAX_DRAWS, SurveyPlan
from perfbench.runner.survey.draw import measure_draw
from perfbench.runner.survey.measure import SurveyState, build_task
from perfbench.runner.trial import Conditions
from perfbench.stats import survey

PILOT_DRAWS = 2
"""Draws of the pilot: the first has solo passes too, the last shows the cost of those that follow."""


def run_survey_pilots(
    groups: Sequence[CaseGroup], plan: SurveyPlan, settings: Settings, conditions: Conditions, folder: Path
) -> list[PilotResult]:
    """The pilot of each comparison, whose pairs are draws; at least as many as the first look are measured.

    The draws of the pilot are not part of the sample and their ratios are never used.

    :param folder: for unpacked files.
    """
    return [
        PilotResult(
            group,
            _measure_draw_cost(group, plan, settings, conditions, folder),
            least=survey.LOOKS[0],
            most=MAX_DRAWS,
            looks=(),
        )
        for group in groups
    ]


def _measure_draw_cost(
    group: CaseGroup, plan: SurveyPlan, settings: Settings, conditions: Conditions, folder: Path
) -> float:
    """Wall-clock seconds of a draw, from unpacking to the end of its pair; 0 if it could not be measured."""
    state, spent = SurveyState(group, plan), 0.0
    for draw in _choose_draws(plan):
        start = time.monotonic()
        for event in measure_draw(build_task(draw, state, settings), conditions, folder):
            for result in () if isinstance(event, Progress) else event:
                if result.failure is not None:
                    return 0.0
                state.add(result)
        spent = time.monotonic() - start
    return spent


def _choose_draws(plan: SurveyPlan) -> list[Draw]:
    """Draws of the middle of the plan: the first ones are the largest batches, which cost more than those that follow."""
    middle = min(len(plan.corpus.draws) // 2, survey.LOOKS[0] // 2)
    return [*plan.corpus.draws[middle : middle + PILOT_DRAWS]] or list(plan.corpus.draws[:1])
