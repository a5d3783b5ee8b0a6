"""Examine cases: passes without and with a profiler by turns, a pass that counts calls, a pass whose memory is watched."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

from perfbench.datasets import inspection, updates
from perfbench.errors import NotMeasured, TrialFailed
from perfbench.model import CPU_SECONDS, SCHEMA, Case, CaseGroup, Result, Run, Trial
from perfbench.profiling import cpu_pass, document, slow_updates
from perfbench.profiling.document import CaseCounts, ProfileDocument
from perfbench.profiling.instructions import functions
from perfbench.profiling.memory import sampler
from perfbench.profiling.memory.allocations import profile_allocations, profile_lines
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.memory.model import AllocationSummary, LineProfile
from perfbench.profiling.model import Profile
from perfbench.profiling.slow_updates import SlowUpdates
from perfbench.results.document import collect_results
from perfbench.runner import interleave, machine, plan
from perfbench.runner.session import PreparedRun
from perfbench.runner.trial import Conditions, execute_trial
from perfbench.stats import instructions
from perfbench.worker.protocol import CpuProfile

CALL_COUNTER = "cprofile"
"""The profiler that counts calls beside those that take samples."""

SLOW_UPDATE_PASSES = 3
COARSEST_INTERVAL, FINEST_INTERVAL = 0.001, 0.0001
TARGET_SAMPLES = 10_000
"""So many samples are wanted of a pass that is compared: its interval is one millisecond, or finer down to a tenth of one."""


@dataclass(frozen=True, slots=True)
class ProfileOptions:
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
class _CaseFindings:
    """What was found so far of one case."""

    passes: list[CpuProfile] = field(default_factory=list)
    counted: CpuProfile | None = None
    seconds: list[float] = field(default_factory=list)
    interval: float = 0.0
    dead: bool = False
    unseen: bool = False
    """The profiler took no sample of it; everything else can still be measured."""


@dataclass(frozen=True, slots=True)
class _SessionStep:
    """A piece of the examination: what is done, in words and as a call; ``sampling``: for the CPU profile and nothing else."""

    table: CaseGroup
    trial: Trial
    doing: str
    carry_out: Callable[[CaseGroup, Trial], None]
    sampling: bool = False


def pair_sides(table: CaseGroup) -> tuple[tuple[Case, Case], ...]:
    """Every mode in both environments, as before and after; empty for a table of one environment."""
    return tuple(duet for duet in table.duets if document.is_same_mode(*duet))


class ProfilingSession:
    """Examines what was prepared, pass by pass; ``so_far`` can be asked for at any time."""

    def __init__(self, prepared: PreparedRun, how: ProfileOptions, artefacts: Path) -> None:
        """:param artefacts: the folder of the profilers' own files."""
        self._prepared = prepared
        self._how = how
        self._artefacts = artefacts
        self._stems = document.build_file_stems(ProfileDocument(SCHEMA, prepared.run))
        self._conditions = Conditions(machine.find_quietest_core(), prepared.run.settings.timeout)
        self._order = random.Random(prepared.run.settings.seed)
        self._findings: dict[Case, _CaseFindings] = {
            c: _CaseFindings() for table in prepared.tables for c in table.cases
        }
        self._results: list[Result] = []
        self._curves: list[MemoryCurve] = []
        self._allocations: list[AllocationSummary] = []
        self._lines: list[LineProfile] = []
        self._counted: list[CaseCounts] = []
        self._spans: dict[Case, list[Sequence[int]]] = {}
        self._spikes: list[SlowUpdates] = []
        self._problems: list[str] = list(prepared.run.problems)

    def so_far(self, *, finished: bool = False, problem: str = "") -> ProfileDocument:
        """What was found until now, as the document to save, and one more problem if there is one."""
        run: Run = replace(
            self._prepared.run,
            finished=finished,
            measurements=collect_results(self._prepared.run.measurements, self._results),
            problems=tuple(filter(None, (*self._problems, problem))),
        )
        profiles = tuple(self._profile(table, case) for table in self._prepared.tables for case in table.cases)
        return ProfileDocument(
            schema=SCHEMA,
            run=run,
            profiles=tuple(filter(None, profiles)),
            curves=tuple(self._curves),
            spikes=tuple(self._spikes),
            allocations=tuple(self._allocations),
            lines=tuple(self._lines),
            counted=tuple(self._counted),
        )

    def examine(self) -> Iterator[tuple[CaseGroup, str, float]]:
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
            if table.market is not None and not inspection.is_unchanged(table.market):
                self._problems.append(f"{table.market.name} was changed while it was measured: measure it again")

    def _is_pointless(self, step: _SessionStep) -> bool:
        """Whether a case failed, or the one that it is compared with: the rest of a comparison would explain nothing."""
        duets = [duet for duet in pair_sides(step.table) if set(duet) & set(step.trial.cases)]
        findings = [self._findings[case] for case in {*step.trial.cases, *itertools.chain(*duets)}]
        return any(one.dead or (step.sampling and one.unseen) for one in findings)

    def _steps(self, table: CaseGroup) -> Iterator[_SessionStep]:
        compared = len({case.environment for case in table.cases}) > 1
        cases = tuple(dict.fromkeys(itertools.chain(*pair_sides(table)))) if compared else table.cases
        for case in cases if self._how.profiler != CALL_COUNTER else ():
            yield _SessionStep(table, Trial("alone", 0, (case,), 0), f"counting calls: {case.mode}", self._count)
        for number in range(self._how.rounds):
            yield from self._round(table, cases, number, compared=compared)
        for case in cases:
            yield from self._once(table, Trial("alone", 0, (case,), 0), compared=compared)

    def _round(self, table: CaseGroup, cases: Sequence[Case], number: int, *, compared: bool) -> Iterator[_SessionStep]:
        """Passes without a profiler, in pairs where two sides are compared, and one with it of every case, in random order."""
        for before, after in pair_sides(table):
            pair = plan.build_duet(number, before, after, self._order)
            yield _SessionStep(table, pair, f"pair {number + 1}: {after.mode}", self._pair, sampling=True)
        for case in self._order.sample(cases, len(cases)):
            trial = Trial("alone", number, (case,), self._order.randint(1, plan.MAX_HASH_SEED))
            if not compared:
                yield _SessionStep(table, trial, f"pass {number + 1}: {case.mode}", self._alone, sampling=True)
            yield _SessionStep(
                table, trial, f"{self._how.profiler} {number + 1}: {case.mode}", self._sample, sampling=True
            )

    def _once(self, table: CaseGroup, trial: Trial, *, compared: bool) -> Iterator[_SessionStep]:
        """What one pass of a case tells: memory, how long each update takes, who allocates."""
        mode = trial.cases[0].mode
        if self._how.memory:
            yield _SessionStep(table, trial, f"memory: {mode}", self._watch)
        for _ in range(0 if compared or table.market is None else SLOW_UPDATE_PASSES):
            yield _SessionStep(table, trial, f"how long each update takes: {mode}", self._trace)
        if self._how.allocations:
            yield _SessionStep(table, trial, f"allocations: {mode}", self._allocate)
        for seed in instructions.HASH_SEEDS if self._how.count else ():
            doing = f"instructions by function: {mode}, hash seed {seed}"
            yield _SessionStep(table, Trial("count", seed, trial.cases, seed), doing, self._count_functions)
        for number in range(len(self._how.lines)):
            yield _SessionStep(table, trial, f"line by line: {mode}", partial(self._line, number))

    def _pair(self, table: CaseGroup, trial: Trial) -> None:
        sides = [self._findings[case] for case in trial.cases]
        known = [median(side.seconds) if side.seconds else 0.0 for side in sides]
        for result in execute_trial(trial, table, self._conditions, parts=interleave.plan_slices(*known)):
            self._take(table, result)

    def _alone(self, table: CaseGroup, trial: Trial) -> None:
        for result in execute_trial(trial, table, self._conditions):
            self._take(table, result)

    def _take(self, table: CaseGroup, result: Result) -> None:
        case = next(case for case in table.cases if case.id == result.case)
        self._results.append(result)
        if result.failure is not None:
            self._findings[case].dead = True
            self._problems.append(f"{case.id}: {result.failure.message}")
        elif result.sample is not None:
            self._findings[case].seconds.append(result.sample.metrics[CPU_SECONDS.name])

    def _sample(self, table: CaseGroup, trial: Trial) -> None:
        (case,) = trial.cases
        findings = self._findings[case]
        findings.interval = findings.interval or self._interval(table, case)
        findings.passes.append(self._profiled(table, trial, self._how.profiler, findings.interval))

    def _interval(self, table: CaseGroup, case: Case) -> float:
        """The same for the sides that are compared, fine enough for the longer one: a sample costs, most where stacks are deep."""
        sides = [self._findings[other].seconds for other in table.cases if other.mode == case.mode]
        if self._how.interval or not all(sides):
            return self._how.interval or COARSEST_INTERVAL
        return max(FINEST_INTERVAL, min(COARSEST_INTERVAL, max(seconds[0] for seconds in sides) / TARGET_SAMPLES))

    def _count(self, table: CaseGroup, trial: Trial) -> None:
        self._findings[trial.cases[0]].counted = self._profiled(table, trial, CALL_COUNTER, COARSEST_INTERVAL)

    def _profiled(self, table: CaseGroup, trial: Trial, profiler: str, interval: float) -> CpuProfile:
        """A case that fails here is given up; of one that is too short for the profiler, only its profile."""
        (case,) = trial.cases
        artefact = self._artefact(cpu_pass.SUFFIXES[profiler], case)
        try:
            return cpu_pass.run_profiled_pass(trial, table, case, self._conditions, profiler, interval, artefact)
        except TrialFailed:
            self._findings[case].dead = True
            raise
        except NotMeasured:
            self._findings[case].unseen = True
            raise

    def _watch(self, table: CaseGroup, trial: Trial) -> None:
        (case,) = trial.cases
        marks = updates.find_turning_points(table.market) if table.market else ()
        self._curves.append(sampler.sample_memory(trial, table, case, self._conditions, marks))

    def _trace(self, table: CaseGroup, trial: Trial) -> None:
        """After the last pass: what all of them say of each update."""
        (case,) = trial.cases
        spans = self._spans.setdefault(case, [])
        spans.append(cpu_pass.run_traced_pass(trial, table, case, self._conditions).nanoseconds)
        if table.market is not None and len(spans) == SLOW_UPDATE_PASSES:
            found = slow_updates.find_slow_updates(case, spans, updates.list_updates(table.market))
            self._spikes += [found] if found is not None else []

    def _allocate(self, table: CaseGroup, trial: Trial) -> None:
        (case,) = trial.cases
        artefact = self._artefact("", case)
        self._allocations.append(profile_allocations(trial, table, case, self._conditions, artefact))

    def _line(self, number: int, table: CaseGroup, trial: Trial) -> None:
        (case,) = trial.cases
        artefact = self._artefact(f"-{number}" if number else "", case)
        function = self._how.lines[number]
        self._lines.append(profile_lines(trial, table, case, self._conditions, function, artefact))

    def _count_functions(self, table: CaseGroup, trial: Trial) -> None:
        (case,) = trial.cases
        if reason := functions.explain_unavailable(table.place(case).environment):
            raise NotMeasured(reason)
        counts = functions.count_functions(trial, table, self._conditions)
        self._counted.append(CaseCounts(case, trial.hash_seed, counts))

    def _artefact(self, suffix: str, case: Case) -> Path:
        return self._artefacts / f"{self._stems[case.id]}{suffix}"

    def _profile(self, table: CaseGroup, case: Case) -> Profile | None:
        findings = self._findings[case]
        if not findings.passes or not findings.seconds:
            return None
        return cpu_pass.merge_passes(
            case,
            table.scenario.unit,
            table.place(case).environment.version,
            self._how.profiler,
            findings.interval,
            findings.passes,
            findings.counted,
            findings.seconds,
        )
