"""Tables of a scenario file, each mode in the interpreter that runs the tests, or in another one."""

from __future__ import annotations

import sys
from pathlib import Path

from command_line import SCENARIOS
from made_up_runs import settings

from perfbench import discovery, planning
from perfbench.model import Case, Environment, Market, Table, Trial
from perfbench.planning import Offer
from perfbench.trials import Conditions

CONDITIONS = Conditions(None, 60.0)


def table_of(scenario: str | Path, market: Market | None = None, python: str = sys.executable) -> Table:
    """All modes of one of the test scenarios, or of a file, that have no group."""
    environment = Environment("here", python)
    path = SCENARIOS / f"{scenario}.py" if isinstance(scenario, str) else scenario
    described = discovery.describe(path, environment)
    modes = tuple(mode.name for mode in described.modes if not mode.group)
    offer = Offer(described, environment, {mode.name: environment for mode in described.modes})
    (table,) = planning.tables([[offer]], [market] if market else [], settings(modes=modes))
    return table


def trial_of(table: Table, mode: str) -> tuple[Trial, Table, Case]:
    """What the host's functions take for a pass of one mode."""
    (case,) = (case for case in table.cases if case.mode == mode)
    return Trial("memory", 0, (case,), 0), table, case
