"""Output checks: whether a combination of candidates gives the orders of the user's set-up on a market."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from perfbench.advise.model import OutputCheck
from perfbench.errors import NotMeasured, OutputsDiffer
from perfbench.model import CaseGroup, CaseInEnvironment, Output, Result, Trial
from perfbench.runner import output_check, plan, repeat_check
from perfbench.runner.output_check import DigestCache
from perfbench.runner.trial import Conditions

HASH_SEED = 0
"""That of all check passes but the repeated one."""


@dataclass(slots=True)
class OutputChecker:
    """Compares outputs with that of the user's set-up, which is computed once for each market."""

    conditions: Conditions
    _outputs: dict[str, Output] = field(default_factory=dict)

    def require_repeatable(self, group: CaseGroup) -> None:
        """Check the user's set-up twice, with other hash seeds.

        Raises NotMeasured if it fails, OutputsDiffer if its orders differ from run to run.
        """
        trials = [*plan.plan_checks(group), *plan.plan_repeated_checks(group)]
        first, *others = self._run(trials, group)
        self._outputs[group.places[0].case.id] = output = _require_output(first)
        for trial, again in zip(trials[1:], others, strict=True):
            compared = repeat_check.compare_repeat(trial, group, output, again, self.conditions)
            if compared.failure is not None:
                raise NotMeasured(compared.failure.message)
            if compared.difference is not None:
                place = describe_check(OutputCheck("changes", compared.difference))
                raise OutputsDiffer(
                    f"the orders of {group.scenario.name} differ from run to run: {place}",
                    hint="advice keeps the orders as they are: make them repeatable, such as by a fixed random seed",
                )

    def check(
        self, group: CaseGroup, places: Sequence[CaseInEnvironment], alike: Collection[str] = ()
    ) -> list[OutputCheck]:
        """Check some sides on the market of a group, as many at a time as there are cores.

        :param alike: ids of the cases whose strategies must be given as many books to process as without a lever. A program that
            places no orders always has the same; so one that finds nothing to do in the books of another reader would be faster.

        Raises NotMeasured if the user's set-up fails there.
        """
        base = group.places[0]
        sides = places if base.case.id in self._outputs else [base, *places]
        trials = [Trial("check", 0, (place.case,), HASH_SEED) for place in sides]
        digests: DigestCache = {}
        results = self._run(trials, replace(group, places=(base, *places)), digests)
        if len(sides) > len(places):
            self._outputs[base.case.id] = _require_output(results.pop(0))
        compared = [self._compare(group, place, result) for place, result in zip(places, results, strict=True)]
        checks = [
            self._compare_handled(base.case.id, result, check) if place.case.id in alike else check
            for place, result, check in zip(places, results, compared, strict=True)
        ]
        digested = [digests.get((place.case.id, ())) for place in places]
        return [
            replace(check, seconds=digest.seconds) if digest is not None else check
            for check, digest in zip(checks, digested, strict=True)
        ]

    def _compare_handled(self, base: str, result: Result, check: OutputCheck) -> OutputCheck:
        """The check, or that the strategies were given another number of books, if the orders are the same."""
        if check.status != "same" or result.output is None:
            return check
        before, after = self._outputs[base].handled, result.output.handled
        if before is None or after is None or before == after:
            return check
        reason = f"process_market_book is called {after:,} times, not {before:,}"
        return OutputCheck("changes", market=check.market, reason=reason)

    def _run(self, trials: Sequence[Trial], group: CaseGroup, digests: DigestCache | None = None) -> list[Result]:
        """The results of check passes. :param digests: takes in what they digested."""
        remembered = {} if digests is None else digests
        return list(output_check.run_check_passes(trials, group, self.conditions, {}, remembered))

    def _compare(self, group: CaseGroup, place: CaseInEnvironment, result: Result) -> OutputCheck:
        """How the output of a side relates to that of the user's set-up."""
        market = group.market.name if group.market is not None else ""
        if result.failure is not None or result.output is None:
            reason = result.failure.message if result.failure is not None else "no output"
            return OutputCheck("failed", market=market, reason=reason)
        base = group.places[0].case
        outputs = self._outputs[base.id], result.output
        if outputs[0].digest == outputs[1].digest:
            return OutputCheck("same", market=market)
        trial = Trial("differ", 0, (base, place.case), HASH_SEED)
        both = replace(group, places=(group.places[0], place))
        explained = output_check.explain_difference(trial, both, outputs, (), self.conditions, {})
        return OutputCheck("changes", explained.difference, market)


def _require_output(result: Result) -> Output:
    """The output of the user's set-up. Raises NotMeasured."""
    if result.output is None:
        raise NotMeasured(result.failure.message if result.failure is not None else "the program gave no output")
    return result.output


def describe_check(check: OutputCheck) -> str:
    """Why a side is no candidate, in a line; empty if its orders are the same.

    For example ``order event 12 of 1.170258213: price: 3.2 → 3.25``.
    """
    if check.status == "same":
        return ""
    if check.status == "failed" or check.difference is None:
        return check.reason or "the orders differ"
    place = check.difference
    of = f" of {check.market}" if check.market else ""
    change = f": {place.before} → {place.after}" if place.before or place.after else ""
    return f"{place.item} {place.update:,}{of}: {place.where}{change}"
