"""What a survey writes beside samples, in the order of its plan: the same run, in whatever order its draws were measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perfbench.model import Corpus, Measurement, OpenedBatch, OutputDifference, Result, Sample


def add_facts(corpus: Corpus, results: Iterable[Result]) -> Corpus:
    """The corpus with the batches that were opened, in the order of its draws, and the machines that measured, by name."""
    opened = {batch.batch: batch for batch in corpus.opened}
    machines = {machine.name: machine for machine in corpus.machines}
    for result in results:
        if result.opened is not None:
            before = opened.get(result.opened.batch, result.opened)
            opened[result.opened.batch] = min(before, result.opened, key=_rank_opened)
        if result.machine is not None:
            machines.setdefault(result.machine.name, result.machine)
    places = {draw.batch: place for place, draw in enumerate(corpus.draws)}
    return replace(
        corpus,
        opened=tuple(sorted(opened.values(), key=lambda batch: (places.get(batch.batch, len(places)), batch.batch))),
        machines=tuple(machine for _, machine in sorted(machines.items())),
    )


def sort_observations(measurement: Measurement) -> Measurement:
    """The measurement with its samples, differences and failures in the order of trials."""
    return replace(
        measurement,
        samples=tuple(sorted(measurement.samples, key=_rank_sample)),
        differences=tuple(sorted(measurement.differences, key=_rank_difference)),
        failures=tuple(sorted(measurement.failures, key=lambda failure: (failure.trial, failure.message))),
    )


def list_damage(results: Iterable[Result]) -> list[str]:
    """The lines about damaged files of the batches that were opened, each once."""
    lines = (line for result in results if result.opened is not None for line in result.opened.problems)
    return list(dict.fromkeys(lines))


def _rank_opened(batch: OpenedBatch) -> tuple[bool, float]:
    """Of a batch that was opened several times, the one that was least disturbed counts."""
    return batch.market is None, batch.unpack_seconds


def _rank_sample(sample: Sample) -> tuple[str, int, str, int]:
    return sample.kind, sample.round, sample.pair, sample.order


def _rank_difference(difference: OutputDifference) -> tuple[str, int]:
    return difference.against, difference.update
