"""What is to be measured: markets, cases, groups of cases, trials, and the settings that they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from perfbench.model.environment import Environment
from perfbench.model.gate import GatePolicy
from perfbench.model.scenario import Scenario, Value


@dataclass(frozen=True, slots=True)
class Market:
    """One plain stream file, ready to be replayed.

    ``updates`` counts its lines with market changes; ``doubts`` are warnings about its content.
    """

    name: str
    path: str
    sha256: str
    size_bytes: int
    updates: int
    markets: int
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A mode in an environment on some data, with its parameters."""

    scenario: str
    mode: str
    environment: str
    data: str
    parameters: tuple[tuple[str, Value], ...] = ()

    @property
    def id(self) -> str:
        """For example ``replay/lightweight@here#PRO-1.170258213``, with ``[window=10]`` behind it if it has parameters."""
        data = f"#{self.data}" if self.data else ""
        return f"{self.scenario}/{self.mode}@{self.environment}{data}" + (
            f"[{self.parameter_text}]" if self.parameters else ""
        )

    @property
    def parameter_text(self) -> str:
        """``window=10,depth=3``; empty without parameters."""
        return ",".join(f"{name}={value}" for name, value in self.parameters)


TrialKind = Literal["check", "differ", "count", "memory", "alone", "duet"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One unit of measuring: a check pass, an output difference, an instruction count, a memory pass, a solo pass, or
    a duet of two cases.

    ``cases`` stand in the order in which their workers start; ``go`` has their indices in the order in which they are let go.
    """

    kind: TrialKind
    round: int
    cases: tuple[Case, ...]
    hash_seed: int
    go: tuple[int, ...] = (0,)

    @property
    def id(self) -> str:
        """Unique within a run, the same when the plan is made again."""
        return f"{self.kind} {self.round} " + " + ".join(sorted(case.id for case in self.cases))


@dataclass(frozen=True, slots=True)
class CaseInEnvironment:
    """A case and the environment in which it is measured: that of its name, with what its mode needs on top.

    ``slowdown``: the share of its pass by which it is made slower, to find out what a gate would have seen. ``levers``: the path
    and the value of each lever that is applied to a program.
    """

    case: Case
    environment: Environment
    floor: bool = False
    slowdown: float = 0.0
    levers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Cases that are measured together and shown in one table; each of ``duets`` is a pair of cases, before and after.

    ``head`` are the first lines of the market, on which instructions are counted. ``batch`` are the files of a market that stands
    for several, which a pass replays one after the other. ``arguments`` are those of a program, ``working`` is its working
    directory; empty: that of this process.
    """

    scenario: Scenario
    market: Market | None
    parameters: tuple[tuple[str, Value], ...]
    places: tuple[CaseInEnvironment, ...]
    duets: tuple[tuple[Case, Case], ...] = ()
    head: Market | None = None
    batch: tuple[Market, ...] = ()
    arguments: tuple[str, ...] = ()
    working: str = ""

    @property
    def files(self) -> tuple[Market, ...]:
        """The files that a pass replays."""
        return self.batch or ((self.market,) if self.market is not None else ())

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases in order; the first is the baseline."""
        return tuple(place.case for place in self.places)

    def place(self, case: Case) -> CaseInEnvironment:
        """The environment of a case of this group."""
        return next(place for place in self.places if place.case == case)


SweepPairing = Literal["", "neighbours", "anchor"]
"""How a sweep pairs environments: each with the previous one, or each with an anchor; empty without a sweep."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run; with the seed and the data they give the same plan again.

    ``environments`` are groups of specs: in a group of one the modes are compared with the baseline, in a larger group every
    environment with the first. With ``links`` each comparison is measured apart, until it is precise: of ``neighbours``, or of
    every environment with the one that is the ``anchor``. ``names`` are the specs that configured names stand for;
    ``accepted`` the output changes that are expected in every comparison. ``gate``: its policy.
    ``count``: also count instructions. ``tools``: packages added to every environment, such as a profiler.
    ``quick``: use the small parameters of the scenarios. ``each``: a table for each market file, also of many. ``jobs``: pairs that
    are measured at the same time, each on a core of its own; ``shard``: the part (from 1) and the number of parts of the draws
    of a survey that are measured; ``cluster``: the address of the scheduler whose workers measure. ``arguments`` are those of the
    programs among the scenarios. ``cuts``: the number of first lines that are measured of each market file that is too long for
    ``max_time``, by its name; None until that is decided.
    """

    scenarios: tuple[str, ...]
    folders: tuple[str, ...]
    modes: tuple[str, ...]
    data: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    sweep: tuple[tuple[str, tuple[str, ...]], ...]
    rounds: int | None
    max_time: float
    precision: float
    timeout: float
    seed: int
    environments: tuple[tuple[str, ...], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    links: SweepPairing = ""
    anchor: str = ""
    accepted: tuple[str, ...] = ()
    gate: GatePolicy | None = None
    count: bool = False
    tools: tuple[str, ...] = ()
    quick: bool = False
    each: bool = False
    drawn: int = 0
    survey_precision: float = 0.03
    jobs: int = 1
    shard: tuple[int, int] = (1, 1)
    cluster: str = ""
    arguments: tuple[str, ...] = ()
    cuts: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """When measuring ends and when a pass is given up, in seconds and as shares: no part of what a pair is.

    A resumed run may change them.
    """

    max_time: float
    precision: float
    survey_precision: float
    timeout: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Those of these settings."""
        return cls(settings.max_time, settings.precision, settings.survey_precision, settings.timeout)

    def change(self, settings: Settings) -> Settings:
        """The settings with these limits."""
        return replace(
            settings,
            max_time=self.max_time,
            precision=self.precision,
            survey_precision=self.survey_precision,
            timeout=self.timeout,
        )


Given = TypeVar("Given")


def select_for_scenario(given: Iterable[tuple[str, Given]], scenario: str) -> dict[str, Given]:
    """The values given for the parameters of a scenario, in the given order.

    ``vwap.periods`` is the parameter ``periods`` of ``vwap`` alone, and wins over ``periods``, which is that of every scenario.
    """
    pairs = list(given)
    for_all = {name: value for name, value in pairs if "." not in name}
    own = {name.partition(".")[2]: value for name, value in pairs if name.startswith(f"{scenario}.")}
    wanted = {**for_all, **own}
    return {
        name: wanted[name] for name in dict.fromkeys(name.rpartition(".")[2] for name, _ in pairs) if name in wanted
    }
