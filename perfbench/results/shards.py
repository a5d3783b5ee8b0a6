"""Join the runs of shards into the run that one machine would have made; the same whatever the order in which they are named."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfbench.errors import NotMeasured, UsageProblem
from perfbench.model import SHARDED_DRAWS, Corpus, Machine, Measurement, MeasuringMachine, Result, Run
from perfbench.results import surveyed


@dataclass(frozen=True, slots=True)
class Shard:
    """A run and the file or name that it was given by."""

    name: str
    run: Run

    @property
    def part(self) -> int:
        """Which part it is, from 1."""
        return self.run.settings.shard[0]

    @property
    def corpus(self) -> Corpus:
        """Its corpus."""
        assert self.run.corpus is not None
        return self.run.corpus


def join_shards(named: Iterable[Shard], run_id: str) -> Run:
    """The run of all shards, finished if each of them is.

    :param run_id: the name that it is saved under.

    Raises UsageProblem for a run that is no shard, for two of the same part, and for shards of different plans; NotMeasured, with
    the missing shards, if they are not complete.
    """
    shards = sorted(named, key=lambda shard: (shard.run.settings.shard, shard.name))
    for shard in shards:
        if shard.run.settings.shard == (1, 1) or shard.run.corpus is None:
            raise UsageProblem(
                f"{shard.name} is not the run of a shard", hint="measure shards with --shard 1/3 and so on"
            )
    first, *others = shards
    _require_other_parts(shards)
    for shard in others:
        if difference := _find_difference(first.run, shard.run):
            raise UsageProblem(
                f"{shard.name} was measured with {difference} than {first.name}",
                hint="measure all shards with the same options, on the same data",
            )
    _require_complete(shards)
    return _join(_name_machines(shards), run_id)


def _require_other_parts(shards: Sequence[Shard]) -> None:
    for before, after in itertools.pairwise(shards):
        parts, others = before.run.settings.shard[1], after.run.settings.shard[1]
        if parts != others:
            raise UsageProblem(f"{before.name} is one of {parts} shards, {after.name} one of {others}")
        if before.part == after.part:
            raise UsageProblem(
                f"{before.name} and {after.name} are both shard {before.part}/{parts}", hint="leave one of them out"
            )


def _require_complete(shards: Sequence[Shard]) -> None:
    parts = shards[0].run.settings.shard[1]
    missing = sorted(set(range(1, parts + 1)) - {shard.part for shard in shards})
    if missing:
        names = ", ".join(f"{part}/{parts}" for part in missing)
        verb = "s are" if len(missing) > 1 else " is"
        raise NotMeasured(
            f"shard{verb} missing: {names}",
            hint="name their runs too, or measure them with --shard and the same options",
        )


def _find_difference(first: Run, other: Run) -> str:
    """What of a plan is different, such as ``another corpus``; empty if nothing is."""
    compared = {
        "another perfbench": (first.perfbench, other.perfbench),
        "another corpus": (_get_digest(first), _get_digest(other)),
        "other scenarios": tuple(sorted((s.name, s.sha256) for s in run.scenarios) for run in (first, other)),
        "other modes, environments or parameters": (_list_cases(first), _list_cases(other)),
        "another Python or other packages": (_list_installed(first), _list_installed(other)),
        "another --rounds": (first.settings.rounds, other.settings.rounds),
        "another plan": (_get_draws(first), _get_draws(other)),
    }
    return next((what for what, (before, after) in compared.items() if before != after), "")


def _get_digest(run: Run) -> str:
    return run.corpus.digest if run.corpus else ""


def _get_draws(run: Run) -> tuple[Any, ...]:
    return (run.corpus.draws if run.corpus else (), run.settings.seed)


def _list_cases(run: Run) -> list[tuple[Any, ...]]:
    return [(m.case.scenario, m.case.mode, m.case.environment, m.case.parameters) for m in _list_templates(run)]


def _list_templates(run: Run) -> list[Measurement]:
    """The cases on the corpus itself, which have no samples."""
    return [m for m in run.measurements if run.corpus and m.case.data == run.corpus.name]


def _list_installed(run: Run) -> list[tuple[Any, ...]]:
    """The environments with their packages; of the interpreter that runs perfbench, the packages that a worker imported."""
    installed: list[tuple[Any, ...]] = []
    for environment in run.environments:
        imported = (m.packages for m in run.measurements if m.case.environment == environment.name)
        packages = environment.packages if environment.recipe else next(filter(None, imported), ())
        python = (environment.version, environment.build, environment.variables, environment.flags)
        installed.append((environment.name, python, sorted((p.name, p.version) for p in packages)))
    return installed


def _name_machines(shards: Sequence[Shard]) -> list[Shard]:
    """The shards with the machine of every sample, where they were measured on different ones."""
    facts = [replace(shard.run.machine, load=0.0) for shard in shards]
    if len(set(facts)) == 1 and not any(shard.corpus.machines for shard in shards):
        return list(shards)
    names: dict[Machine, str] = {}
    for machine in facts:
        if machine not in names:
            same = sum(name.partition(" (")[0] == machine.cpu for name in names.values())
            names[machine] = f"{machine.cpu} ({same + 1})" if same else machine.cpu
    return [_name_machine(shard, names[machine]) for shard, machine in zip(shards, facts, strict=True)]


def _name_machine(shard: Shard, name: str) -> Shard:
    """The shard with the name of its machine at samples that have none."""

    def add(measurement: Measurement) -> Measurement:
        samples = (s if s.machine else replace(s, machine=name) for s in measurement.samples)
        return replace(measurement, samples=tuple(samples))

    unnamed = any(not sample.machine for m in shard.run.measurements for sample in m.samples)
    own = (MeasuringMachine(name, shard.run.machine),) if unnamed else ()
    corpus = replace(shard.corpus, machines=(*shard.corpus.machines, *own))
    return replace(shard, run=replace(shard.run, corpus=corpus, measurements=tuple(map(add, shard.run.measurements))))


def _join(shards: Sequence[Shard], run_id: str) -> Run:
    first = shards[0].run
    opened = (Result("", "", opened=batch) for shard in shards for batch in shard.corpus.opened)
    machines = (Result("", "", machine=machine) for shard in shards for machine in shard.corpus.machines)
    corpus = surveyed.add_facts(replace(shards[0].corpus, opened=(), machines=()), (*opened, *machines))
    markets = [batch.market for batch in corpus.opened if batch.market is not None]
    return replace(
        first,
        id=run_id,
        created=max(shard.run.created for shard in shards),
        finished=all(shard.run.finished for shard in shards),
        machine=replace(first.machine, load=max(shard.run.machine.load for shard in shards)),
        settings=replace(
            first.settings, shard=(1, 1), jobs=1, cluster="", rounds=first.settings.rounds or SHARDED_DRAWS
        ),
        data=tuple(replace(market, path="") for market in markets),
        measurements=tuple(_join_measurements(shards, [market.name for market in markets])),
        problems=tuple(_join_problems(shards, corpus)),
        warnings=tuple(dict.fromkeys(line for shard in shards for line in shard.run.warnings)),
        corpus=corpus,
    )


def _join_measurements(shards: Sequence[Shard], markets: Sequence[str]) -> Iterable[Measurement]:
    """The cases on the corpus, then those on each batch, in the order of the plan. Raises UsageProblem for a case of two shards."""
    gathered: dict[str, Measurement] = {}
    owners: dict[str, str] = {}
    for shard in shards:
        for measurement in shard.run.measurements:
            if measurement.case.data == shard.corpus.name:
                continue
            owner = owners.setdefault(measurement.case.id, shard.name)
            if owner != shard.name:
                raise UsageProblem(f"{owner} and {shard.name} both measured {measurement.case.data}")
            gathered[measurement.case.id] = measurement
    templates = _list_templates(shards[0].run)
    yield from templates
    for market in markets:
        for template in templates:
            case = replace(template.case, data=market)
            yield surveyed.sort_observations(gathered.get(case.id, replace(template, case=case)))


def _join_problems(shards: Sequence[Shard], corpus: Corpus) -> Iterable[str]:
    """The problems of all shards, each once; those of batches in the order of the plan, and shards that are not finished last."""
    damage = [line for batch in corpus.opened for line in batch.problems]
    others = [line for shard in shards for line in shard.run.problems if line not in damage]
    unfinished = [
        f"shard {shard.part}/{shard.run.settings.shard[1]} is not finished: resume it, and join again"
        for shard in shards
        if not shard.run.finished
    ]
    yield from dict.fromkeys((*others, *damage, *unfinished))
