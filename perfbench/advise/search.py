"""Search for a faster combination of candidates: screening by successive halving, greedy combination, confirmation. Pure.

A search is a generator: it yields a request for pairs and is sent their answer. What it requests follows from the answers alone,
also from the time that they took, so that an interrupted search is continued by sending it the answers that were saved.

With nothing to gain the only way to advice is the confirmation, one test at the level of 1 % with pairs that chose nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from perfbench.advise.budget import Budget
from perfbench.advise.gains import (
    LEAST_PAIRS,
    MOST_PAIRS,
    Gain,
    estimate_gain,
    is_confirmed,
    plan_confirmation,
    pool_sigma,
)
from perfbench.advise.search_steps import (
    Combination,
    JoiningOutcome,
    JoiningStep,
    PairAnswer,
    PairRequest,
    ScreenedCandidate,
    ScreeningOutcome,
    Search,
    SearchCandidate,
    SearchResult,
)

RUNGS = (3, 6, 12)
"""Pairs of a candidate after each rung of the screening, and looks at a candidate that may join a combination."""

FIRST_RUNG_SHARE = 0.4
"""The share of the time that the first rung may take; where it would take more, a rung of a single pair goes before it."""

SHOWN_PAIRS = 6
"""Pairs after which a clear gain is measured no further: the fewest that bear an interval of 95 %."""

EXPECTED_LEVERS, MOST_JOINING = 3, 5
"""Candidates that a combination is expected to have, and those that time is kept for while others are screened."""

RESERVE = 1.2
"""How much more time than expected is kept for later pairs: their cost is known from a few."""


class CandidateSearch:
    """A search among candidates: the answers so far, and what follows from them."""

    def __init__(self, candidates: Sequence[SearchCandidate], seconds: float) -> None:
        """:param seconds: the time limit; the fewest pairs of a confirmation are made also beyond it."""
        self._candidates = candidates
        self._budget = Budget(seconds)
        self._gains: list[list[float]] = [[] for _ in candidates]
        self._outcomes: list[ScreeningOutcome] = ["kept" if c.timed else "not timed" for c in candidates]
        self._reasons = ["" for _ in candidates]
        self._steps: list[JoiningStep] = []
        self._combination: Combination = ()
        self._promised: Gain | None = None
        self._confirmation = PairAnswer()

    def run(self) -> Search:
        """The requests of the search, each of which is sent its answer."""
        yield from self._screen()
        yield from self._combine()
        yield from self._prune()
        yield from self._confirm()

    def result(self) -> SearchResult:
        """What was found so far."""
        screened = zip(self._gains, self._outcomes, self._reasons, strict=True)
        return SearchResult(
            tuple(ScreenedCandidate(tuple(gains), outcome, reason) for gains, outcome, reason in screened),
            tuple(self._steps),
            self._combination,
            self._confirmation.gains,
            not self._confirmation.failure and is_confirmed(self._confirmation.gains),
            self._confirmation.failure,
        )

    def _screen(self) -> Search:
        """Measure every candidate with the user's set-up: hopeless ones less often, and where time is short the slower half.

        The first to be measured are those that took the least time in their check passes: time may end before the last.
        """
        alive = [number for number, candidate in enumerate(self._candidates) if candidate.timed]
        alive.sort(key=lambda number: self._candidates[number].hint)
        if not alive:
            return
        yield from self._bring(alive[0], 1)
        short = self._budget.compute_share(RUNGS[0] * len(alive)) > FIRST_RUNG_SHARE
        for rung in (1, *RUNGS) if short else RUNGS:
            alive = self._drop_slower(alive, rung)
            for number in alive:
                if not self._gains[number] and not self._budget.has_time(1 + LEAST_PAIRS):
                    self._outcomes[number] = "no time"
                elif self._lacks_pairs(number, rung):
                    yield from self._bring(number, rung)
            alive = [number for number in alive if self._remains(number)]

    def _combine(self) -> Search:
        """Add the promising candidates to the combination, the fastest first, each if the combination gains by it."""
        for number in self._rank_promising():
            if any(self._exclude(number, other) for other in self._combination):
                self._note(number, "excluded")
            elif self._combination and not self._has_time_to_join():
                self._note(number, "no time")
            else:
                yield from self._join(number)

    def _confirm(self) -> Search:
        """Measure the combination with fresh pairs on the markets that were not used to choose it."""
        if self._combination and self._promised is not None:
            affordable = self._budget.count_affordable(MOST_PAIRS)
            pairs = plan_confirmation(self._promised, self._sigma, affordable)
            request = PairRequest("confirm", (), self._combination, 0, pairs)
            self._confirmation = yield from self._ask(request)

    def _join(self, number: int) -> Search:
        """Try a candidate: verify the combination with it, then compare it with that without."""
        after = tuple(sorted((*self._combination, number)))
        verified = yield from self._ask(PairRequest("verify", (), after, 0, 0))
        if verified.failure:
            self._note(number, "failed", reason=verified.failure)
        elif not self._combination:
            self._note(number, "first")
            self._combination, self._promised = after, self._estimate(number)
        else:
            gain = yield from self._compare(number, self._combination, after, "added")
            if gain is not None and self._promised is not None:
                self._combination, self._promised = after, self._promised + gain

    def _prune(self) -> Search:
        """Take the first candidate out again if the others gain as much without it: among many the first may be so by luck."""
        first = next((step.candidate for step in self._steps if step.outcome == "first"), None)
        if first is None or len(self._combination) < 2 or self._estimate(first).is_certain:
            return
        without = tuple(number for number in self._combination if number != first)
        if not self._has_time_to_join():
            return
        gain = yield from self._compare(first, without, self._combination, "first")
        if gain is None:
            self._combination = without

    def _compare(
        self, number: int, before: Combination, after: Combination, joined: JoiningOutcome
    ) -> Generator[PairRequest, PairAnswer, Gain | None]:
        """Measure the combination with a candidate against that without it, until the gain is clear or hopeless; None without gain.

        :param joined: the outcome to note if it gains.
        """
        gains: list[float] = []
        for look in RUNGS:
            request = PairRequest("combine", before, after, len(gains), look - len(gains))
            answer = yield from self._ask(request)
            gains += answer.gains
            if answer.failure or not gains:
                self._note(number, "failed", gains, answer.failure or "every pair failed")
                return None
            gain = estimate_gain(gains, self._sigma)
            if gain.is_clear or gain.is_hopeless:
                break
        self._note(number, joined if gain.is_promising else "no gain", gains)
        return gain if gain.is_promising else None

    def _note(self, number: int, outcome: JoiningOutcome, gains: Sequence[float] = (), reason: str = "") -> None:
        self._steps.append(JoiningStep(number, outcome, tuple(gains), reason))

    def _bring(self, number: int, pairs: int) -> Search:
        """Measure a candidate until it has this many pairs."""
        done = len(self._gains[number])
        answer = yield from self._ask(PairRequest("screen", (), (number,), done, pairs - done))
        self._gains[number] += answer.gains
        if answer.failure or not self._gains[number]:
            self._outcomes[number], self._reasons[number] = "failed", answer.failure or "every pair failed"

    def _ask(self, request: PairRequest) -> Generator[PairRequest, PairAnswer, PairAnswer]:
        answer = yield request
        self._budget.charge(answer.seconds, request.pairs)
        return answer

    @property
    def _sigma(self) -> float:
        return pool_sigma([*self._gains, *(step.gains for step in self._steps)])

    def _estimate(self, number: int) -> Gain:
        return estimate_gain(self._gains[number], self._sigma)

    def _lacks_pairs(self, number: int, rung: int) -> bool:
        done = len(self._gains[number])
        return done < rung and not (done >= SHOWN_PAIRS and self._estimate(number).is_clear)

    def _remains(self, number: int) -> bool:
        """Whether a candidate is measured further; of a hopeless one that is noted."""
        if self._outcomes[number] == "kept" and self._estimate(number).is_hopeless:
            self._outcomes[number] = "no gain"
        return self._outcomes[number] == "kept"

    def _drop_slower(self, alive: list[int], rung: int) -> list[int]:
        """Those that are measured up to this rung: where there is no time for all, the slower half is dropped, again and again.

        None is left if there is no time for the fastest alone, once there are enough pairs for a choice.
        """
        enough = rung > RUNGS[0]
        while all(self._gains[number] for number in alive) and not self._has_time(alive, rung):
            if not alive or (len(alive) == 1 and not enough):
                break
            ranked = sorted(alive, key=lambda number: -self._estimate(number).estimate)
            half = len(ranked) // 2 if enough else (len(ranked) + 1) // 2
            for number in ranked[half:]:
                self._outcomes[number] = "no time"
            alive = ranked[:half]
        return alive

    def _has_time(self, alive: Sequence[int], rung: int) -> bool:
        """Whether there is time for a rung, and for what comes after the last one."""
        lacking = sum(rung - len(self._gains[number]) for number in alive if self._lacks_pairs(number, rung))
        if not lacking:
            return True
        joining = max(len(self._rank_promising()), min(EXPECTED_LEVERS, len(alive))) - 1
        return self._budget.has_time(RESERVE * (lacking + RUNGS[0] * min(joining, MOST_JOINING) + LEAST_PAIRS))

    def _has_time_to_join(self) -> bool:
        """Whether there is time to try another candidate and for the confirmation."""
        return self._budget.has_time(RUNGS[0] + LEAST_PAIRS)

    def _rank_promising(self) -> list[int]:
        """The candidates that may be advised and gain, the fastest first; also such that there was no time to measure further."""
        gains = {
            number: self._estimate(number)
            for number, candidate in enumerate(self._candidates)
            if candidate.combinable and self._gains[number] and self._outcomes[number] in ("kept", "no time")
        }
        promising = [number for number, gain in gains.items() if gain.is_promising]
        return sorted(promising, key=lambda number: -gains[number].estimate)

    def _exclude(self, number: int, other: int) -> bool:
        return other in self._candidates[number].excludes or number in self._candidates[other].excludes
