"""Examine cases: passes without and with a profiler by turns, a pass that counts calls, a pass whose memory is watched."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

from perfbench import (
    allocating,
    counting,
    datasets,
    examination,
    function_counts,
    machine,
    planning,
    profiling,
    spikes,
    storage,
    trials,
    turns,
    watching,
)
from perfbench.allocations import Allocations, Lines
from perfbench.curves import Curve
from perfbench.errors import NotMeasured, TrialFailed
from perfbench.examination import Counted, Examination
from perfbench.model import CPU_SECONDS, SCHEMA, Case, Result, Run, Table, Trial
from perfbench.profiles import Profile
from perfbench.session import Prepared
from perfbench.spikes import Spikes
from perfbench.trials import Conditions
from perfbench.worker.protocol import Profiled

COUNTING = "cprofile"
"""The profiler that counts calls beside those that take samples."""

PASSES_FOR_SPIKES = 3
COARSEST, FINEST = 0.001, 0.0001
SAMPLES = 10_000
"""So many samples are wanted of a pass that is compared: its interval is one millisecond, or finer down to a tenth of one."""


@dataclass(frozen=True, slots=True)
class How:
    """How cases are examined.

    ``rounds``: passes without and with a profiler. ``interval``: seconds between samples; 0: a millisecond, finer for short passes.
    ``memory``: whether memory is watched, ``allocations``: whether it is told who allocated it, ``lines``: functions to be told
    line by line, ``count``: whether instructions are counted by function.
    """

    profiler: str
    rounds: int
    interval: float
    memory: bool
    allocations: bool = False
    count: bool = False
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class _Findings:
    """What was found so far of one case."""

    passes: list[Profiled] = field(default_factory=list)
    counted: Profiled | None = None
    seconds: list[float] = field(default_factory=list)
    interval: float = 0.0
    dead: bool = False
    unseen: bool = False
    """The profiler took no sample of it; everything else can still be measured."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A piece of the examination: what is done, in words and as a call; ``sampling``: for the CPU profile and nothing else."""

    table: Table
    trial: Trial
    doing: str
    carry_out: Callable[[Table, Trial], None]
    sampling: bool = False


def sides(table: Table) -> tuple[tuple[Case, Case], ...]:
    """Every mode in both environments, as before and after; empty for a table of one environment."""
    return tuple(duet for duet in table.duets if examination.are_sides(*duet))


class Examiner:
    """Examines what was prepared, pass by pass; ``so_far`` can be asked for at any time."""

    def __init__(self, prepared: Prepared, how: How, artefacts: Path) -> None:
        """:param artefacts: the folder of the profilers' own files."""
        self._prepared = prepared
        self._how = how
        self._artefacts = artefacts
        self._stems = examination.stems(Examination(SCHEMA, prepared.run))
        self._conditions = Conditions(machine.quietest_core(), prepared.run.settings.timeout)
        self._order = random.Random(prepared.run.settings.seed)
        self._findings: dict[Case, _Findings] = {c: _Findings() for table in prepared.tables for c in table.cases}
        self._results: list[Result] = []
        self._curves: list[Curve] = []
        self._allocations: list[Allocations] = []
        self._lines: list[Lines] = []
        self._counted: list[Counted] = []
        self._spans: dict[Case, list[Sequence[int]]] = {}
        self._spikes: list[Spikes] = []
        self._problems: list[str] = list(prepared.run.problems)

    def so_far(self, *, finished: bool = False, problem: str = "") -> Examination:
        """What was found until now, as the document to save, and one more problem if there is one."""
        run: Run = replace(
            self._prepared.run,
            finished=finished,
            measurements=storage.collect(self._prepared.run.measurements, self._results),
            problems=tuple(filter(None, (*self._problems, problem))),
        )
        profiles = tuple(self._profile(table, case) for table in self._prepared.tables for case in table.cases)
        return Examination(
            schema=SCHEMA,
            run=run,
            profiles=tuple(filter(None, profiles)),
            curves=tuple(self._curves),
            spikes=tuple(self._spikes),
            allocations=tuple(self._allocations),
            lines=tuple(self._lines),
            counted=tuple(self._counted),
        )

    def examine(self) -> Iterator[tuple[Table, str, float]]:
        """Carry it out. Before each pass it yields the table, what is about to be done, and which part of all is done.

        What fails becomes a problem, and the rest goes on.
        """
        steps = [step for table in self._prepared.tables for step in self._steps(table)]
        for number, step in enumerate(steps):
            yield step.table, step.doing, number / len(steps)
            if not self._is_pointless(step):
                try:
                    step.carry_out(step.table, step.trial)
                except NotMeasured as error:
                    self._problems.append(f"{step.trial.cases[0].id}: {error}")
        for table in self._prepared.tables:
            if table.market is not None and not datasets.unchanged(table.market):
                self._problems.append(f"{table.market.name} was changed while it was measured: measure it again")

    def _is_pointless(self, step: _Step) -> bool:
        """Whether a case failed, or the one that it is compared with: the rest of a comparison would explain nothing."""
        duets = [duet for duet in sides(step.table) if set(duet) & set(step.trial.cases)]
        findings = [self._findings[case] for case in {*step.trial.cases, *itertools.chain(*duets)}]
        return any(one.dead or (step.sampling and one.unseen) for one in findings)

    def _steps(self, table: Table) -> Iterator[_Step]:
        compared = len({case.environment for case in table.cases}) > 1
        cases = tuple(dict.fromkeys(itertools.chain(*sides(table)))) if compared else table.cases
        for case in cases if self._how.profiler != COUNTING else ():
            yield _Step(table, Trial("alone", 0, (case,), 0), f"counting calls: {case.mode}", self._count)
        for number in range(self._how.rounds):
            yield from self._round(table, cases, number, compared=compared)
        for case in cases:
            yield from self._once(table, Trial("alone", 0, (case,), 0), compared=compared)

    def _round(self, table: Table, cases: Sequence[Case], number: int, *, compared: bool) -> Iterator[_Step]:
        """Passes without a profiler, in pairs where two sides are compared, and one with it of every case, in random order."""
        for before, after in sides(table):
            pair = planning.duet(number, before, after, self._order)
            yield _Step(table, pair, f"pair {number + 1}: {after.mode}", self._pair, sampling=True)
        for case in self._order.sample(cases, len(cases)):
            trial = Trial("alone", number, (case,), self._order.randint(1, planning.LARGEST_HASH_SEED))
            if not compared:
                yield _Step(table, trial, f"pass {number + 1}: {case.mode}", self._alone, sampling=True)
            yield _Step(table, trial, f"{self._how.profiler} {number + 1}: {case.mode}", self._sample, sampling=True)

    def _once(self, table: Table, trial: Trial, *, compared: bool) -> Iterator[_Step]:
        """What one pass of a case tells: memory, how long each update takes, who allocates."""
        mode = trial.cases[0].mode
        if self._how.memory:
            yield _Step(table, trial, f"memory: {mode}", self._watch)
        for _ in range(0 if compared or table.market is None else PASSES_FOR_SPIKES):
            yield _Step(table, trial, f"how long each update takes: {mode}", self._trace)
        if self._how.allocations:
            yield _Step(table, trial, f"allocations: {mode}", self._allocate)
        for seed in counting.HASH_SEEDS if self._how.count else ():
            doing = f"instructions by function: {mode}, hash seed {seed}"
            yield _Step(table, Trial("count", seed, trial.cases, seed), doing, self._count_functions)
        for number in range(len(self._how.lines)):
            yield _Step(table, trial, f"line by line: {mode}", partial(self._line, number))

    def _pair(self, table: Table, trial: Trial) -> None:
        sides = [self._findings[case] for case in trial.cases]
        known = [median(side.seconds) if side.seconds else 0.0 for side in sides]
        for result in trials.execute(trial, table, self._conditions, parts=turns.arrange(*known)):
            self._take(table, result)

    def _alone(self, table: Table, trial: Trial) -> None:
        for result in trials.execute(trial, table, self._conditions):
            self._take(table, result)

    def _take(self, table: Table, result: Result) -> None:
        case = next(case for case in table.cases if case.id == result.case)
        self._results.append(result)
        if result.failure is not None:
            self._findings[case].dead = True
            self._problems.append(f"{case.id}: {result.failure.message}")
        elif result.sample is not None:
            self._findings[case].seconds.append(result.sample.metrics[CPU_SECONDS.name])

    def _sample(self, table: Table, trial: Trial) -> None:
        (case,) = trial.cases
        findings = self._findings[case]
        findings.interval = findings.interval or self._interval(table, case)
        findings.passes.append(self._profiled(table, trial, self._how.profiler, findings.interval))

    def _interval(self, table: Table, case: Case) -> float:
        """The same for the sides that are compared, fine enough for the longer one: a sample costs, most where stacks are deep."""
        sides = [self._findings[other].seconds for other in table.cases if other.mode == case.mode]
        if self._how.interval or not all(sides):
            return self._how.interval or COARSEST
        return max(FINEST, min(COARSEST, max(seconds[0] for seconds in sides) / SAMPLES))

    def _count(self, table: Table, trial: Trial) -> None:
        self._findings[trial.cases[0]].counted = self._profiled(table, trial, COUNTING, COARSEST)

    def _profiled(self, table: Table, trial: Trial, profiler: str, interval: float) -> Profiled:
        """A case that fails here is given up; of one that is too short for the profiler, only its profile."""
        (case,) = trial.cases
        artefact = self._artefact(profiling.SUFFIXES[profiler], case)
        try:
            return profiling.profiled(trial, table, case, self._conditions, profiler, interval, artefact)
        except TrialFailed:
            self._findings[case].dead = True
            raise
        except NotMeasured:
            self._findings[case].unseen = True
            raise

    def _watch(self, table: Table, trial: Trial) -> None:
        (case,) = trial.cases
        marks = datasets.turning_points(table.market) if table.market else ()
        self._curves.append(watching.watch(trial, table, case, self._conditions, marks))

    def _trace(self, table: Table, trial: Trial) -> None:
        """After the last pass: what all of them say of each update."""
        (case,) = trial.cases
        spans = self._spans.setdefault(case, [])
        spans.append(profiling.traced(trial, table, case, self._conditions).nanoseconds)
        if table.market is not None and len(spans) == PASSES_FOR_SPIKES:
            found = spikes.spikes(case, spans, datasets.updates(table.market))
            self._spikes += [found] if found is not None else []

    def _allocate(self, table: Table, trial: Trial) -> None:
        (case,) = trial.cases
        artefact = self._artefact("", case)
        self._allocations.append(allocating.allocations(trial, table, case, self._conditions, artefact))

    def _line(self, number: int, table: Table, trial: Trial) -> None:
        (case,) = trial.cases
        artefact = self._artefact(f"-{number}" if number else "", case)
        function = self._how.lines[number]
        self._lines.append(allocating.lines(trial, table, case, self._conditions, function, artefact))

    def _count_functions(self, table: Table, trial: Trial) -> None:
        (case,) = trial.cases
        if reason := function_counts.missing(table.place(case).environment):
            raise NotMeasured(reason)
        counts = function_counts.count(trial, table, self._conditions)
        self._counted.append(Counted(case, trial.hash_seed, counts))

    def _artefact(self, suffix: str, case: Case) -> Path:
        return self._artefacts / f"{self._stems[case.id]}{suffix}"

    def _profile(self, table: Table, case: Case) -> Profile | None:
        findings = self._findings[case]
        if not findings.passes or not findings.seconds:
            return None
        return profiling.merged(
            case,
            table.scenario.unit,
            table.place(case).environment.version,
            self._how.profiler,
            findings.interval,
            findings.passes,
            findings.counted,
            findings.seconds,
        )
