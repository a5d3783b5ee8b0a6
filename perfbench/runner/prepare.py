"""Prepare a run: environments, scenarios, markets and the plan, from the settings to a run without samples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from perfbench import __version__
from perfbench.datasets import resolve
from perfbench.datasets.corpus import market_files
from perfbench.datasets.corpus.redaction import redact_spec
from perfbench.environments import git
from perfbench.errors import DataProblem, EnvironmentProblem, NotMeasured, UsageProblem
from perfbench.model import (
    SCHEMA,
    CaseGroup,
    Environment,
    GatePolicy,
    Market,
    Measurement,
    Run,
    Scenario,
    Settings,
)
from perfbench.results.storage import build_run_name
from perfbench.runner import (
    callgrind,
    heads,
    instruction_pass,
    machine,
    market_length,
    matrix,
    pilot,
    plan,
    worker_process,
)
from perfbench.runner.survey.batches import SurveyPlan
from perfbench.runner.survey.choose import build_stand_in, draw_markets, find_corpus
from perfbench.runner.survey.cluster_connection import require_cluster
from perfbench.runner.survey.pilot import run_survey_pilots
from perfbench.runner.time_limit import TimeLimit
from perfbench.runner.trial import Conditions
from perfbench.util import formatting

MAX_EXCESS = 0.1
"""The share of the time limit that a gate may exceed without a word."""


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """The groups to measure, and the run without samples.

    ``survey``: the plan of a corpus, which stands in the groups in place of a market. ``overhead``: the seconds that the check and
    solo passes of a gate are expected to take.
    """

    tables: tuple[CaseGroup, ...]
    run: Run
    survey: SurveyPlan | None = None
    overhead: float = 0.0


def prepare_run(
    settings: Settings,
    workspace: Path,
    name: str | None,
    observe: Callable[[str], None] = lambda _line: None,
    limit: TimeLimit | None = None,
) -> PreparedRun:
    """Build the environments, describe the scenarios, open the markets, plan the tables.

    Scenarios, environments and markets that cannot be used become problems of the run.

    :param workspace: the folder that packed files and archives are unpacked into.
    :param observe: receives a line about each environment that is being built, and about files that are no markets.
    :param limit: the time limit of the command, which the pairs of a gate share; None: there is none.

    Raises UsageProblem for unknown names, NotMeasured if nothing is left to measure or Valgrind is needed and missing,
    EngineProblem if the scheduler of a cluster does not answer.
    """
    _require_savable(settings, name)
    if settings.cluster:
        require_cluster(settings.cluster, settings.jobs)
    if settings.count and (reason := callgrind.explain_unavailable()):
        raise NotMeasured(reason)
    limit = limit or TimeLimit()
    with limit.excluding_builds(observe) as observe_builds:
        offered = matrix.build_matrix(settings, observe_builds)
    problems = offered.problems
    scenarios = {offer.scenario.name: offer.scenario for group in offered.groups for offer in reversed(group)}
    with matrix.names_checked(problems):
        _check_names(settings, scenarios.values())
    unloaded = tuple(problems)
    uses_market = any(plan.replays_market(scenario, settings) for scenario in scenarios.values())
    corpus = find_corpus(settings, scenarios.values(), workspace, observe) if uses_market else None
    if corpus is not None:
        settings = replace(settings, seed=corpus.seed)
        markets, refused = [build_stand_in(corpus.corpus)], list(corpus.listing.problems)
    else:
        markets, refused = _open_markets(settings, workspace, observe) if uses_market else ([], [])
    problems += map(str, refused)
    with matrix.names_checked(unloaded):
        tables = (plan.plan_groups if settings.gate is None else plan.plan_gate_groups)(
            offered.groups, markets, settings
        )
    if not tables:
        raise _build_nothing_left(problems, (*offered.hints, *(problem.hint for problem in refused)))
    for problem in problems:
        observe(f"! {formatting.make_printable(problem)}")
    for hint in dict.fromkeys(filter(None, offered.hints)):
        observe(f"hint: {formatting.make_printable(hint)}")
    if corpus is None:
        tables, cuts = _cut_markets(tables, settings, workspace, limit, observe)
        settings, markets = replace(settings, cuts=cuts), heads.list_markets(tables)
    overhead = 0.0
    if settings.gate is not None:
        _require_pinned_inputs(settings.gate, scenarios.values(), markets)
        observe("pilot passes: measuring the cost of a pair")
        core, spare = machine.choose_cores()
        conditions = Conditions(core, settings.timeout, spare=spare)
        tables, policy, overhead = _run_pilots(tables, corpus, settings, conditions, workspace, limit, observe)
        settings, markets = replace(settings, gate=policy), [table.market for table in tables if table.market]
    run = _build_run(settings, name, scenarios.values(), [] if corpus else markets, tables, _read_head(observe))
    run = replace(run, problems=tuple(problems), unbuilt=tuple(offered.unbuilt.items()))
    return PreparedRun(tuple(tables), replace(run, corpus=corpus.corpus if corpus else None), corpus, overhead)


def _cut_markets(
    tables: list[CaseGroup],
    settings: Settings,
    workspace: Path,
    limit: TimeLimit,
    observe: Callable[[str], None],
) -> tuple[list[CaseGroup], tuple[market_length.Cut, ...] | None]:
    """The groups on the first lines of their markets, where a smoke run or the time limit asks for it, and what the limit cut.

    The pilot of a gate cuts its markets later.
    """
    if settings.quick:
        tables = heads.cut_for_smoke_run(tables, workspace)
    if settings.count:
        tables = instruction_pass.cut_markets(tables, workspace)
    if settings.gate is not None:
        return tables, None
    return market_length.cut_to_limit(tables, settings, workspace, limit, observe)


def _run_pilots(
    tables: list[CaseGroup],
    corpus: SurveyPlan | None,
    settings: Settings,
    conditions: Conditions,
    workspace: Path,
    limit: TimeLimit,
    observe: Callable[[str], None],
) -> tuple[list[CaseGroup], GatePolicy, float]:
    """The groups of a gate, its policy with the maximum of pairs of each comparison, and the seconds of its other passes."""
    surveyed = [table for table in tables if corpus is not None and table.market is not None]
    others = [table for table in tables if table not in surveyed]
    own = run_survey_pilots(surveyed, corpus, settings, conditions, workspace) if corpus is not None else []
    pilots = [*own, *pilot.run_pilots(others, settings, conditions, workspace, limit)]
    policy = settings.gate or GatePolicy()
    excess = pilot.find_excess(pilots, limit)
    if not policy.seconds and excess > MAX_EXCESS * limit.seconds:
        observe(
            f"the fewest pairs that a verdict takes need about {excess:.0f} s more than --max-time {limit.seconds:g}"
        )
    overhead = sum(result.overhead for result in pilots)
    return [result.group for result in pilots], pilot.fix_budgets(pilots, policy, limit), overhead


def _build_nothing_left(problems: Sequence[str], hints: Iterable[str]) -> NotMeasured:
    """All problems in one line; a hint only if it is the same for all."""
    different = {hint for hint in hints if hint}
    hint = different.pop() if len(different) == 1 else ""
    return NotMeasured("; ".join(problems) or "nothing to measure: choose a mode or a market file", hint=hint)


def _read_head(observe: Callable[[str], None]) -> tuple[str, bool]:
    """Commit and state of the working folder; a git that fails is reported, and the run has no commit."""
    try:
        return git.read_head(Path.cwd())
    except EnvironmentProblem as problem:
        observe(f"! the commit is not saved with the run: {'; '.join(problem.lines)}")
        return "", False


def _build_run(
    settings: Settings,
    name: str | None,
    scenarios: Iterable[Scenario],
    markets: Iterable[Market],
    tables: Sequence[CaseGroup],
    head: tuple[str, bool],
) -> Run:
    places = dict.fromkeys(_strip_paths(place.environment) for table in tables for place in table.places)
    return Run(
        schema=SCHEMA,
        id=name or build_run_name(),
        perfbench=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        finished=False,
        machine=machine.describe_machine(worker_process.CAN_PIN),
        settings=strip_credentials(settings),
        scenarios=tuple(replace(scenario, path="", program=Path(scenario.program).name) for scenario in scenarios),
        data=tuple(dict.fromkeys(replace(market, path="") for market in markets)),
        measurements=tuple(_build_empty_measurements(tables)),
        environments=tuple(places),
        duets=tuple(dict.fromkeys((before.id, after.id) for table in tables for before, after in table.duets)),
        commit=head[0],
        dirty=head[1],
    )


def strip_credentials(settings: Settings) -> Settings:
    """The settings without the credentials of URLs: saved runs may be published."""
    return replace(settings, data=tuple(map(redact_spec, settings.data)))


def _require_savable(settings: Settings, name: str | None) -> None:
    """Raises UsageProblem for an argument with bytes that are not UTF-8, which no document can hold."""
    try:
        msgspec.json.encode((settings, name))
    except UnicodeEncodeError as error:
        raise UsageProblem(
            f"{formatting.make_printable(error.object)} is not UTF-8",
            hint="rename the file or name its folder; all other arguments are UTF-8",
        ) from error


def _check_names(settings: Settings, scenarios: Collection[Scenario]) -> None:
    """Raises UsageProblem for an unknown --accept, and for market files that no scenario replays."""
    changes = {change.name for scenario in scenarios for change in scenario.changes}
    if scenarios:
        plan.require_known(settings.accepted, changes, "change")
    if settings.data and scenarios and not any(plan.replays_market(scenario, settings) for scenario in scenarios):
        raise UsageProblem(
            f"--data {redact_spec(settings.data[0])}: {', '.join(settings.scenarios)} replays no market file"
        )


def _require_pinned_inputs(policy: GatePolicy, scenarios: Iterable[Scenario], markets: Iterable[Market]) -> None:
    """Raises NotMeasured for a scenario or a market file that the baseline did not measure."""
    if not policy.baseline:
        return
    then = {(pinned.kind, pinned.sha256) for pinned in policy.demands}
    now = [("scenario", scenario.name, scenario.sha256) for scenario in scenarios]
    now += [("market file", market.name, market.sha256) for market in markets]
    for kind, name, sha256 in now:
        if (kind, sha256) not in then:
            raise NotMeasured(
                f"{kind} {name} is not what {policy.baseline} was measured with", hint="measure a new baseline"
            )


def list_installed_versions(run: Run) -> dict[str, str]:
    """What each environment consists of, by its name: Python, packages, and the variables and flags that it is started with."""
    installed: dict[str, str] = {}
    for environment in run.environments:
        packages = (f"{package.name}=={package.version}" for package in environment.packages)
        settings = (*environment.flags, *map("=".join, environment.variables))
        words = " ".join((f"{environment.version}{environment.build}", *packages, *settings))
        installed[environment.name] = f"{installed.get(environment.name, '')}{words}; "
    return installed


def _strip_paths(environment: Environment) -> Environment:
    """The environment without paths: saved runs may be published."""
    sources = tuple(replace(source, path=Path(source.path).name) for source in environment.sources)
    return replace(environment, python="", sources=sources)


def _open_markets(
    settings: Settings, workspace: Path, observe: Callable[[str], None]
) -> tuple[list[Market], list[DataProblem]]:
    if (drawn := draw_markets(settings, workspace, observe)) is not None:
        return _number_duplicates(drawn[0]), drawn[1]
    markets: list[Market] = []
    problems: list[DataProblem] = []
    for number, spec in enumerate(settings.data or (resolve.choose_default_market(),)):
        folder = workspace / str(number)
        folder.mkdir()
        opened, refused = market_files.open_markets(spec, folder, observe)
        markets += opened
        problems += refused
    return _number_duplicates(markets), problems


def _number_duplicates(markets: Iterable[Market]) -> list[Market]:
    """Each file once; different files of one name are numbered."""
    named: dict[str, Market] = {}
    for market in markets:
        name, number = market.name, 1
        while name in named and named[name].sha256 != market.sha256:
            number += 1
            name = f"{market.name} ({number})"
        named.setdefault(name, replace(market, name=name))
    return list(named.values())


def _build_empty_measurements(tables: Iterable[CaseGroup]) -> Iterable[Measurement]:
    """A measurement without samples for each case; a case in two groups has one."""
    listed = set()
    for table in tables:
        modes = {mode.name: mode for mode in table.scenario.modes}
        for case in table.cases:
            if case.id not in listed:
                listed.add(case.id)
                mode = modes[case.mode]
                yield Measurement(
                    case=case,
                    doc=mode.doc,
                    unit=table.scenario.unit,
                    metric=table.scenario.metric,
                    baseline=case == table.cases[0],
                    floor=mode.floor,
                )
