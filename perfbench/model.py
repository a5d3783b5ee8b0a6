"""The nouns of perfbench, frozen.

A *scenario* is a file; its functions are *modes*. A mode in an *environment* on some data is a *case*. A *trial* is one piece
of measuring in one or two worker processes and yields *samples*. A *run* is the saved samples and all that is needed to trust
them. A *comparison* of two cases ends in a *verdict*.

Units: seconds, bytes, updates. Ratios are after / before, so a ratio above 1 means that "after" needs more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from perfbench.terms import Terms

SCHEMA = 1
"""The version of the saved document; a file with a higher number comes from a newer perfbench."""

Value = str | int | float | bool
"""What a parameter of a mode can be."""


Better = Literal["lower", "higher", "neither"]
"""Which direction of a number is good."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured; ``better`` says which direction is good, if any. A scenario may have its own."""

    name: str
    unit: str
    better: Better


CPU_SECONDS = Metric("cpu_seconds", "seconds", "lower")
WALL_SECONDS = Metric("wall_seconds", "seconds", "lower")
REPORTED_SECONDS = Metric("reported_seconds", "seconds", "lower")
STARTUP_SECONDS = Metric("startup_seconds", "seconds", "lower")
QUEUE_SECONDS = Metric("queue_seconds", "seconds", "lower")
PEAK_RSS_BYTES = Metric("peak_rss_bytes", "bytes", "lower")
SPENT_SECONDS = Metric("spent_seconds", "seconds", "lower")
"""What a whole duet of a gate took by the wall clock of the host, from the start of its workers to their end."""

INSTRUCTIONS = Metric("instructions", "instructions", "lower")
"""What a pass executed, as callgrind counts it; in samples of counts only, which have no times."""

METRICS = {
    metric.name: metric
    for metric in (
        CPU_SECONDS,
        WALL_SECONDS,
        REPORTED_SECONDS,
        STARTUP_SECONDS,
        QUEUE_SECONDS,
        PEAK_RSS_BYTES,
        SPENT_SECONDS,
        INSTRUCTIONS,
    )
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A keyword-only argument of a mode or of a set-up, with its default."""

    name: str
    default: Value


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to do the work. ``missing`` are those of its ``needs`` that the described environment does not have.

    A mode with a ``group`` is measured only when it or its group is asked for. A ``floor`` does a part of the work only, such as
    reading the file: its output is not compared.
    """

    name: str
    doc: str
    baseline: bool
    needs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    uses_market: bool = False
    group: str = ""
    floor: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """An announced speed-up or advice, to be confirmed or refuted: ``before`` → ``after`` is ``ratio`` times better.

    Both sides are modes, of a certain release if written ``mode@package==version``. ``metric`` is what gets better, the seconds if
    empty; ``text`` the advice in words; ``better`` the mode that is worth knowing beside the advice.
    """

    before: str
    after: str
    ratio: float
    source: str
    metric: str = ""
    text: str = ""
    better: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An announced change of content: from ``release`` of ``package`` on, these ``fields`` differ, for this ``reason``.

    ``name`` is what the scenario's canonical form is told to undo; with a ``trait`` it shows in that trait of the output only.
    """

    name: str
    package: str
    release: str
    fields: tuple[str, ...]
    reason: str
    trait: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A part of a scenario's work. ``patterns`` are those of the functions that do it: ``package/path.py:Class.function`` with
    ``*`` and ``?``, or ``user:*`` for the functions of files outside of every package.
    """

    name: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file as a worker described it. ``doc`` is the question that it asks.

    ``metrics`` are its own, which its modes report; ``quick`` has the values of parameters that make it a matter of seconds.
    """

    name: str
    path: str
    doc: str
    unit: str
    metric: str
    sha256: str
    modes: tuple[Mode, ...]
    claims: tuple[Claim, ...] = ()
    changes: tuple[Change, ...] = ()
    owners: tuple[Owner, ...] = ()
    metrics: tuple[Metric, ...] = ()
    quick: tuple[tuple[str, Value], ...] = ()

    @property
    def baseline(self) -> Mode:
        """The mode that the others are compared with: the marked one, else the first."""
        return next((mode for mode in self.modes if mode.baseline), self.modes[0])

    @property
    def uses_market(self) -> bool:
        """Whether any of its modes replays a market file."""
        return any(mode.uses_market for mode in self.modes)


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution: its name, its version, and the file that a worker really imported (empty if nobody did)."""

    name: str
    version: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder of sources of which a snapshot was built: its commit (empty outside git), and whether it had changes on top."""

    path: str
    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter and what is installed there.

    ``name`` is the spec as the user wrote it, ``python`` the path of the interpreter, ``version`` that of its Python.
    ``packages`` is all that is installed; ``demanded`` are names and versions of which a worker may import no other.
    ``recipe`` says how it was resolved, empty where nothing was.
    """

    name: str
    python: str
    version: str = ""
    packages: tuple[Package, ...] = ()
    demanded: tuple[tuple[str, str], ...] = ()
    recipe: str = ""
    sources: tuple[Checkout, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    """One plain stream file, ready to be replayed.

    ``updates`` counts its lines with market changes; ``doubts`` are what a reader of the numbers should know about it.
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
        settings = ",".join(f"{name}={value}" for name, value in self.parameters)
        data = f"#{self.data}" if self.data else ""
        return f"{self.scenario}/{self.mode}@{self.environment}{data}" + (f"[{settings}]" if settings else "")


TrialKind = Literal["check", "differ", "count", "memory", "alone", "duet"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One piece of measuring: check passes, where two outputs differ, a count of instructions, a memory pass, a pass alone, or
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
class Sample:
    """What one pass in one fresh process gave.

    ``pair`` joins the samples of one duet, of which the shorter side may have several; ``order`` numbers the passes of a trial.
    The ``round`` of a count is its hash seed, its ``work`` that of the first lines.
    ``metrics`` are keyed by the names in ``METRICS``; ``numbers`` are what only the mode knows.
    """

    kind: TrialKind
    round: int
    order: int
    pair: str
    work: int
    metrics: dict[str, float]
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """The digest of all that a mode yielded in its check pass, and one digest for every block of updates.

    ``traits`` are what only one representation can show, such as the time zone of its datetimes.
    """

    digest: str
    updates: int
    block_size: int
    blocks: tuple[str, ...]
    traits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the output of a case is not that of the case ``against`` (its id). ``update`` counts from 1.

    ``less_work``: not the content differs but how much there is of it, so that no speed can be compared. With ``changes`` the
    outputs agree once these announced changes are undone on both sides, and there is no place to show.
    """

    update: int
    where: str
    before: str
    after: str
    less_work: bool = False
    against: str = ""
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that gave nothing: its kind, what happened, in one line, and the traceback of the worker if there is one.

    ``unavailable``: nothing is wrong, but this machine lacks something that the mode takes.
    """

    trial: str
    message: str
    detail: str = ""
    unavailable: bool = False

    @property
    def kind(self) -> str:
        """The kind of the trial; older documents have its id in ``trial``, which begins with the kind."""
        return self.trial.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What one case got from one trial: a sample, an output, or a failure. A journal is a list of them.

    ``together``: so many results of the trial were written at one stroke; fewer of them are none.
    """

    trial: str
    case: str
    sample: Sample | None = None
    output: Output | None = None
    difference: Difference | None = None
    packages: tuple[Package, ...] = ()
    failure: Failure | None = None
    together: int = 1

    @property
    def kind(self) -> str:
        """The kind of the trial, of which ``trial`` is the id."""
        return self.trial.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Place:
    """A case and the environment in which it is measured: that of its name, with what its mode needs on top.

    ``burn``: the share of its pass by which it is made slower, to find out what a gate would have seen.
    """

    case: Case
    environment: Environment
    floor: bool = False
    burn: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """Cases that are measured together and shown in one table; each of ``duets`` is a case before and a case after.

    ``head`` are the first lines of the market, on which instructions are counted.
    """

    scenario: Scenario
    market: Market | None
    parameters: tuple[tuple[str, Value], ...]
    places: tuple[Place, ...]
    duets: tuple[tuple[Case, Case], ...] = ()
    head: Market | None = None

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases in order; the first is the baseline."""
        return tuple(place.case for place in self.places)

    def place(self, case: Case) -> Place:
        """Where a case of this table is measured."""
        return next(place for place in self.places if place.case == case)


@dataclass(frozen=True, slots=True)
class Measurement:
    """Every sample of one case, and what was really imported to get them.

    ``difference`` is what documents from before there were ``differences`` say of the case against its baseline.
    """

    case: Case
    doc: str
    unit: str
    metric: str
    baseline: bool
    samples: tuple[Sample, ...] = ()
    packages: tuple[Package, ...] = ()
    output: Output | None = None
    difference: Difference | None = None
    failures: tuple[Failure, ...] = ()
    differences: tuple[Difference, ...] = ()
    floor: bool = False

    @property
    def timed(self) -> tuple[Sample, ...]:
        """The samples that are no counts: a count does a part of the work, and takes many times as long for it."""
        return tuple(sample for sample in self.samples if sample.kind != "count")


@dataclass(frozen=True, slots=True)
class Machine:
    """What is worth keeping of the machine that measured."""

    system: str
    cpu: str
    cores: int
    memory_bytes: int
    python: str
    load: float
    pinned: bool


Links = Literal["", "neighbours", "anchor"]
"""How a sweep goes through environments: each with the one before it, or each with one of them; empty where it is no sweep."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for; with the seed and the data it makes the same plan again.

    ``environments`` are groups of specs: in a group of one the modes are compared with the baseline, in a larger group every
    environment with the first. With ``links`` each comparison is measured apart, until it is precise: of ``neighbours``, or of
    every environment with the one that is the ``anchor``. ``names`` are the specs that configured names stand for;
    ``accepted`` the names of changes of content that are taken for known between whatever releases. ``gate``: what it demands.
    ``count``: instructions are counted too. ``tools`` are packages that every environment has on top, such as a profiler.
    ``quick``: with the values of parameters that the scenarios have for it.
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
    links: Links = ""
    anchor: str = ""
    accepted: tuple[str, ...] = ()
    gate: Terms | None = None
    count: bool = False
    tools: tuple[str, ...] = ()
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Culprit:
    """A function that executes more or less than before: its own instructions and its calls per unit of work.

    ``share`` is the change as a share of all instructions of the case before.
    """

    function: str
    before: float
    after: float
    calls_before: float
    calls_after: float
    share: float


@dataclass(frozen=True, slots=True)
class CaseBlame:
    """Which functions a regression comes from, the greatest change first, by the ids of the cases before and after.

    ``problem`` says why nobody can be blamed, empty otherwise.
    """

    before: str
    after: str
    culprits: tuple[Culprit, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """The saved document: raw samples and all that is needed to trust them; statistics are never stored.

    ``duets`` are the ids of the cases that are compared, before and after; a document without them compares every case with the
    baseline. ``paired`` is false where two saved runs were put side by side, which were not measured at the same time.
    ``unbuilt`` are the environments that could not be had, each with the reason. ``commit`` is what was checked out where perfbench
    was called, empty outside of git, and ``dirty`` whether it had been changed. ``blames`` are of the regressions that a gate
    found.
    """

    schema: int
    id: str
    perfbench: str
    created: str
    finished: bool
    machine: Machine
    settings: Settings
    scenarios: tuple[Scenario, ...]
    data: tuple[Market, ...]
    measurements: tuple[Measurement, ...]
    problems: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ()
    duets: tuple[tuple[str, str], ...] = ()
    paired: bool = True
    unbuilt: tuple[tuple[str, str], ...] = ()
    commit: str = ""
    dirty: bool = False
    blames: tuple[CaseBlame, ...] = ()


class Verdict(str, Enum):
    """How a comparison ends."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to trust a number less: what is wrong, and how much of it there is."""

    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two measurements of one metric; ``ratio`` is after / before with its interval, from ``pairs`` pairs.

    The interval is of 95 % unless ``confidence`` says otherwise. ``detectable`` is the smallest change, as a share, that a gate of
    so many pairs would have found; it is not a number elsewhere.
    """

    metric: Metric
    before: float
    after: float
    ratio: float
    low: float
    high: float
    pairs: int
    sigma: float
    verdict: Verdict
    doubts: tuple[Doubt, ...] = ()
    confidence: float = 0.95
    detectable: float = math.nan


@dataclass(frozen=True, slots=True)
class Reported:
    """A number of a case, and how it compares with that of the case before. Both are medians, in the unit of the metric.

    ``before`` and ``verdict`` are None where there is nothing to compare with. ``ratio`` is after / before; it and the ends of its
    interval are not numbers where a number is not above zero: 96 bytes → 0 bytes has a verdict and no ratio.
    """

    metric: Metric
    after: float
    before: float | None = None
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    verdict: Verdict | None = None
