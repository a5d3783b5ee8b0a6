"""The API of scenario files: the decorators ``mode``, ``setup`` and ``canonical``, and the values that they declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Literal,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
    overload,
)

from perfbench.worker.saved_fields import SavedFields

Function = TypeVar("Function", bound=Callable[..., Any])

MARK_ATTRIBUTE = "__perfbench__"
"""Attribute of a function that holds the mark of its decorator."""

Better = Literal["lower", "higher", "neither"]
"""Which direction of a metric is an improvement."""


@dataclass(frozen=True)
class ModeMark:
    """Mark of a function decorated with ``@mode``."""

    baseline: bool
    needs: Sequence[str]
    group: str = ""
    floor: bool = False


@dataclass(frozen=True)
class SetupMark:
    """Mark of a function decorated with ``@setup``."""


@dataclass(frozen=True)
class CanonicalMark:
    """Mark of a function decorated with ``@canonical``."""


class Work:
    """The amount of work that a mode did, and the numbers that it reports.

    :param amount: in the scenario's ``UNIT``.
    :param seconds: if the mode timed itself, the seconds to compare.
    :param output: one item for every unit of work, for a mode that has its output only at its end. A timed pass does not iterate
        over it.
    :param per_unit: False if the items of the output are something else than units of work, such as the orders of a backtest.
    :param numbers: other values to save; those that the scenario lists in ``METRICS`` are compared like seconds.
        ``peak_rss_bytes`` replaces the peak memory of the worker, for a mode that works in processes of its own.

    ``handled`` is set by perfbench where it runs a program in a check pass: the updates that its strategies handled.
    """

    handled: Optional[int] = None

    def __init__(
        self,
        amount: int,
        seconds: Optional[float] = None,
        output: Optional[Iterable[Any]] = None,
        per_unit: bool = True,
        **numbers: float,
    ) -> None:
        self.amount = amount
        self.seconds = seconds
        self.output = output
        self.per_unit = per_unit
        self.numbers: Dict[str, float] = numbers


class NotAvailable(Exception):
    """Raised by a set-up or a mode that needs something that is missing on this machine, such as a server or memory.

    Its text names it and the remedy; tables show it as ``not available here: …``, and all other modes are measured.
    """


@dataclass(frozen=True)
class Metric(SavedFields):
    """A number that a mode reports with its ``Work``: its unit, and whether ``lower``, ``higher`` or ``neither`` is better.

    A metric of which neither is better is shown but has no verdict. ``bytes``, ``seconds`` (also ``ms``, ``µs``) and ``share``
    (1.0 is all) are formatted as such, a ``count`` and ``money`` in full, any other unit follows the number. A scenario lists its
    metrics in ``METRICS``, a mapping of names, from which each gets its ``name``.

    :param floor: the largest value that cannot be distinguished from zero, in its unit; below it a reading is noise. Where a
        side is at its floor, the difference is compared with the floor and no ratio is shown.
    """

    unit: str
    better: Better = "lower"
    name: str = ""
    floor: float = 0.0

    @property
    def label(self) -> str:
        """Its name in prose: ``CPU seconds``."""
        return self.name.replace("_", " ").replace("cpu", "CPU")


@dataclass(frozen=True)
class Claim(SavedFields):
    """An announced speed-up, or advice: ``before`` → ``after`` is ``ratio`` times better, according to ``source``.

    Both sides are modes, of a certain release if written ``mode@package==version``. A ratio of 1 claims an improvement of no
    particular size.

    :param source: where the claim comes from; shown with it, never empty. Questions of one's own are no advice of others.
    :param metric: the improved metric, one of the scenario's ``METRICS`` or ``peak_rss_bytes``; the seconds if empty.
    :param text: the advice in its own words.
    :param better: a mode that the advice does not mention; shown only where it is better than ``after`` by its interval.
    :param saves: the least and the most seconds that an operation is claimed to save, instead of a ratio. The difference of the
        pairs is compared with it: of a metric in seconds, ms or µs, which is of one operation, or of the seconds of a pass by its
        amount of work.
    :param bounded: ``before`` grows and ``after`` does not: the metric, a growth, is above its ``floor`` in every pass of the one
        and at it in every pass of the other. No ratio is claimed.

    A scenario lists its claims as ``CLAIMS``.
    """

    before: str
    after: str
    ratio: float
    source: str
    metric: str = ""
    text: str = ""
    better: str = ""
    saves: Optional[Tuple[float, float]] = None
    bounded: bool = False


@dataclass(frozen=True)
class Change(SavedFields):
    """An announced output change: from ``release`` of ``package`` on, these ``fields`` differ, for this ``reason``.

    A scenario lists its changes as ``CHANGES``. Its canonical form reverts the change by its ``name``; with ``trait`` the change
    shows in that trait of the output (``TRAITS``) and not in its fields.
    """

    name: str
    package: str
    release: str
    fields: Tuple[str, ...]
    reason: str
    trait: str = ""


@overload
def mode(function: Function) -> Function: ...


@overload
def mode(
    *, baseline: bool = ..., needs: Sequence[str] = ..., group: str = ..., floor: bool = ...
) -> Callable[[Function], Function]: ...


def mode(
    function: Optional[Function] = None,
    *,
    baseline: bool = False,
    needs: Sequence[str] = (),
    group: str = "",
    floor: bool = False,
) -> Union[Function, Callable[[Function], Function]]:
    """Mark a function as a mode of the scenario.

    It returns the amount of work as a number or as ``Work``, or it is a generator (or returns an iterator): then every item
    is one unit of work, and what it yields is its output.

    :param baseline: the other modes are compared with this one.
    :param needs: packages that this mode needs and the others do not; ``"name --no-deps"`` installs it without its own needs.
    :param group: measured only when the mode or its group is requested.
    :param floor: does only a part of the work, to show a lower bound of the time: its output is not compared.
    """

    def decorate(marked: Function) -> Function:
        setattr(marked, MARK_ATTRIBUTE, ModeMark(baseline, tuple(needs), group, floor))
        return marked

    return decorate if function is None else decorate(function)


def setup(function: Function) -> Function:
    """Mark a function whose value the modes (and other set-ups) take as an argument of its name; never timed.

    A generator function is torn down after the pass.
    """
    setattr(function, MARK_ATTRIBUTE, SetupMark())
    return function


def canonical(function: Function) -> Function:
    """Mark the function that converts one item of output to plain values, which are compared field by field."""
    setattr(function, MARK_ATTRIBUTE, CanonicalMark())
    return function


class ScenarioError(Exception):
    """The scenario file is not valid."""


class ProgramError(ScenarioError):
    """The user's program cannot be measured, or failed: the cause in one line, and a hint what to do about it (may be empty)."""

    def __init__(self, cause: str, hint: str = "") -> None:
        super().__init__(cause, hint)
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        """Cause and hint in one line."""
        return "{} ({})".format(self.cause, self.hint) if self.hint else self.cause
