"""One run from the settings to the saved document: prepare, measure, journal, resume."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from perfbench import __version__
from perfbench.datasets import inspection, resolve
from perfbench.environments import git
from perfbench.errors import NotMeasured, StorageProblem, UsageProblem
from perfbench.model import (
    SCHEMA,
    CaseGroup,
    Environment,
    GatePolicy,
    Market,
    Measurement,
    Result,
    Run,
    Scenario,
    Settings,
)
from perfbench.results import document
from perfbench.results.journal import Journal, find_newest_journal, read_journal
from perfbench.runner import callgrind, instruction_pass, machine, matrix, pilot, plan, scheduler, worker_process
from perfbench.runner.state import Progress
from perfbench.runner.trial import Conditions
from perfbench.util import formatting


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """All that is known before the first trial: the tables to measure, and the run without samples."""

    tables: tuple[CaseGroup, ...]
    run: Run


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run with its samples, where it is saved, and whether the user ended it early.

    ``hint`` is that of the error that ended it, if one did; saved runs and exports get its cause alone.
    """

    run: Run
    path: Path
    interrupted: bool
    hint: str = ""


def prepare_run(
    settings: Settings, workspace: Path, name: str | None, observe: Callable[[str], None] = lambda _line: None
) -> PreparedRun:
    """Build the environments, describe the scenarios, open the markets, plan the tables.

    What cannot be used becomes a problem of the run.

    :param workspace: compressed files and archives are unpacked into this folder.
    :param observe: is told in one line what is being built.

    Raises UsageProblem for names that nobody knows, NotMeasured if nothing is left to measure, or what is to count is missing.
    """
    if settings.count and (reason := callgrind.explain_unavailable()):
        raise NotMeasured(reason)
    offered = matrix.build_matrix(settings, observe)
    problems = offered.problems
    scenarios = {offer.scenario.name: offer.scenario for group in offered.groups for offer in reversed(group)}
    with matrix.names_checked(problems):
        _check_names(settings, scenarios.values())
    unloaded = tuple(problems)
    uses_market = any(scenario.uses_market for scenario in scenarios.values())
    markets = _open_markets(settings, workspace, problems) if uses_market else []
    with matrix.names_checked(unloaded):
        tables = (plan.plan_groups if settings.gate is None else plan.plan_gate_groups)(
            offered.groups, markets, settings
        )
    if not tables:
        raise NotMeasured("; ".join(problems) or "there is nothing to measure: choose a mode or a market file")
    for problem in problems:
        observe(f"! {formatting.make_printable(problem)}")
    if settings.count:
        tables = instruction_pass.cut_markets(tables, workspace)
    if settings.gate is not None:
        _require_pinned_inputs(settings.gate, scenarios.values(), markets)
        observe("pilot passes: what does a pair cost?")
        conditions = Conditions(machine.find_quietest_core(), settings.timeout)
        tables, terms = pilot.run_pilots(tables, settings, conditions, workspace)
        settings, markets = replace(settings, gate=terms), [table.market for table in tables if table.market]
    commit, dirty = git.read_head(Path.cwd())
    places = dict.fromkeys(_strip_paths(place.environment) for table in tables for place in table.places)
    run = Run(
        schema=SCHEMA,
        id=name or f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        perfbench=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        finished=False,
        machine=machine.describe_machine(worker_process.CAN_PIN),
        settings=settings,
        scenarios=tuple(replace(scenario, path="") for scenario in scenarios.values()),
        data=tuple(dict.fromkeys(replace(market, path="") for market in markets)),
        measurements=tuple(_build_empty_measurements(tables)),
        problems=tuple(problems),
        environments=tuple(places),
        unbuilt=tuple(offered.unbuilt.items()),
        duets=tuple(dict.fromkeys((before.id, after.id) for table in tables for before, after in table.duets)),
        commit=commit,
        dirty=dirty,
    )
    return PreparedRun(tuple(tables), run)


def _check_names(settings: Settings, scenarios: Collection[Scenario]) -> None:
    """Raises UsageProblem for an unknown change that is accepted, and for market files that no scenario replays."""
    changes = {change.name for scenario in scenarios for change in scenario.changes}
    if scenarios:
        plan.require_known(settings.accepted, changes, "change")
    if settings.data and scenarios and not any(scenario.uses_market for scenario in scenarios):
        raise UsageProblem(f"--data {settings.data[0]}: {', '.join(settings.scenarios)} replays no market file")


def _require_pinned_inputs(terms: GatePolicy, scenarios: Iterable[Scenario], markets: Iterable[Market]) -> None:
    """Raises NotMeasured for a scenario or a market file that is not one of the baseline."""
    if not terms.baseline:
        return
    then = {(demand.kind, demand.sha256) for demand in terms.demands}
    now = [("scenario", scenario.name, scenario.sha256) for scenario in scenarios]
    now += [("market file", market.name, market.sha256) for market in markets]
    for kind, name, sha256 in now:
        if (kind, sha256) not in then:
            raise NotMeasured(f"{kind} {name} is not what {terms.baseline} was measured with: make a new baseline")


def _list_host_versions(run: Run) -> dict[str, str]:
    installed: dict[str, str] = {}
    for environment in run.environments:
        packages = " ".join(f"{package.name}=={package.version}" for package in environment.packages)
        installed[environment.name] = f"{installed.get(environment.name, '')}{environment.version} {packages}; "
    return installed


def _strip_paths(environment: Environment) -> Environment:
    """As it is saved: where an interpreter and a checkout lie on this machine is nobody's business."""
    sources = tuple(replace(source, path=Path(source.path).name) for source in environment.sources)
    return replace(environment, python="", sources=sources)


def _open_markets(settings: Settings, workspace: Path, problems: list[str]) -> list[Market]:
    markets: list[Market] = []
    for number, spec in enumerate(settings.data or (resolve.choose_default_market(),)):
        folder = workspace / str(number)
        folder.mkdir()
        opened, refused = resolve.open_markets(spec, folder)
        markets += opened
        problems += map(str, refused)
    return _number_duplicates(markets)


def _number_duplicates(markets: Iterable[Market]) -> list[Market]:
    """The same file named twice is measured once; different files of one name are numbered."""
    named: dict[str, Market] = {}
    for market in markets:
        name, number = market.name, 1
        while name in named and named[name].sha256 != market.sha256:
            number += 1
            name = f"{market.name} ({number})"
        named.setdefault(name, replace(market, name=name))
    return list(named.values())


def _build_empty_measurements(tables: Iterable[CaseGroup]) -> Iterable[Measurement]:
    """A measurement without samples for each case; a case that stands in two tables has one."""
    known = set()
    for table in tables:
        modes = {mode.name: mode for mode in table.scenario.modes}
        for case in table.cases:
            if case.id not in known:
                known.add(case.id)
                mode = modes[case.mode]
                yield Measurement(
                    case=case,
                    doc=mode.doc,
                    unit=table.scenario.unit,
                    metric=table.scenario.metric,
                    baseline=case == table.cases[0],
                    floor=mode.floor,
                )


def execute_run(
    prepared: PreparedRun,
    journal: Journal,
    before: list[Result],
    observe: Callable[[CaseGroup, Progress], None],
    ended: Callable[[], bool] = lambda: False,
) -> FinishedRun:
    """Measure every table, each result into the journal as it comes, and save the document at the end.

    Ctrl-C ends it early, with all that was measured; so does a disk that is full, as a problem of the run.
    """
    results = list(before)
    conditions = Conditions(machine.find_quietest_core(), prepared.run.settings.timeout)
    problems = list(prepared.run.problems)
    interrupted = finished = False
    hint = ""
    try:
        for table in prepared.tables:
            gated = len(prepared.run.duets) if prepared.run.settings.gate else 0
            for event in scheduler.measure_group(table, prepared.run.settings, conditions, results, gated=gated):
                if isinstance(event, Progress):
                    observe(table, event)
                else:
                    results.extend(event)
                    journal.append(event)
                if ended():
                    raise KeyboardInterrupt  # it was asked for, and the exception got lost
            if table.market is not None and not inspection.is_unchanged(table.market):
                problems.append(f"{table.market.name} was changed while it was measured: measure it again")
        finished = True
    except KeyboardInterrupt:
        interrupted = True
    except StorageProblem as problem:
        problems.append(str(problem))
        hint = problem.hint
    run = replace(
        prepared.run,
        finished=finished,
        measurements=document.collect_results(prepared.run.measurements, results),
        problems=tuple(problems),
    )
    if not finished:
        journal.close()
        return FinishedRun(run, journal.path, interrupted, hint)
    try:
        return FinishedRun(run, journal.finish(run), interrupted)
    except StorageProblem as problem:
        run = replace(run, problems=(*run.problems, str(problem)))
        return FinishedRun(run, journal.path, interrupted, problem.hint)


def resume_run(
    folder: Path, workspace: Path, observe: Callable[[str], None]
) -> tuple[PreparedRun, Journal, list[Result]]:
    """The run that was interrupted last, prepared again. Raises StorageProblem, also if something is not the same any more."""
    path = find_newest_journal(folder)
    run, results = read_journal(path, path.read_bytes())
    prepared = prepare_run(run.settings, workspace, run.id, observe)
    for kind, then, now in (
        ("scenario", {s.name: s.sha256 for s in run.scenarios}, {s.name: s.sha256 for s in prepared.run.scenarios}),
        ("market file", {m.name: m.sha256 for m in run.data}, {m.name: m.sha256 for m in prepared.run.data}),
        ("environment", _list_host_versions(run), _list_host_versions(prepared.run)),
    ):
        for name, sha256 in then.items():
            if now.get(name) != sha256:
                raise StorageProblem(f"{path}: {kind} {name} is not what it was when the run began; start a new run")
    return replace(prepared, run=replace(run, problems=prepared.run.problems)), Journal.reopen(path, run), results
