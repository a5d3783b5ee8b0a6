"""Merge two saved runs into one document with unpaired comparisons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perfbench.errors import NotMeasured
from perfbench.model import Case, Environment, Measurement, Run, describe_processor
from perfbench.util import formatting


def merge_runs(before: Run, after: Run) -> Run:
    """A run with every case that both have: same scenario, mode, parameters and bytes of the market file.

    The environments are named after the runs where they have the same name. Cases without a counterpart become problems.
    Raises NotMeasured if nothing can be compared, and for a run of a corpus: two surveys drew other batches.
    """
    for run in (before, after):
        if run.corpus is not None:
            raise NotMeasured(
                f"{run.id} is a run of a corpus, which cannot be put beside another run",
                hint="compare both environments in one run: perfbench compare BEFORE AFTER --data …",
            )
    keyed = (
        {_build_key(m, before): m for m in before.measurements},
        {_build_key(m, after): m for m in after.measurements},
    )
    named = _distinguish_names(before, after)
    pairs = [(keyed[0][key], keyed[1][key]) for key in keyed[0] if key in keyed[1]]
    problems = [*_describe_unmatched(keyed[0], keyed[1], after.id), *_describe_unmatched(keyed[1], keyed[0], before.id)]
    if not pairs:
        raise NotMeasured(f"{before.id} and {after.id} have no case in common; {'; '.join(problems)}")
    renamed = [tuple(_rename_environment(m, names) for m, names in zip(pair, named, strict=True)) for pair in pairs]
    return Run(
        schema=before.schema,
        id=f"{before.id} → {after.id}",
        perfbench=after.perfbench,
        created=after.created,
        finished=before.finished and after.finished,
        machine=after.machine,
        settings=replace(
            after.settings,
            environments=(tuple(dict.fromkeys((*named[0].values(), *named[1].values()))),),
            count=before.settings.count and after.settings.count,
        ),
        scenarios=after.scenarios,
        data=tuple({market.name: market for market in (*before.data, *after.data)}.values()),
        measurements=tuple(measurement for pair in renamed for measurement in pair),
        problems=(*before.problems, *after.problems, *problems, *_describe_mismatches(before, after)),
        environments=tuple(_merge_environments(before, named[0])) + tuple(_merge_environments(after, named[1])),
        duets=tuple((first.case.id, second.case.id) for first, second in renamed),
        paired=False,
        warnings=tuple(dict.fromkeys((*before.warnings, *after.warnings, *_describe_other_cores(before, after)))),
    )


CaseKey = tuple[object, ...]


def _build_key(measurement: Measurement, run: Run) -> CaseKey:
    """The identity of a case across runs: the bytes of the market file instead of its name."""
    case = measurement.case
    content = next((market.sha256 for market in run.data if market.name == case.data), case.data)
    several = len({m.case.environment for m in run.measurements}) > 1
    return case.scenario, case.mode, content, case.parameters, case.environment if several else ""


def _distinguish_names(before: Run, after: Run) -> tuple[dict[str, str], dict[str, str]]:
    sides = [list(dict.fromkeys(m.case.environment for m in run.measurements)) for run in (before, after)]
    clash = bool(set(sides[0]) & set(sides[1]))
    labels = (before.id, after.id) if before.id != after.id else (before.id, f"{after.id} again")
    first, second = (
        {name: f"{name} ({label})" if clash else name for name in side}
        for side, label in zip(sides, labels, strict=True)
    )
    return first, second


def _rename_environment(measurement: Measurement, names: dict[str, str]) -> Measurement:
    case: Case = replace(measurement.case, environment=names[measurement.case.environment])
    return replace(measurement, case=case, baseline=False, differences=(), difference=None)


def _merge_environments(run: Run, names: dict[str, str]) -> Iterable[Environment]:
    environments = [environment for environment in run.environments if environment.name in names]
    yield from (replace(environment, name=names[environment.name]) for environment in environments)


def _describe_unmatched(
    side: dict[CaseKey, Measurement], other: dict[CaseKey, Measurement], name: str
) -> Iterable[str]:
    yield from (
        f"{measurement.case.id} has no counterpart in {name}" for key, measurement in side.items() if key not in other
    )


def _describe_other_cores(before: Run, after: Run) -> Iterable[str]:
    """Usable cores differ by affinity or quota on one machine too: no reason to refuse, but one to trust a ratio less."""
    first, second = (formatting.format_plural(run.machine.cores, "core") for run in (before, after))
    if first != second:
        yield f"the runs had different numbers of usable cores ({first} → {second}), so the ratio is doubtful"


def _describe_mismatches(before: Run, after: Run) -> Iterable[str]:
    """Reasons why seconds cannot be compared: another processor, another version of the scenario."""
    if before.machine.cpu != after.machine.cpu:
        machines = (describe_processor(machine) for machine in (before.machine, after.machine))
        yield f"the runs are of different machines ({' → '.join(machines)}): their seconds cannot be compared"
    digests = {scenario.name: scenario.sha256 for scenario in before.scenarios}
    for scenario in after.scenarios:
        if digests.get(scenario.name, scenario.sha256) != scenario.sha256:
            yield f"scenario {scenario.name} was edited between the runs"
