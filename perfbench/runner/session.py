"""A measuring session: owns the temporary folder, the signals, the journal and the progress of one command."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

from perfbench.datasets import inspection
from perfbench.errors import EngineProblem, Interrupted, StorageProblem
from perfbench.model import CaseGroup, Limits, Result, Run, Settings
from perfbench.results import document, surveyed
from perfbench.results.journal import Journal, read_journal
from perfbench.runner import extension, machine, scheduler
from perfbench.runner.interrupts import Interrupts, handle_interrupts
from perfbench.runner.prepare import PreparedRun, list_installed_versions, prepare_run, strip_credentials
from perfbench.runner.state import Progress, Shortfall, join_shortfalls
from perfbench.runner.stopping import choose_rule
from perfbench.runner.survey.batches import SurveyPlan
from perfbench.runner.survey.engines import open_engine
from perfbench.runner.survey.measure import Engine, measure_survey
from perfbench.runner.time_limit import QUICK_SECONDS, TimeLimit, choose_seconds
from perfbench.runner.trial import Conditions

Entry = TypeVar("Entry")


class Listener(Protocol):
    """Receives what a session reports while it works; it prints nothing itself."""

    def report_status(self, line: str) -> None:
        """One line about what is being prepared, such as an environment that is built."""

    def follow_results(self, run: Run, results: Sequence[Result]) -> None:
        """The run that is measured now, without results, and its results, which grow meanwhile."""

    def report_progress(self, group: CaseGroup, progress: Progress) -> None:
        """The trial that comes next. Called only between trials, so that a pass is not disturbed."""

    def end_progress(self) -> None:
        """Nothing more is measured for now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sequence of trials ended: complete, interrupted by the user, or by the ``problem`` of a disk or a cluster."""

    complete: bool = False
    interrupted: bool = False
    problem: StorageProblem | EngineProblem | None = None


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run with its samples, where it is saved, and whether the user interrupted it, or (``hung_up``) a closed terminal did.

    ``hint`` is that of the error that ended it, if any; saved runs and exports get the cause alone. ``shortfall``: what was not
    reached in the time. ``spent``: the seconds of the command that its time limit counts.
    """

    run: Run
    path: Path
    interrupted: bool
    hint: str = ""
    hung_up: bool = False
    shortfall: Shortfall | None = None
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a resumed run may have otherwise than before; None: as it began.

    ``jobs`` here or the address of a ``cluster``: where a survey is measured. ``data`` are the URLs of its market files, whose
    credentials no journal has. ``max_time`` and ``precision`` decide when it ends (in new time); ``timeout`` bounds passes.
    """

    jobs: int | None = None
    cluster: str | None = None
    data: tuple[str, ...] | None = None
    max_time: float | None = None
    precision: float | None = None
    timeout: float | None = None

    def change(self, settings: Settings) -> Settings:
        """The settings with this choice; another cluster does not have the jobs of the one before. Markets keep their length."""
        jobs = settings.jobs if self.cluster is None else 1
        return replace(
            settings,
            cuts=settings.cuts or (),
            jobs=jobs if self.jobs is None else self.jobs,
            cluster=settings.cluster if self.cluster is None else self.cluster,
            data=settings.data if self.data is None else self.data,
            max_time=settings.max_time if self.max_time is None else self.max_time,
            precision=settings.precision if self.precision is None else self.precision,
            survey_precision=settings.survey_precision if self.precision is None else self.precision,
            timeout=settings.timeout if self.timeout is None else self.timeout,
        )


AS_IT_BEGAN = Continuation()


class Session:
    """A context manager around the work of one command: ``run``, ``compare``, ``gate``, ``sweep``, ``calibrate``, ``profile``.

    While it is open, SIGINT, SIGTERM and SIGHUP end what is measured, and everything measured so far stays in its journal.
    Packed files are unpacked into ``workspace``, which is removed at the end. ``limit`` is the time limit of the command, whose
    time begins with the session.
    """

    def __init__(self, results: Path, listener: Listener) -> None:
        """:param results: the folder of saved runs."""
        self.results = results
        self.listener = listener
        self.limit = TimeLimit()
        self._stack = ExitStack()
        self._interrupts = Interrupts()
        self.workspace = Path()

    def __enter__(self) -> Session:
        self.workspace = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="perfbench-")))
        self._interrupts = self._stack.enter_context(handle_interrupts())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def hung_up(self) -> bool:
        """Whether the terminal was closed, which interrupted it."""
        return self._interrupts.hung_up

    def prepare(self, settings: Settings, name: str | None) -> PreparedRun:
        """Build the environments, open the markets and plan. Raises Interrupted, UsageProblem, NotMeasured.

        :param name: of the saved run; None for date and time.
        """
        self.limit.seconds = choose_seconds(settings)
        with self._nothing_measured():
            return prepare_run(
                settings,
                self._make_folder(),
                name,
                lambda line: _report(partial(self.listener.report_status, line)),
                self.limit,
            )

    def measure(self, prepared: PreparedRun, *, replaces: bool = False) -> FinishedRun:
        """Measure a prepared run from its beginning. Raises UsageProblem if its name is taken, StorageProblem.

        :param replaces: the saved run of its name is replaced when everything is measured.
        """
        return self._measure(prepared, Journal.create(self.results, prepared.run, replaces=replaces), [])

    def resume(self, path: Path, otherwise: Continuation = AS_IT_BEGAN) -> tuple[PreparedRun, FinishedRun]:
        """Measure the rest of the run with this journal.

        Raises StorageProblem if it cannot be read, or if its scenarios, market files or environments have changed since.
        """
        saved, results = read_journal(path, path.read_bytes())
        saved = document.apply_limits(saved, results)
        prepared = self.prepare_again(path, replace(saved, settings=otherwise.change(saved.settings)))
        journal = Journal.reopen(path)
        if (limits := Limits.of(prepared.run.settings)) != Limits.of(saved.settings):
            results.append(Result("", "", limits=limits))
            journal.append(results[-1:])
        return prepared, self._measure(prepared, journal, results)

    def prepare_again(self, path: Path, saved: Run) -> PreparedRun:
        """Prepare an interrupted run again. Raises StorageProblem if its inputs are not those of its journal.

        :param path: of its journal, named in errors.
        """
        prepared = self._prepare_again(saved)
        for kind, then, now in _list_inputs(saved, prepared.run):
            for name, identity in then.items():
                if now.get(name) != identity:
                    raise StorageProblem(
                        f"{path}: {kind} {name} is not what it was when the run began", hint="start a new run"
                    )
        saved = replace(saved, settings=strip_credentials(saved.settings))
        return replace(prepared, run=replace(saved, problems=prepared.run.problems))

    def _prepare_again(self, saved: Run) -> PreparedRun:
        """The run as its settings prepare it; of an extended sweep its newest part, beside what was measured before."""
        if not saved.earlier:
            return self.prepare(saved.settings, saved.id)
        return extension.resume_extension(saved, self.prepare(extension.build_settings_again(saved), saved.id))

    def _measure(self, prepared: PreparedRun, journal: Journal, before: Sequence[Result]) -> FinishedRun:
        results = list(before)
        self.listener.follow_results(prepared.run, results)

        def record(fresh: Sequence[Result]) -> None:
            results.extend(fresh)
            journal.append(fresh)

        problems = [*prepared.run.problems, *surveyed.list_damage(before)]

        def observe(line: str) -> None:
            _report(partial(self.listener.report_status, line))

        shortfalls: list[Shortfall] = []
        events = _measure_groups(prepared, results, problems, self._make_folder(), observe, self.limit)
        outcome = self.execute(_take_shortfalls(events, shortfalls), record)
        hint = ""
        if outcome.problem is not None:
            problems.append(str(outcome.problem))
            hint = outcome.problem.hint
        run = document.add_results(prepared.run, results)
        run = replace(run, finished=outcome.complete, problems=tuple(problems))
        if not outcome.complete:
            journal.close()
            return FinishedRun(run, journal.path, outcome.interrupted, hint, self.hung_up)
        try:
            shortfall = join_shortfalls(shortfalls)
            path = journal.finish(run)
            return FinishedRun(run, path, interrupted=False, shortfall=shortfall, spent=self.limit.spent)
        except StorageProblem as problem:
            run = replace(run, problems=(*run.problems, str(problem)))
            return FinishedRun(run, journal.path, interrupted=False, hint=problem.hint)

    def execute(
        self,
        events: Iterable[tuple[CaseGroup, Progress | Sequence[Entry]]],
        record: Callable[[Sequence[Entry]], None],
    ) -> Outcome:
        """Go through the events of some trials: progress is reported, every result recorded before the next trial begins.

        :param record: writes results to the disk. Its StorageProblem ends the trials, and so do a signal and an EngineProblem.
        """
        try:
            for group, event in events:
                if isinstance(event, Progress):
                    _report(partial(self.listener.report_progress, group, event))
                else:
                    record(event)
                self._interrupts.raise_if_received()
        except KeyboardInterrupt:
            return Outcome(interrupted=True)
        except (StorageProblem, EngineProblem) as problem:
            return Outcome(problem=problem)
        finally:
            _report(self.listener.end_progress)
        return Outcome(complete=True)

    @contextmanager
    def _nothing_measured(self) -> Iterator[None]:
        try:
            yield
            self._interrupts.raise_if_received()
        except KeyboardInterrupt:
            raise Interrupted("interrupted; nothing was measured yet", hung_up=self.hung_up) from None

    def _make_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.workspace))


def _report(report: Callable[[], None]) -> None:
    """Report something; a terminal that was closed takes no more lines, and what is measured goes on."""
    with contextlib.suppress(OSError):
        report()


def _take_shortfalls(
    events: Iterable[tuple[CaseGroup, Progress | Sequence[Result] | Shortfall]], shortfalls: list[Shortfall]
) -> Iterator[tuple[CaseGroup, Progress | Sequence[Result]]]:
    """The other events; the shortfalls are added to the list."""
    for group, event in events:
        if isinstance(event, Shortfall):
            shortfalls.append(event)
        else:
            yield group, event


def _survey_corpus(
    group: CaseGroup,
    plan: SurveyPlan,
    settings: Settings,
    engine: Engine,
    results: Sequence[Result],
    problems: list[str],
    comparisons: int,
    seconds: float,
) -> Iterator[tuple[CaseGroup, Progress | Sequence[Result] | Shortfall]]:
    """The events of a survey; what is damaged in a batch becomes a problem, once for all groups."""
    events = measure_survey(group, plan, settings, engine, list(results), comparisons=comparisons, seconds=seconds)
    for event in events:
        yield group, event
        if not isinstance(event, (Progress, Shortfall)):
            failed = [result.failure.message for result in event if result.failure is not None and not result.case]
            problems += [line for line in (*surveyed.list_damage(event), *failed) if line not in problems]


def _measure_groups(
    prepared: PreparedRun,
    results: Sequence[Result],
    problems: list[str],
    workspace: Path,
    observe: Callable[[str], None],
    limit: TimeLimit,
) -> Iterator[tuple[CaseGroup, Progress | Sequence[Result] | Shortfall]]:
    """The events of all groups, which share the time that is left; a market file that changed is added to the problems."""
    settings = prepared.run.settings
    rule = choose_rule(settings, len(prepared.run.duets))
    core, spare = machine.choose_cores()
    conditions = Conditions(core, settings.timeout, spare=spare)
    engine: Engine | None = None
    with ExitStack() as ends:
        for number, group in enumerate(prepared.tables):
            seconds = min(limit.share(len(prepared.tables) - number), QUICK_SECONDS if settings.quick else math.inf)
            if prepared.survey is not None and group.market is not None:
                engine = engine or ends.enter_context(open_engine(settings, workspace, prepared.run.id, observe))
                yield from _survey_corpus(
                    group, prepared.survey, settings, engine, results, problems, len(prepared.run.duets), seconds
                )
                continue
            for event in scheduler.measure_group(group, settings, rule, conditions, results, seconds=seconds):
                yield group, event
            if group.market is not None and not inspection.is_unchanged(group.market):
                problems.append(f"{group.market.name} was changed while it was measured: measure it again")


def _list_inputs(saved: Run, now: Run) -> tuple[tuple[str, dict[str, str], dict[str, str]], ...]:
    """The inputs that a resumed run must share with its journal: kind, identity by name then, and now."""
    return (
        ("scenario", {s.name: s.sha256 for s in saved.scenarios}, {s.name: s.sha256 for s in now.scenarios}),
        ("market file", _list_data(saved), _list_data(now)),
        ("environment", list_installed_versions(saved), list_installed_versions(now)),
    )


def _list_data(run: Run) -> dict[str, str]:
    """The market files, or the listing of the corpus, by name."""
    return {run.corpus.name: run.corpus.digest} if run.corpus else {m.name: m.sha256 for m in run.data}
