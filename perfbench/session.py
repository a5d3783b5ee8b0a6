"""One run from the settings to the saved document: prepare, measure, journal, resume."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from perfbench import __version__, datasets, discovery, machine, planning, running, spawn, storage
from perfbench.errors import NotMeasured, ScenarioProblem, StorageProblem, UsageProblem
from perfbench.model import SCHEMA, Environment, Market, Measurement, Mode, Result, Run, Scenario, Settings, Table
from perfbench.running import Progress
from perfbench.storage import Journal
from perfbench.trials import Conditions


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is known before the first trial: the tables to measure, and the run without samples."""

    tables: tuple[Table, ...]
    run: Run


@dataclass(frozen=True, slots=True)
class Finished:
    """A run with its samples, where it is saved, and whether the user ended it early."""

    run: Run
    path: Path
    interrupted: bool


def prepare(settings: Settings, environment: Environment, workspace: Path, name: str | None) -> Prepared:
    """Describe the scenarios, open the markets, plan the tables. What cannot be used becomes a problem of the run.

    :param workspace: compressed files and archives are unpacked into this folder.

    Raises UsageProblem for names that nobody knows, NotMeasured if nothing is left to measure.
    """
    paths = discovery.choose(settings.scenarios, [Path(folder) for folder in settings.folders])
    problems: list[str] = []
    scenarios = []
    for path in paths:
        try:
            scenarios.append(discovery.describe(path, environment))
        except ScenarioProblem as problem:
            problems.append(str(problem))
    if scenarios:
        planning.demand_known(settings.modes, {mode.name for scenario in scenarios for mode in scenario.modes}, "mode")
    chosen = [_with_modes(scenario, settings, problems) for scenario in scenarios]
    uses_market = any(scenario.uses_market for scenario in scenarios)
    if settings.data and scenarios and not uses_market:
        raise UsageProblem(f"--data {settings.data[0]}: {', '.join(settings.scenarios)} replays no market file")
    markets = _markets(settings, workspace, problems) if uses_market else []
    tables = planning.tables([s for s in chosen if s.modes], environment, markets, settings)
    if not tables:
        raise NotMeasured("; ".join(problems) or "there is nothing to measure: choose a mode or a market file")
    run = Run(
        schema=SCHEMA,
        id=name or f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        perfbench=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        finished=False,
        machine=machine.describe(spawn.CAN_PIN),
        settings=settings,
        scenarios=tuple(replace(scenario, path="") for scenario in scenarios),
        data=tuple(replace(market, path="") for market in markets),
        measurements=tuple(_empty(tables)),
        problems=tuple(problems),
    )
    return Prepared(tuple(tables), run)


def _with_modes(scenario: Scenario, settings: Settings, problems: list[str]) -> Scenario:
    """Without the modes that need packages: those are measured only when named, and only where the packages are."""

    def wanted(mode: Mode) -> bool:
        if mode.name in settings.modes and mode.missing:
            needs = " ".join(mode.missing)
            problems.append(f"{scenario.name}/{mode.name} needs {needs}, not installed here: pip install {needs}")
        return not mode.missing and (mode.name in settings.modes or not mode.needs)

    return replace(scenario, modes=tuple(mode for mode in scenario.modes if wanted(mode)))


def _markets(settings: Settings, workspace: Path, problems: list[str]) -> list[Market]:
    markets: list[Market] = []
    for number, spec in enumerate(settings.data or (datasets.default_market(),)):
        folder = workspace / str(number)
        folder.mkdir()
        opened, refused = datasets.open_markets(spec, folder)
        markets += opened
        problems += map(str, refused)
    return _with_own_names(markets)


def _with_own_names(markets: Iterable[Market]) -> list[Market]:
    """The same file named twice is measured once; different files of one name are numbered."""
    named: dict[str, Market] = {}
    for market in markets:
        name, number = market.name, 1
        while name in named and named[name].sha256 != market.sha256:
            number += 1
            name = f"{market.name} ({number})"
        named.setdefault(name, replace(market, name=name))
    return list(named.values())


def _empty(tables: Iterable[Table]) -> Iterable[Measurement]:
    for table in tables:
        docs = {mode.name: mode.doc for mode in table.scenario.modes}
        for case in table.cases:
            yield Measurement(
                case=case,
                doc=docs[case.mode],
                unit=table.scenario.unit,
                metric=table.scenario.metric,
                baseline=case is table.cases[0],
            )


def carry_out(
    prepared: Prepared, journal: Journal, before: list[Result], observe: Callable[[Table, Progress], None]
) -> Finished:
    """Measure every table, each result into the journal as it comes, and save the document at the end.

    Ctrl-C ends it early, with all that was measured; so does a disk that is full, as a problem of the run.
    """
    results = list(before)
    conditions = Conditions(machine.quietest_core(), prepared.run.settings.timeout)
    problems = list(prepared.run.problems)
    interrupted = finished = False
    try:
        for table in prepared.tables:
            for event in running.measure(table, prepared.run.settings, conditions, results):
                if isinstance(event, Progress):
                    observe(table, event)
                else:
                    results.extend(event)
                    journal.append(event)
        finished = True
    except KeyboardInterrupt:
        interrupted = True
    except StorageProblem as problem:
        problems.append(str(problem))
    run = replace(
        prepared.run,
        finished=finished,
        measurements=storage.collect(prepared.run.measurements, results),
        problems=tuple(problems),
    )
    if not finished:
        journal.close()
        return Finished(run, journal.path, interrupted)
    try:
        return Finished(run, journal.finish(run), interrupted)
    except StorageProblem as problem:
        return Finished(replace(run, problems=(*run.problems, str(problem))), journal.path, interrupted)


def reopen(folder: Path, environment: Environment, workspace: Path) -> tuple[Prepared, Journal, list[Result]]:
    """The run that was interrupted last, prepared again. Raises StorageProblem, also if a file is not the same any more."""
    path = storage.newest_journal(folder)
    run, results = storage.read_journal(path, path.read_bytes())
    prepared = prepare(run.settings, environment, workspace, run.id)
    for kind, then, now in (
        ("scenario", {s.name: s.sha256 for s in run.scenarios}, {s.name: s.sha256 for s in prepared.run.scenarios}),
        ("market file", {m.name: m.sha256 for m in run.data}, {m.name: m.sha256 for m in prepared.run.data}),
    ):
        for name, sha256 in then.items():
            if now.get(name) != sha256:
                raise StorageProblem(f"{path}: {kind} {name} is not what it was when the run began; start a new run")
    return replace(prepared, run=replace(run, problems=prepared.run.problems)), Journal.reopen(path, run), results
