"""What was measured: samples, outputs, failures, measurements and the saved run."""

from __future__ import annotations

from dataclasses import dataclass, field

from perfbench.model.corpus import Corpus, MeasuringMachine, OpenedBatch
from perfbench.model.environment import Environment, Machine, Package
from perfbench.model.plan import Case, Limits, Market, Settings, TrialKind
from perfbench.model.scenario import Scenario
from perfbench.model.sweep import SweepPart

SCHEMA = 1
"""The version of the saved document; a file with a higher number comes from a newer perfbench."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample of one pass in a fresh process.

    ``pair`` joins the samples of one duet, of which the shorter side may have several; ``order`` numbers the passes of a trial.
    The ``round`` of a count is its hash seed, its ``work`` that of the first lines.
    ``metrics`` are keyed by the names in ``METRICS``; ``numbers`` are the metrics that a mode reports itself. ``machine`` is the
    name of one of ``Corpus.machines``, empty on the machine of the run, or of its part of a sweep; ``core``: where it ran, if a
    survey uses several cores.
    ``parts`` are the seconds of each market file of a batch, in its order: CPU seconds, or those that the mode reports.
    """

    kind: TrialKind
    round: int
    order: int
    pair: str
    work: int
    metrics: dict[str, float]
    numbers: dict[str, float] = field(default_factory=dict)
    machine: str = ""
    core: int | None = None
    parts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """The digest of everything that a mode yielded in its check pass, and one digest per block of updates.

    ``traits`` are properties of one representation only, such as the time zone of its datetimes. ``handled``: the books that the
    strategies of a program were given to process; None of anything else, and in runs saved before it was counted.
    """

    digest: str
    updates: int
    block_size: int
    blocks: tuple[str, ...]
    traits: dict[str, str] = field(default_factory=dict)
    handled: int | None = None


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """The first difference between the output of a case and that of the case ``against`` (its id). ``update`` counts from 1.

    ``less_work``: the amount of output differs, so that speeds cannot be compared. With ``changes`` the
    outputs agree once these announced changes are undone on both sides, and there is no place to show. ``item``: what ``update``
    counts; of a program the ``order event``. Against itself: the output of the case differs from run to run.
    """

    update: int
    where: str
    before: str
    after: str
    less_work: bool = False
    against: str = ""
    changes: tuple[str, ...] = ()
    item: str = "update"


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial without a result: its kind, the cause in one line, and the traceback of the worker if there is one.

    ``unavailable``: the mode needs something that this machine lacks; that is no error.
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
    """The result of one case in one trial: a sample, an output, or a failure. A journal is a list of them.

    ``together``: the number of results that were written at one stroke; fewer of them do not count. A survey also writes each batch
    that it ``opened`` and each other ``machine`` that measures, and a resumed run the ``limits`` that it changed, as results of no
    case.
    """

    trial: str
    case: str
    sample: Sample | None = None
    output: Output | None = None
    difference: OutputDifference | None = None
    packages: tuple[Package, ...] = ()
    failure: Failure | None = None
    together: int = 1
    opened: OpenedBatch | None = None
    machine: MeasuringMachine | None = None
    limits: Limits | None = None

    @property
    def kind(self) -> str:
        """The kind of the trial, of which ``trial`` is the id."""
        return self.trial.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Every sample of one case, and the packages that were really imported.

    ``difference`` is that against the baseline, in documents older than ``differences``.
    """

    case: Case
    doc: str
    unit: str
    metric: str
    baseline: bool
    samples: tuple[Sample, ...] = ()
    packages: tuple[Package, ...] = ()
    output: Output | None = None
    difference: OutputDifference | None = None
    failures: tuple[Failure, ...] = ()
    differences: tuple[OutputDifference, ...] = ()
    floor: bool = False

    @property
    def works(self) -> frozenset[int]:
        """The amounts of work that its timed passes did; more than one means that they are not comparable."""
        return frozenset(sample.work for sample in self.timed)

    @property
    def instability(self) -> OutputDifference | None:
        """How its output differs from run to run; None if it does not."""
        return next((difference for difference in self.differences if difference.against == self.case.id), None)

    @property
    def timed(self) -> tuple[Sample, ...]:
        """The samples without instruction counts, which do a part of the work and take much longer."""
        return tuple(sample for sample in self.samples if sample.kind != "count")


@dataclass(frozen=True, slots=True)
class BlamedFunction:
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

    ``problem``: why functions cannot be named; empty otherwise.
    """

    before: str
    after: str
    culprits: tuple[BlamedFunction, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """The saved document: raw samples and everything needed to trust them; statistics are never stored.

    ``duets`` are the ids of the cases that are compared, before and after; a document without them compares every case with the
    baseline. ``paired`` is false for two saved runs side by side, which were not measured at the same time.
    ``unbuilt`` are the environments that could not be built, each with the reason. ``commit`` is the checked-out commit of the
    working folder, empty outside git, and ``dirty`` whether it had changes. ``blames``: functions behind the regressions of a gate.
    ``warnings``: reasons to trust every table of it less. ``corpus``: the market files that were surveyed, if they were; the
    data of each measurement is a batch then. ``earlier``: the parts of an extended sweep that were measured before, the oldest
    first; what stands beside them, such as ``machine``, is of the newest part.
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
    warnings: tuple[str, ...] = ()
    corpus: Corpus | None = None
    earlier: tuple[SweepPart, ...] = ()

    @property
    def parts(self) -> tuple[SweepPart, ...]:
        """The parts of a sweep in order of time: a single one unless it was extended."""
        before = {duet for part in self.earlier for duet in part.duets}
        own = tuple(duet for duet in self.duets if duet not in before)
        newest = SweepPart(
            self.id,
            self.perfbench,
            self.created,
            self.machine,
            self.settings,
            own,
            self.commit,
            self.dirty,
            self.problems,
        )
        return (*self.earlier, newest)

    def find_part(self, case_id: str) -> SweepPart:
        """The part in which a case was measured."""
        holds = (part for part in self.earlier if any(case_id in duet for duet in part.duets))
        return next(holds, self.parts[-1])

    def scenario(self, name: str) -> Scenario | None:
        """The scenario of this name; None if its description is not in the document."""
        return next((scenario for scenario in self.scenarios if scenario.name == name), None)

    def is_program(self, case: Case) -> bool:
        """Whether a case runs a program of the user, which itself decides which updates it asks for."""
        scenario = self.scenario(case.scenario)
        return scenario is not None and bool(scenario.program)

    def is_surveyed(self, case: Case) -> bool:
        """Whether a case belongs to the table of a corpus."""
        return self.corpus is not None and bool(case.data)

    def measurement(self, case_id: str) -> Measurement | None:
        """The measurement of the case with this id; None if it is not in the document."""
        return next((measurement for measurement in self.measurements if measurement.case.id == case_id), None)
