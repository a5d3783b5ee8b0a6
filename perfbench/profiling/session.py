"""A profiling session: the steps that profile prepared cases, each of them a record in a journal."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from perfbench.datasets import inspection, updates
from perfbench.errors import NotMeasured, TrialFailed
from perfbench.model import SCHEMA, Case, CaseGroup, Trial
from perfbench.profiling import cpu_pass, document, records, slow_updates
from perfbench.profiling.document import CaseCounts, ProfileDocument
from perfbench.profiling.instructions import functions
from perfbench.profiling.memory import sampler
from perfbench.profiling.memory.allocations import profile_allocations, profile_lines
from perfbench.profiling.records import ProfileOptions, ProfileRecord
from perfbench.runner import interleave, machine, plan
from perfbench.runner.duet import execute_trial
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress
from perfbench.runner.time_limit import TimeLimit
from perfbench.runner.trial import Conditions
from perfbench.stats import instructions
from perfbench.worker.protocol import CpuProfile

CALL_COUNTER = "cprofile"
"""The profiler for call counts beside those that sample."""

OTHER_PROFILER = "choose --profiler pyinstrument"
"""What to do where a profiler cannot keep threads apart."""

SLOW_UPDATE_PASSES = 3
COARSEST_INTERVAL, FINEST_INTERVAL = 0.001, 0.0001
TARGET_SAMPLES = 10_000
"""Samples wanted of a compared pass: its interval is one millisecond, or finer down to a tenth of one."""

Execute = Callable[["_Step"], ProfileRecord]


@dataclass(frozen=True, slots=True)
class _Step:
    """One pass or pair of a session; ``sampling``: it serves the CPU profile and nothing else.

    ``required``: it is made though the time is over, because it is a part of the first profile, or because an option asks for it.
    """

    number: int
    group: CaseGroup
    trial: Trial
    doing: str
    execute: Execute
    sampling: bool = False
    required: bool = False

    @property
    def case(self) -> Case:
        """The case, the first of a pair."""
        return self.trial.cases[0]


def _name_kind(step: _Step) -> str:
    """``pass``, ``pair``, ``memory``: what a step does, without its number and mode."""
    return step.doing.partition(":")[0].rstrip("0123456789 ")


def pair_sides(group: CaseGroup) -> tuple[tuple[Case, Case], ...]:
    """Every mode in both environments, as before and after; empty for a group of one environment."""
    return tuple(duet for duet in group.duets if document.is_same_mode(*duet))


class ProfilingSession:
    """Profiles prepared cases step by step. ``document`` can be asked for at any time."""

    def __init__(
        self,
        prepared: PreparedRun,
        options: ProfileOptions,
        artefacts: Path,
        before: Sequence[ProfileRecord] = (),
        limit: TimeLimit | None = None,
    ) -> None:
        """:param artefacts: the folder of the profilers' own files; :param before: records of an interrupted session.

        :param limit: the time limit of the command; None: there is none.
        """
        self._prepared = prepared
        self._options = options
        self._artefacts = artefacts
        self._stems = document.build_file_stems(ProfileDocument(SCHEMA, prepared.run))
        self._conditions = Conditions(machine.find_quietest_core(), prepared.run.settings.timeout)
        self._order = random.Random(prepared.run.settings.seed)
        self._records = list(before)
        cases = [case.id for group in prepared.tables for case in group.cases]
        self._findings = records.collect_findings(cases, before)
        self._problems: list[str] = []
        self._limit = limit or TimeLimit()
        self._costs: dict[str, dict[str, float]] = defaultdict(dict)
        self.left_out: list[str] = []
        """What there was no time for, in a few words each."""

    def document(self, *, complete: bool = False, problem: str = "") -> ProfileDocument:
        """The document of the steps so far, with one more problem if there is one."""
        return records.assemble_document(
            self._prepared.run, self._options, self._records, complete=complete, problems=(*self._problems, problem)
        )

    def measure(self) -> Iterator[tuple[CaseGroup, Progress | Sequence[ProfileRecord]]]:
        """Execute the steps that have no record yet: yields Progress before each, then its record.

        A step that fails becomes a problem, and the rest is measured. Where the time is limited, the required steps come first, and
        of the others those that there is time for.
        """
        steps = list(self._plan())
        if self._limit.seconds != math.inf:
            steps.sort(key=lambda step: not step.required)
        done = {record.step for record in self._records}
        for place, step in enumerate(steps):
            if step.number in done or self._is_pointless(step):
                continue
            if not step.required and self._expect(step) > self._limit.left:
                self.left_out.append(step.doing)
                continue
            left = None if self._limit.seconds == math.inf else self._limit.left
            yield step.group, Progress(step.doing, place / len(steps), left)
            start = self._limit.spent
            record = self._execute(step)
            self._costs[step.case.id][_name_kind(step)] = self._limit.spent - start
            self._records.append(record)
            records.add_record(self._findings, record)
            yield step.group, (record,)
        for group in self._prepared.tables:
            if group.market is not None and not inspection.is_unchanged(group.market):
                self._problems.append(f"{group.market.name} was changed while it was measured: measure it again")

    def _execute(self, step: _Step) -> ProfileRecord:
        try:
            return step.execute(step)
        except TrialFailed as error:
            sampled = step.execute in (self._sample, self._count_calls)
            return ProfileRecord(step.number, step.case.id, problem=str(error), failed=sampled)
        except NotMeasured as error:
            sampled = step.execute in (self._sample, self._count_calls)
            return ProfileRecord(step.number, step.case.id, problem=str(error), unsampled=sampled)

    def _expect(self, step: _Step) -> float:
        """The seconds that a step will take: those of the last one of its kind, else those of the longest step of its case."""
        costs = self._costs[step.case.id]
        return costs.get(_name_kind(step), max(costs.values(), default=0.0))

    def _is_pointless(self, step: _Step) -> bool:
        """Whether a case failed, or the one it is compared with: the rest of a comparison would explain nothing."""
        duets = [duet for duet in pair_sides(step.group) if set(duet) & set(step.trial.cases)]
        findings = [self._findings[case.id] for case in {*step.trial.cases, *itertools.chain(*duets)}]
        return any(case.failed or (step.sampling and case.unsampled) for case in findings)

    def _plan(self) -> Iterator[_Step]:
        """All steps in order. The same seed gives the same steps, which a resumed session relies on."""
        numbers = itertools.count()
        for group in self._prepared.tables:
            for trial, doing, execute, sampling in self._plan_group(group):
                required = self._is_required(trial, execute, sampling=sampling)
                yield _Step(next(numbers), group, trial, doing, execute, sampling, required)

    def _is_required(self, trial: Trial, execute: Execute, *, sampling: bool) -> bool:
        requested = (self._profile_allocations, self._count_instructions)
        return (sampling and trial.round == 0) or execute in requested or isinstance(execute, partial)

    def _plan_group(self, group: CaseGroup) -> Iterator[tuple[Trial, str, Execute, bool]]:
        compared = len({case.environment for case in group.cases}) > 1
        cases = tuple(dict.fromkeys(itertools.chain(*pair_sides(group)))) if compared else group.cases
        for case in cases if self._options.profiler != CALL_COUNTER else ():
            yield Trial("alone", 0, (case,), 0), f"counting calls: {case.mode}", self._count_calls, False
        for number in range(self._options.rounds):
            yield from self._plan_round(group, cases, number, compared=compared)
        for case in cases:
            yield from self._plan_single_passes(group, Trial("alone", 0, (case,), 0), compared=compared)

    def _plan_round(
        self, group: CaseGroup, cases: Sequence[Case], number: int, *, compared: bool
    ) -> Iterator[tuple[Trial, str, Execute, bool]]:
        """Passes without a profiler, in pairs where two sides are compared, and one with it per case, in random order."""
        for before, after in pair_sides(group):
            pair = plan.build_duet(number, before, after, self._order)
            yield pair, f"pair {number + 1}: {after.mode}", self._measure_pair, True
        for case in self._order.sample(cases, len(cases)):
            trial = Trial("alone", number, (case,), self._order.randint(1, plan.MAX_HASH_SEED))
            if not compared:
                yield trial, f"pass {number + 1}: {case.mode}", self._measure_pass, True
            yield trial, f"{self._options.profiler} {number + 1}: {case.mode}", self._sample, True

    def _plan_single_passes(
        self, group: CaseGroup, trial: Trial, *, compared: bool
    ) -> Iterator[tuple[Trial, str, Execute, bool]]:
        """Memory, the time of each update, allocations, instructions and lines of one case."""
        mode = trial.cases[0].mode
        if self._options.memory:
            yield trial, f"memory: {mode}", self._sample_memory, False
        for _ in range(0 if compared or group.market is None else SLOW_UPDATE_PASSES):
            yield trial, f"time of each update: {mode}", self._time_updates, False
        if self._options.allocations:
            yield trial, f"allocations: {mode}", self._profile_allocations, False
        for seed in instructions.HASH_SEEDS if self._options.count else ():
            doing = f"instructions by function: {mode}, hash seed {seed}"
            yield Trial("count", seed, trial.cases, seed), doing, self._count_instructions, False
        for number in range(len(self._options.lines)):
            yield trial, f"line by line: {mode}", partial(self._profile_lines, number), False

    def _measure_pair(self, step: _Step) -> ProfileRecord:
        sides = [self._findings[case.id].seconds for case in step.trial.cases]
        slices = interleave.plan_slices(*(median(seconds) if seconds else 0.0 for seconds in sides))
        results = tuple(execute_trial(step.trial, step.group, self._conditions, parts=slices))
        return ProfileRecord(step.number, step.case.id, results=results)

    def _measure_pass(self, step: _Step) -> ProfileRecord:
        results = tuple(execute_trial(step.trial, step.group, self._conditions))
        return ProfileRecord(step.number, step.case.id, results=results)

    def _sample(self, step: _Step) -> ProfileRecord:
        interval = self._findings[step.case.id].interval or self._choose_interval(step.group, step.case)
        sampled = self._run_profiled_pass(step, self._options.profiler, interval)
        if sampled.mixed:
            raise NotMeasured(
                f"{self._options.profiler} mixes the calls of all threads in Python 3.12 and newer", hint=OTHER_PROFILER
            )
        return ProfileRecord(step.number, step.case.id, sampled=sampled, interval=interval)

    def _choose_interval(self, group: CaseGroup, case: Case) -> float:
        """The same for both sides of a comparison, fine enough for the longer one: a sample costs most where stacks are deep."""
        sides = [self._findings[other.id].seconds for other in group.cases if other.mode == case.mode]
        if self._options.interval or not all(sides):
            return self._options.interval or COARSEST_INTERVAL
        return max(FINEST_INTERVAL, min(COARSEST_INTERVAL, max(seconds[0] for seconds in sides) / TARGET_SAMPLES))

    def _count_calls(self, step: _Step) -> ProfileRecord:
        calls = self._run_profiled_pass(step, CALL_COUNTER, COARSEST_INTERVAL)
        return ProfileRecord(step.number, step.case.id, calls=calls)

    def _run_profiled_pass(self, step: _Step, profiler: str, interval: float) -> CpuProfile:
        artefact = self._make_artefact_path(cpu_pass.SUFFIXES[profiler], step.case)
        return cpu_pass.run_profiled_pass(
            step.trial, step.group, step.case, self._conditions, profiler, interval, artefact
        )

    def _sample_memory(self, step: _Step) -> ProfileRecord:
        whole = step.group.market is not None and not step.group.scenario.program  # which chooses its updates
        marks = updates.find_turning_points(step.group.market) if whole and step.group.market else ()
        curve = sampler.sample_memory(step.trial, step.group, step.case, self._conditions, marks)
        return ProfileRecord(step.number, step.case.id, curve=curve)

    def _time_updates(self, step: _Step) -> ProfileRecord:
        """The last pass also finds the updates that are slow in all passes."""
        traced = cpu_pass.run_traced_pass(step.trial, step.group, step.case, self._conditions)
        passes = [*self._findings[step.case.id].update_ns, tuple(traced.nanoseconds)]
        slow = None
        if step.group.market is not None and len(passes) == SLOW_UPDATE_PASSES:
            slow = slow_updates.find_slow_updates(step.case, passes, updates.list_updates(step.group.market))
        return ProfileRecord(step.number, step.case.id, update_ns=passes[-1], slow_updates=slow)

    def _profile_allocations(self, step: _Step) -> ProfileRecord:
        artefact = self._make_artefact_path("", step.case)
        summary = profile_allocations(step.trial, step.group, step.case, self._conditions, artefact)
        return ProfileRecord(step.number, step.case.id, allocations=summary)

    def _profile_lines(self, number: int, step: _Step) -> ProfileRecord:
        artefact = self._make_artefact_path(f"-{number}" if number else "", step.case)
        function = self._options.lines[number]
        lines = profile_lines(step.trial, step.group, step.case, self._conditions, function, artefact)
        return ProfileRecord(step.number, step.case.id, lines=lines)

    def _count_instructions(self, step: _Step) -> ProfileRecord:
        if reason := functions.explain_unavailable(step.group.place(step.case).environment):
            raise NotMeasured(reason)
        counts = functions.count_functions(step.trial, step.group, self._conditions)
        return ProfileRecord(step.number, step.case.id, counts=CaseCounts(step.case, step.trial.hash_seed, counts))

    def _make_artefact_path(self, suffix: str, case: Case) -> Path:
        return self._artefacts / f"{self._stems[case.id]}{suffix}"
