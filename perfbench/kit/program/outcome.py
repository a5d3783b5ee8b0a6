"""The work of one run of a program: of its simulations, or of a function that reads markets with betfairlightweight."""

from __future__ import annotations

import importlib
from typing import Any, Optional

from perfbench.kit.program.interception import Interception
from perfbench.kit.program.results import build_work
from perfbench.worker.scenario_api import ProgramError, Work

UNSEEN_SECONDS = 0.05
"""CPU seconds of child processes from which they are taken for what has done the work."""

NOTHING_HINT = (
    "a program runs a FlumineSimulation, or is a function of a market, PATH.py:NAME, that returns or yields something"
)


def build_outcome(outcome: Any, interception: Interception, seconds: float, child_seconds: float = 0.0) -> Work:
    """The work of a run that has ended.

    :param outcome: what the function returned.
    :param seconds: CPU seconds of the run, children included; ``child_seconds`` those of children.

    Raises ProgramError for a run in which nothing was done that can be counted.
    """
    results = interception.collect_results()
    if interception.notes is not None:
        interception.notes.add_results(results)
    if results:
        # Only child processes may have imported it, and its version belongs to the answer.
        importlib.import_module("flumine")
        return build_work(results)
    updates = interception.count_listener_updates()
    work = _convert_plain(outcome, updates, seconds)
    if work is not None:
        return work
    if child_seconds > UNSEEN_SECONDS:
        raise ProgramError(
            "works in child processes, of which only simulations of flumine are observed",
            "measure the function that a child runs: PATH.py:NAME",
        )
    raise ProgramError("ran no simulation and read no market with betfairlightweight", NOTHING_HINT)


def _convert_plain(outcome: Any, updates: int, seconds: float) -> Optional[Work]:
    """The work of a function without a simulation; None if there is none.

    Its work is that of betfairlightweight's listeners, and what it returns is its output. Without any, the amount that it
    returns is its work, or the items of a list.
    """
    if isinstance(outcome, Work):
        return outcome
    is_list = isinstance(outcome, (list, tuple))
    if updates:
        return Work(updates, seconds=seconds, output=outcome if is_list else [outcome], per_unit=False)
    if is_list:
        return Work(len(outcome), seconds=seconds, output=outcome)
    is_amount = isinstance(outcome, int) and not isinstance(outcome, bool)
    return Work(outcome, seconds=seconds) if is_amount else None


def require_plain_iterator(interception: Interception) -> None:
    """Raises ProgramError if a function that yields its output ran a simulation: its orders could not be compared."""
    if interception.collect_results():
        raise ProgramError("runs a simulation in a function that yields", "return from it; its orders are its output")
