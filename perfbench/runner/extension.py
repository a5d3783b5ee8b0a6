"""Extend a saved sweep: its document, and a prepared run of its new links, become one run of which only the links are measured.

A release that is measured again, as the neighbour of a new one, is a build of its own (``horses==2.12.0 (2)``): its samples,
packages and output never mix with those of the earlier part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from perfbench.environments.labels import number_copy, strip_copy_number
from perfbench.errors import NotMeasured
from perfbench.model import Case, CaseGroup, CaseInEnvironment, Run, Settings
from perfbench.runner.prepare import PreparedRun

SpecLink = tuple[str, str]
"""The environment specs before and after a link."""


def list_links(run: Run, duets: Iterable[tuple[str, str]]) -> list[SpecLink]:
    """The links of these duets, each once, in their order."""
    specs = {m.case.id: strip_copy_number(m.case.environment) for m in run.measurements}
    return list(dict.fromkeys((specs[before], specs[after]) for before, after in duets))


def build_settings_again(run: Run) -> Settings:
    """The settings that prepare the newest part of an extended sweep: each of its links is a group of environments."""
    return replace(run.settings, environments=tuple(list_links(run, run.parts[-1].duets)))


def extend_run(base: Run, prepared: PreparedRun, order: Sequence[str], name: str | None) -> PreparedRun:
    """The prepared run of the new links as a run that also holds what the sweep measured before.

    :param order: the specs of all releases, old and new ones; :param name: of the extended run; None: that of the prepared one.

    Raises NotMeasured if the scenario or a market file is not what the sweep was measured with, if a release that new ones are
    compared with cannot be built again, and if no new release can be measured.
    """
    _require_same_inputs(base, prepared.run)
    _require_neighbours(base, prepared.run)
    added = set(order) - set(base.settings.environments[0])
    new = tuple(table for table in prepared.tables if any(place.case.environment in added for place in table.places))
    if not new:
        raise NotMeasured("; ".join(prepared.run.problems) or "no new release can be measured")
    # With an anchor the neighbours of new releases are compared with it again: a step needs both of its sides in one part.
    tables = prepared.tables if base.settings.anchor else new
    extended = _rename_builds(replace(prepared, tables=tables), _name_builds(base, prepared.run))
    return replace(extended, run=_join(base, extended.run, order, name))


def resume_extension(saved: Run, prepared: PreparedRun) -> PreparedRun:
    """The prepared run of the newest part with the names that its builds have in the saved run, beside those of earlier parts."""
    cases = {case for part in saved.earlier for duet in part.duets for case in duet}
    before = replace(saved, measurements=tuple(m for m in saved.measurements if m.case.id in cases))
    resumed = _rename_builds(prepared, _name_builds(before, prepared.run))
    own = {environment.name for environment in resumed.run.environments}
    others = (environment for environment in saved.environments if environment.name not in own)
    problems = dict.fromkeys((*saved.problems, *resumed.run.problems))
    run = replace(resumed.run, environments=(*others, *resumed.run.environments), problems=tuple(problems))
    return replace(resumed, run=run)


def _require_same_inputs(base: Run, run: Run) -> None:
    scenarios = {(scenario.name, scenario.sha256) for scenario in base.scenarios}
    for scenario in run.scenarios:
        if (scenario.name, scenario.sha256) not in scenarios:
            raise NotMeasured(
                f"scenario {scenario.name} is not what {base.id} was measured with",
                hint="measure a new sweep, or name the folder of the scenario as it was: --scenarios FOLDER",
            )
    files, others = ({(market.name, market.sha256): market.name for market in side.data} for side in (base, run))
    wrong = [*(others[key] for key in others if key not in files), *(files[key] for key in files if key not in others)]
    if wrong:
        wanted = " ".join(f"--data {name}" for name in files.values())
        raise NotMeasured(
            f"market file {wrong[0]} is not what {base.id} was measured with", hint=f"name the same files: {wanted}"
        )


def _require_neighbours(base: Run, run: Run) -> None:
    reasons = dict(run.unbuilt)
    for spec in base.settings.environments[0]:
        if spec in reasons:
            raise NotMeasured(
                f"{spec} cannot be built again, and new releases are compared with it: {reasons[spec]}",
                hint="measure a new sweep",
            )


def _name_builds(base: Run, run: Run) -> dict[str, str]:
    """The names of the builds of a run, by spec: with a number where the sweep has builds of it already."""
    builds: dict[str, int] = {}
    for name in dict.fromkeys(m.case.environment for m in base.measurements):
        spec = strip_copy_number(name)
        builds[spec] = builds.get(spec, 0) + 1
    specs = dict.fromkeys(m.case.environment for m in run.measurements)
    return {spec: number_copy(spec, builds.get(spec, 0) + 1) for spec in specs}


def _rename_builds(prepared: PreparedRun, names: Mapping[str, str]) -> PreparedRun:
    """The tables and the run with other names of environments."""

    def rename(case: Case) -> Case:
        return replace(case, environment=names[case.environment])

    tables = tuple(_rename_table(table, names, rename) for table in prepared.tables)
    run = prepared.run
    ids = {m.case.id: rename(m.case).id for m in run.measurements}
    kept = {case.id: case.environment for table in tables for case in table.cases}
    environments = (replace(e, name=names.get(e.name, e.name)) for e in run.environments)
    return replace(
        prepared,
        tables=tables,
        run=replace(
            run,
            measurements=tuple(
                replace(m, case=rename(m.case), baseline=False) for m in run.measurements if ids[m.case.id] in kept
            ),
            environments=tuple(environment for environment in environments if environment.name in kept.values()),
            duets=tuple((ids[a], ids[b]) for a, b in run.duets if {ids[a], ids[b]} <= kept.keys()),
        ),
    )


def _rename_table(table: CaseGroup, names: Mapping[str, str], rename: Callable[[Case], Case]) -> CaseGroup:
    places: tuple[CaseInEnvironment, ...] = tuple(
        replace(
            place, case=rename(place.case), environment=replace(place.environment, name=names[place.case.environment])
        )
        for place in table.places
    )
    return replace(table, places=places, duets=tuple((rename(before), rename(after)) for before, after in table.duets))


def _join(base: Run, run: Run, order: Sequence[str], name: str | None) -> Run:
    """The run of both, its cases in the order of market files and releases."""
    places = {spec: place for place, spec in enumerate(order)}
    markets = {market.name: place for place, market in enumerate(base.data)}

    def rank(case: Case) -> tuple[int, int]:
        return markets.get(case.data, 0), places[strip_copy_number(case.environment)]

    measurements = sorted((*base.measurements, *run.measurements), key=lambda measurement: rank(measurement.case))
    ranks = {measurement.case.id: rank(measurement.case) for measurement in measurements}
    duets = sorted((*base.duets, *run.duets), key=lambda duet: (ranks[duet[1]], ranks[duet[0]]))
    return replace(
        run,
        id=name or run.id,
        settings=replace(run.settings, environments=(tuple(order),)),
        scenarios=base.scenarios,
        data=base.data,
        measurements=tuple(measurements),
        problems=tuple(dict.fromkeys((*base.problems, *run.problems))),
        environments=(*base.environments, *run.environments),
        duets=tuple(duets),
        unbuilt=(*base.unbuilt, *run.unbuilt),
        warnings=tuple(dict.fromkeys((*base.warnings, *run.warnings))),
        earlier=base.parts,
    )
