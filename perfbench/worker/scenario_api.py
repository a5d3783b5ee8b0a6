"""What a scenario file imports: the marks ``mode``, ``setup`` and ``canonical``, and what it says with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Optional,
    Sequence,
    TypeVar,
    Union,
    overload,
)

Function = TypeVar("Function", bound=Callable[..., Any])

MARK_ATTRIBUTE = "__perfbench__"


@dataclass(frozen=True)
class ModeMark:
    """What ``@mode`` notes on a function."""

    baseline: bool
    needs: Sequence[str]
    group: str = ""
    floor: bool = False


@dataclass(frozen=True)
class SetupMark:
    """What ``@setup`` notes on a function."""


@dataclass(frozen=True)
class CanonicalMark:
    """What ``@canonical`` notes on a function."""


class Work:
    """How much work a mode did, and numbers that only the mode knows.

    :param amount: in the scenario's ``UNIT``.
    :param seconds: if the mode timed itself, the seconds that count.
    :param output: what came out, one item for every unit of work, for a mode that knows it only at its end. A timed pass does not
        go through it.
    :param numbers: anything else worth keeping, as numbers; those that the scenario lists in ``METRICS`` are compared like seconds.
        ``peak_rss_bytes`` stands for the peak memory of the worker, for a mode that works in processes of its own.
    """

    def __init__(
        self,
        amount: int,
        seconds: Optional[float] = None,
        output: Optional[Iterable[Any]] = None,
        **numbers: float,
    ) -> None:
        self.amount = amount
        self.seconds = seconds
        self.output = output
        self.numbers: Dict[str, float] = numbers


class NotAvailable(Exception):
    """Raised by a set-up or a mode for which something is missing on this machine, such as a server or memory.

    Its text says what, and what to do; the table has it as ``not available here: …``, and all other modes are measured.
    """


@dataclass(frozen=True)
class Metric:
    """A number that a mode reports with its ``Work``: its unit, and whether ``lower``, ``higher`` or ``neither`` is better.

    One of which neither is better is shown and never judged. ``bytes``, ``seconds`` (also ``ms``, ``µs``) and ``share`` (1.0 is
    all) are written as such, any other unit behind the number. A scenario lists its metrics by name as ``METRICS``.
    """

    unit: str
    better: str = "lower"


@dataclass(frozen=True)
class Claim:
    """An announced speed-up, or advice: ``before`` → ``after`` is ``ratio`` times better, said by ``source``.

    Both sides are modes, of a certain release if written ``mode@package==version``. A ratio of 1 says better, and not how much.

    :param metric: what gets better, one of the scenario's ``METRICS`` or ``peak_rss_bytes``; the seconds if empty.
    :param text: the advice in its own words.
    :param better: the mode that is worth knowing beside the advice.

    A scenario lists its claims as ``CLAIMS``.
    """

    before: str
    after: str
    ratio: float
    source: str
    metric: str = ""
    text: str = ""
    better: str = ""


@dataclass(frozen=True)
class Change:
    """An announced change of content: from ``release`` of ``package`` on, these ``fields`` differ, for this ``reason``.

    A scenario lists its changes as ``CHANGES``. ``name`` is what its canonical form is told to undo; with ``trait`` the change
    shows in that trait of the output (``TRAITS``) and not in its fields.
    """

    name: str
    package: str
    release: str
    fields: Sequence[str]
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
    :param group: measured only when the mode or its group is named.
    :param floor: does a part of the work only, to show how little time is possible: its output is not compared.
    """

    def note(marked: Function) -> Function:
        setattr(marked, MARK_ATTRIBUTE, ModeMark(baseline, tuple(needs), group, floor))
        return marked

    return note if function is None else note(function)


def setup(function: Function) -> Function:
    """Mark a function whose value the modes (and other set-ups) take by its name; never timed.

    A generator function is torn down after the pass.
    """
    setattr(function, MARK_ATTRIBUTE, SetupMark())
    return function


def canonical(function: Function) -> Function:
    """Mark the function that turns one item of output into plain values that can be compared field by field."""
    setattr(function, MARK_ATTRIBUTE, CanonicalMark())
    return function


class ScenarioError(Exception):
    """The scenario file is not what a scenario file must be."""
