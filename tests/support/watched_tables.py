"""Tables of a scenario file, each mode in the interpreter that runs the tests, or in another one."""

from __future__ import annotations

import sys
from pathlib import Path

from perfbench.model import Case, CaseGroup, Environment, Market, Trial
from perfbench.runner import plan, scenarios
from perfbench.runner.plan import MatrixEntry
from perfbench.runner.trial import Conditions
from support.command_line import SCENARIOS
from support.runs import settings

CONDITIONS = Conditions(None, 60.0)


def table_of(scenario: str | Path, market: Market | None = None, python: str = sys.executable) -> CaseGroup:
    """All modes of one of the test scenarios, or of a file, that have no group."""
    environment = Environment("here", python)
    path = SCENARIOS / f"{scenario}.py" if isinstance(scenario, str) else scenario
    described = scenarios.describe_scenario(path, environment)
    modes = tuple(mode.name for mode in described.modes if not mode.group)
    offer = MatrixEntry(described, environment, {mode.name: environment for mode in described.modes})
    (table,) = plan.plan_groups([[offer]], [market] if market else [], settings(modes=modes))
    return table


def trial_of(table: CaseGroup, mode: str) -> tuple[Trial, CaseGroup, Case]:
    """What the host's functions take for a pass of one mode."""
    (case,) = (case for case in table.cases if case.mode == mode)
    return Trial("memory", 0, (case,), 0), table, case
