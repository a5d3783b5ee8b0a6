"""Made-up corpora with the draws, the samples and the runs of a survey, without files and processes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from perfbench.model import (
    Case,
    Corpus,
    Draw,
    GatePolicy,
    Market,
    Measurement,
    OpenedBatch,
    PairBudget,
    Run,
    Sample,
)
from perfbench.stats.survey_draws import draw_distinct_batches
from support import runs

NAME = "archive (made up)"
"""The name of a made-up corpus, which is the data of its cases as a whole."""

Labels = tuple[tuple[str, str], ...]


def corpus_of(
    sizes: Sequence[int],
    *,
    opened: int | None = None,
    blank: Collection[str] = (),
    damaged: Collection[str] = (),
    labels: Callable[[str], Labels] = lambda _name: (),
    seed: int = 1,
) -> Corpus:
    """A corpus of batches ``b0``, ``b1``, … of these sizes, all of them planned in random order.

    :param opened: how many of the first draws were opened, all by default.
    :param blank: batches without a market; :param damaged: batches that cannot be read.
    """
    shares = [size / sum(sizes) for size in sizes]
    drawn = draw_distinct_batches(shares, len(sizes), seed)
    draws = tuple(
        Draw(number, f"b{index}", shares[index], 0.0 if number == len(sizes) - 1 else float(drawn.thresholds[number]))
        for number, index in enumerate(int(index) for index in drawn.indices)
    )
    found = []
    for draw in draws[:opened]:
        market = Market(draw.batch, "", "0" * 64, sizes[int(draw.batch[1:])], 10, 1)
        found.append(
            OpenedBatch(
                draw.batch,
                market.size_bytes,
                None if draw.batch in (*blank, *damaged) else market,
                labels(draw.batch),
                problems=(f"{draw.batch} is damaged",) if draw.batch in damaged else (),
            )
        )
    return Corpus(NAME, len(sizes), len(sizes), sum(sizes), "d", draws, tuple(found))


def timed(seconds: float, pair: str = "pair", round_: int = 0) -> Sample:
    """A pass of a pair."""
    return runs.sample(round_, seconds, pair=pair)


def pair_samples(
    names: Iterable[str], seconds: Callable[[str], float], ratio: Callable[[str], float]
) -> tuple[dict[str, list[Sample]], dict[str, list[Sample]]]:
    """A pair of every batch of these: its seconds before, and after by the ratio."""
    listed = list(names)
    return (
        {name: [timed(seconds(name))] for name in listed},
        {name: [timed(seconds(name) * ratio(name))] for name in listed},
    )


def gated_corpus(
    corpus: Corpus, modes: Mapping[str, Callable[[str], float]], *, most: int | None = None, **policy: object
) -> Run:
    """A gate's run on a corpus: for each mode two environments, of which the new one takes this ratio of a batch.

    A batch takes as many seconds before as it has bytes. Those without a market have no samples.
    """
    measurable = {batch.batch: float(batch.market.size_bytes) for batch in corpus.opened if batch.market is not None}
    measurements: list[Measurement] = []
    duets: list[tuple[str, str]] = []
    for mode, ratio in modes.items():
        sides = pair_samples(measurable, measurable.__getitem__, ratio)
        whole = [case_of(mode, environment, NAME) for environment in ("old", "new")]
        duets.append((whole[0].case.id, whole[1].case.id))
        measurements += whole
        for environment, samples in zip(("old", "new"), sides, strict=True):
            measurements += [
                replace(case_of(mode, environment, name), samples=tuple(passes)) for name, passes in samples.items()
            ]
    pairs = tuple(PairBudget(*duet, corpus.batches if most is None else most) for duet in duets)
    gate = GatePolicy(pairs=pairs, **policy)  # type: ignore[arg-type]
    made = runs.run(measurements, environments=(("old", "new"),), gate=gate)
    return replace(made, duets=tuple(duets), corpus=corpus)


def case_of(mode: str, environment: str, data: str) -> Measurement:
    """The measurement of a case without samples."""
    return replace(runs.measurement(mode, ()), case=Case("made_up", mode, environment, data))
