"""Parts of a sweep that was extended."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.model.environment import Machine
from perfbench.model.plan import Settings


@dataclass(frozen=True, slots=True)
class SweepPart:
    """Links of a sweep that were measured together: where, when, by which perfbench and with which settings.

    ``run`` is the name of the saved run that they belonged to first; ``duets`` are the ids of the cases of each link, before and
    after. A release that several parts measured is a case, and an environment, of its own in each of them. ``problems``: what could
    not be measured in this part and before.
    """

    run: str
    perfbench: str
    created: str
    machine: Machine
    settings: Settings
    duets: tuple[tuple[str, str], ...]
    commit: str = ""
    dirty: bool = False
    problems: tuple[str, ...] = ()
