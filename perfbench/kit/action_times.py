"""When strategies act: how long before the scheduled off their updates have to begin."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from perfbench.kit.lever import Noted, listener_values, round_up, sum_orders

MARGIN_SHARE, MARGIN_SECONDS, STEP_SECONDS = 0.1, 30.0, 10


class FirstAction(NamedTuple):
    """The earliest action in seconds before the scheduled off, a limit in seconds with a margin, and the limit that there is."""

    earliest: float
    limit: int
    present_limit: Optional[float]


def find_first_action(noted: Noted) -> Optional[FirstAction]:
    """For strategies that place orders, if the limit is lower than the one that they have and leaves updates out; else None."""
    actions = [simulation.earliest_action_seconds for simulation in noted.simulations]
    earliest = max((action for action in actions if action is not None), default=None)
    if earliest is None or not sum_orders(noted):
        return None
    limit = choose_limit(earliest)
    if any(value is True for value in listener_values(noted, "inplay")):
        return None
    present = _find_largest(listener_values(noted, "seconds_to_start"))
    if present is not None and present <= limit:
        return None
    begins = [simulation.earliest_update_seconds for simulation in noted.simulations]
    if all(begin is not None and begin <= limit for begin in begins):
        return None
    return FirstAction(earliest, limit, present)


def choose_limit(earliest: float) -> int:
    """The limit in seconds for an earliest action at this many seconds before the off; 30 or more."""
    earliest = max(earliest, 0.0)
    return round_up(earliest + max(MARGIN_SHARE * earliest, MARGIN_SECONDS), STEP_SECONDS)


def _find_largest(limits: List[Optional[float]]) -> Optional[float]:
    """The limit that holds for all streams; None if a stream has none."""
    return None if not limits or None in limits else max(limit for limit in limits if limit is not None)
