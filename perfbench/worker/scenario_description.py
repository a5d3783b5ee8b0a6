"""A scenario file as its worker describes it: modes, parameters, metrics, claims, announced output changes.

The host uses the same classes (``perfbench.model``); the names of their fields are keys of saved documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple, Union

from perfbench.worker.saved_fields import SavedFields
from perfbench.worker.scenario_api import Change, Claim, Metric

ParameterValue = Union[str, int, float, bool]
"""Value of a parameter of a mode."""


@dataclass(frozen=True)
class Parameter(SavedFields):
    """A keyword-only argument of a mode or of a set-up, with its default."""

    name: str
    default: ParameterValue


@dataclass(frozen=True)
class Mode(SavedFields):
    """One way to do the work. ``missing`` are those of its ``needs`` that the described environment does not have.

    A mode with a ``group`` is measured only when it or its group is requested. A ``floor`` does only a part of the work, such as
    reading the file: its output is not compared.
    """

    name: str
    doc: str
    baseline: bool
    needs: Tuple[str, ...] = ()
    missing: Tuple[str, ...] = ()
    parameters: Tuple[Parameter, ...] = ()
    uses_market: bool = False
    group: str = ""
    floor: bool = False


@dataclass(frozen=True)
class Owner(SavedFields):
    """A part of a scenario's work. ``patterns`` match the functions that do it: ``package/path.py:Class.function`` with
    ``*`` and ``?``, or ``user:*`` for the functions of files outside of every package.
    """

    name: str
    patterns: Tuple[str, ...]


@dataclass(frozen=True)
class Scenario(SavedFields):
    """A scenario file. ``doc`` is the first line of its docstring, the question that it answers.

    ``metrics`` are those that its modes report; ``quick`` has the parameters of a smoke run, and ``quick_lines`` is the number
    of first lines of a market that one replays (0: all). ``program`` is the spec of the user's own program,
    ``path/to/my_backtest.py:run``; empty for a scenario file.
    """

    name: str
    path: str
    doc: str
    unit: str
    metric: str
    sha256: str
    modes: Tuple[Mode, ...]
    claims: Tuple[Claim, ...] = ()
    changes: Tuple[Change, ...] = ()
    owners: Tuple[Owner, ...] = ()
    metrics: Tuple[Metric, ...] = ()
    quick: Tuple[Tuple[str, ParameterValue], ...] = ()
    program: str = ""
    quick_lines: int = 0

    @property
    def baseline(self) -> Mode:
        """The mode that the others are compared with: the marked one, else the first."""
        return next((mode for mode in self.modes if mode.baseline), self.modes[0])

    @property
    def uses_market(self) -> bool:
        """Whether any of its modes replays a market file."""
        return any(mode.uses_market for mode in self.modes)
