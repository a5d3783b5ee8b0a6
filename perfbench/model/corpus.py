"""A corpus of market files, and the batches of it that a survey draws (docs/concepts/survey.md)."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.model.environment import Machine
from perfbench.model.plan import Market

SOLO_ROUNDS = 3
"""The number of the first solo pass that belongs to a round: earlier ones are a group's solo passes."""

SHARDED_DRAWS = 96
"""Draws of all shards of a survey together, unless ``--rounds`` says how many."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of a survey: its number from 0, the batch that was drawn, and the share of all bytes that the batch has.

    ``threshold`` is that of the sample that ends with this draw: each of its batches was drawn with the probability
    min(1, share · threshold); 0 where the sample is the whole corpus. ``round`` counts from 0 how often the batch is measured.
    """

    number: int
    batch: str
    share: float
    threshold: float = 0.0
    round: int = 0


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A market file of a batch, and its labels: names and values of strata such as ``("sport", "Soccer")``, one each."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OpenedBatch:
    """What was found in a drawn batch: its markets as one, its ``files`` in their order, and what is no stream file.

    ``labels`` are those that its files share, ``mixed`` where they differ; ``unpack_seconds`` is the wall time of
    unpacking, ``packed_bytes`` its size in the listing. ``market`` is None where nothing could be replayed. ``skipped`` are its
    files that are no market streams, ``problems`` lines about those that are damaged.
    """

    batch: str
    packed_bytes: int
    market: Market | None = None
    labels: tuple[tuple[str, str], ...] = ()
    unpack_seconds: float = 0.0
    skipped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    files: tuple[BatchFile, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasuringMachine:
    """One of several machines that measured a corpus: the name that its samples have of it, and its facts."""

    name: str
    machine: Machine


@dataclass(frozen=True, slots=True)
class Corpus:
    """All market files of a run as one: how many were listed, in how many batches, and what was drawn and opened.

    ``digest`` is a SHA-256 of the names and sizes that were listed. ``draws`` are all that may be made, in order; the first of them
    were. ``skipped`` are lines about listed files that are no market streams. ``machines`` are those that measured, where it was
    not that of the run alone.
    """

    name: str
    members: int
    batches: int
    packed_bytes: int
    digest: str
    draws: tuple[Draw, ...] = ()
    opened: tuple[OpenedBatch, ...] = ()
    skipped: tuple[str, ...] = ()
    machines: tuple[MeasuringMachine, ...] = ()
