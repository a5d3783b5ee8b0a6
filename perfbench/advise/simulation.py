"""Run a search on made-up candidates, to measure how often it errs (``benchmarks/advise_rates.py``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perfbench.advise.search import CandidateSearch
from perfbench.advise.search_steps import PairAnswer, PairRequest, SearchCandidate, SearchResult

Noise = Callable[[int], Sequence[float]]
"""Gains of this many pairs of two equal sides, in order of time."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated search: its result, its requests with their answers, and the seconds that all pairs took."""

    result: SearchResult
    answered: tuple[tuple[PairRequest, PairAnswer], ...]

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all pairs."""
        return sum(answer.seconds for _, answer in self.answered)

    @property
    def pairs(self) -> int:
        """All pairs of the search."""
        return sum(request.pairs for request, _ in self.answered)


def simulate_search(
    gains: Sequence[float],
    noise: Noise,
    *,
    seconds: float = 600.0,
    pair_seconds: float = 8.0,
    candidates: Sequence[SearchCandidate] | None = None,
) -> Simulated:
    """A search among candidates with these true gains, ln(before / after), which add up in a combination.

    :param seconds: its time limit; :param pair_seconds: the cost of a pair; :param candidates: all can be combined unless given.
    """
    search = CandidateSearch(candidates or [SearchCandidate() for _ in gains], seconds)

    def answer(request: PairRequest) -> PairAnswer:
        true = sum(gains[number] for number in request.after) - sum(gains[number] for number in request.before)
        return PairAnswer(tuple(true + value for value in noise(request.pairs)), pair_seconds * request.pairs)

    return Simulated(*drive_search(search, answer))


def drive_search(
    search: CandidateSearch, answer: Callable[[PairRequest], PairAnswer]
) -> tuple[SearchResult, tuple[tuple[PairRequest, PairAnswer], ...]]:
    """Send a search the answers of a function until it asks for nothing more; its result, and its requests with their answers."""
    answered: list[tuple[PairRequest, PairAnswer]] = []
    steps = search.run()
    request = next(steps, None)
    while request is not None:
        answered.append((request, answer(request)))
        try:
            request = steps.send(answered[-1][1])
        except StopIteration:
            break
    return search.result(), tuple(answered)
