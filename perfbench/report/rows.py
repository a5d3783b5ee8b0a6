"""Rows of a report table, computed from the raw samples of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from perfbench.gate import budgets
from perfbench.model import (
    PEAK_RSS_BYTES,
    SPENT_SECONDS,
    STARTUP_SECONDS,
    WALL_SECONDS,
    Claim,
    Comparison,
    Measurement,
    Metric,
    MetricComparison,
    OutputMatch,
    Run,
    TrialKind,
    claims,
)
from perfbench.report import output_match, status, text
from perfbench.report.claims import describe_claim
from perfbench.report.model import CaseStatus, Row
from perfbench.stats import instructions, metrics, pairs
from perfbench.stats.comparison import choose_confidence, compare_paired, compare_unpaired

GateComparisons = Mapping[tuple[str, str], Comparison]
"""The comparisons of a gate by the ids of the cases before and after; empty where there is no gate."""


@dataclass(frozen=True, slots=True)
class RowBuilder:
    """Build the rows of one table: of ``metric``, across the environments ``sides`` (empty: across modes)."""

    run: Run
    gate_comparisons: GateComparisons
    metric: str
    sides: tuple[str, ...] = ()

    def build(self, measurement: Measurement, before: Measurement | None) -> Row:
        """The row of a case, compared with the case before if there is one."""
        refused = before is not None and self._is_refused(measurement, before)
        comparison = None if before is None or refused else self.compare(before, measurement)
        is_program = self.run.is_program(measurement.case)
        same_output = (
            OutputMatch.DIFFERENT
            if refused
            else output_match.classify_output(before, measurement, is_program=is_program)
        )
        count = instructions.compare_counts(before, measurement) if before is not None else None
        executed = instructions.mean_instructions(measurement)
        breaches = self._find_breaches(measurement, before, comparison)
        uncounted = self.run.settings.count and (executed is None if before is None else count is None)
        failed = uncounted or self._is_incomplete(measurement, before)
        seconds = self._compute_seconds(measurement)
        works = [sample.work for sample in measurement.timed]
        lacking = _find_lacking(measurement)
        label = self._format_label(measurement, before)
        claim = self._find_claim(measurement, before)
        return Row(
            mode=label,
            doc=measurement.doc,
            baseline=before is None,
            seconds=seconds,
            wall_seconds=self._compute_solo_median(measurement, WALL_SECONDS),
            startup_seconds=self._compute_solo_median(measurement, STARTUP_SECONDS),
            rate=works[0] / seconds if works and seconds else None,
            peak_rss_bytes=_compute_peak(measurement),
            comparison=comparison,
            same_output=same_output,
            failed=failed,
            status=self._classify(comparison, same_output, breaches, failed, seconds, bool(lacking)),
            notes=tuple(self._describe_notes(measurement, before, same_output)),
            peak_before=_compute_peak(before) if before and self.sides else None,
            claim=describe_claim(claim, comparison) if claim is not None and comparison is not None else "",
            spent=_sum_spent_seconds(measurement, before) if before else None,
            breaches=breaches,
            instructions=executed,
            count=count,
            case=measurement.case.id,
            case_before=before.case.id if before else "",
            blame=tuple(self._describe_blame(measurement, before)),
            unavailable=f"{label}: not available here: {lacking}" if lacking else "",
            reported=tuple(self._compare_metrics(measurement, before)),
            budgets=self._evaluate_budgets(measurement, before, comparison),
            claimed=1 / claim.ratio if claim is not None else None,
        )

    def compare(self, before: Measurement, after: Measurement) -> Comparison | None:
        """The comparison of two cases; None where nothing pairs them."""
        if self.run.settings.gate is not None:
            return self.gate_comparisons.get((before.case.id, after.case.id))
        if not self.run.paired:
            return compare_unpaired(before, after, self.metric, metrics.CONFIDENCE)
        return compare_paired(before, after, self.metric, choose_confidence(self.run.settings))

    def scenario_metrics(self, measurement: Measurement) -> tuple[Metric, ...]:
        """The metrics of the scenario of a case."""
        scenario = self.run.scenario(measurement.case.scenario)
        return scenario.metrics if scenario else ()

    def _classify(
        self,
        comparison: Comparison | None,
        same_output: OutputMatch,
        breaches: Sequence[str],
        failed: bool,
        seconds: float | None,
        unavailable: bool,
    ) -> CaseStatus:
        if self.run.settings.gate is not None:
            return status.classify_gate_case(comparison, same_output, breaches, failed)
        return status.classify_run_case(seconds, same_output, failed, unavailable=unavailable)

    def _format_label(self, measurement: Measurement, before: Measurement | None) -> str:
        chain = self.run.settings.links == "neighbours"
        return text.format_row_label(measurement.case, before.case if before else None, self.sides, chain)

    def _compute_seconds(self, measurement: Measurement) -> float | None:
        in_pairs = pairs.select_values(measurement.samples, self.metric, "duet")
        return _compute_median(in_pairs or pairs.select_values(measurement.samples, self.metric, "alone"))

    def _compute_solo_median(self, measurement: Measurement, metric: Metric) -> float | None:
        """The median over passes that were never paused: interleaved ones are."""
        own = self.run.is_program(measurement.case)
        interleaved = pairs.is_interleaved(measurement.samples, self.metric, is_program=own)
        kinds: tuple[TrialKind, ...] = ("alone",) if interleaved else ("alone", "duet")
        return _compute_median(pairs.select_values(measurement.samples, metric.name, *kinds))

    def _is_incomplete(self, measurement: Measurement, before: Measurement | None) -> bool:
        """Whether something of the row is missing, for another reason than what this machine lacks."""
        both_measured = bool(measurement.timed) and (before is None or not self.sides or bool(before.timed))
        excused = bool(_find_lacking(measurement)) and before is not None
        return (
            any(not failure.unavailable for failure in measurement.failures)
            or not (both_measured or excused)
            or any(self._describe_unreported(measurement, before))
            or bool(self.sides and before and before.failures)
        )

    def _find_breaches(
        self, measurement: Measurement, before: Measurement | None, comparison: Comparison | None
    ) -> tuple[str, ...]:
        policy = self.run.settings.gate
        if before is None or policy is None:
            return ()
        own = self.scenario_metrics(measurement)
        return budgets.find_breaches(policy, before, measurement, comparison, own, len(self.run.duets))

    def _evaluate_budgets(
        self, measurement: Measurement, before: Measurement | None, comparison: Comparison | None
    ) -> tuple[budgets.BudgetResult, ...]:
        policy = self.run.settings.gate
        if before is None or policy is None:
            return ()
        own = self.scenario_metrics(measurement)
        return budgets.evaluate_budgets(policy, before, measurement, comparison, own, len(self.run.duets))

    def _describe_notes(
        self, measurement: Measurement, before: Measurement | None, same_output: OutputMatch
    ) -> Iterator[str]:
        """What failed, what differs, and what a gate limits but a case does not report."""
        label = self._format_label(measurement, before)
        yield from _describe_failures(measurement, before, self.sides)
        difference = output_match.find_difference(measurement, before)
        mismatch = self._describe_work_mismatch(measurement, before) if before else ""
        unstable = [side for side in (before, measurement) if side is not None and side.instability is not None]
        for side in unstable:
            yield f"{_name_side(side, self.sides)} {output_match.describe_instability(side)}"
        if difference is not None and not difference.changes:
            yield f"{label} {output_match.describe_difference(difference)}"
        if mismatch and not (difference is not None and difference.less_work):
            yield f"{label} {mismatch}: the ratio would be meaningless"
        is_explained = difference is not None or mismatch or unstable
        if same_output is OutputMatch.DIFFERENT and before is not None and not is_explained:
            yield output_match.describe_unlocated_difference(label, measurement, before)
        yield from self._describe_unreported(measurement, before)

    def _is_refused(self, after: Measurement, before: Measurement) -> bool:
        """Whether the sides did different work, so that no ratio of them means anything."""
        difference = output_match.find_difference(after, before)
        return bool(self._describe_work_mismatch(after, before)) or (difference is not None and difference.less_work)

    def _describe_work_mismatch(self, measurement: Measurement, before: Measurement) -> str:
        """How the work of the timed passes differs, among themselves or from that of the case before; empty if it does not.

        Sides of a program may differ: they are as fast as they give the same orders.
        """
        own, others = measurement.works, before.works
        if len(own) > 1:
            return f"did {min(own):,} {measurement.unit} in one pass and {max(own):,} in another"
        if own and len(others) == 1 and own != others and not self.run.is_program(measurement.case):
            name = text.format_other_side(before.case, measurement.case)
            return f"did {min(own):,} {measurement.unit} when it was timed, {name} {min(others):,}"
        return ""

    def _describe_unreported(self, measurement: Measurement, before: Measurement | None) -> Iterator[str]:
        policy = self.run.settings.gate
        if before is None or policy is None:
            return
        for side in (before, measurement):
            for name in budgets.find_unreported(policy, side, self.scenario_metrics(side)):
                yield f"{side.case.mode} in {side.case.environment} reports no {name}"

    def _find_claim(self, after: Measurement, before: Measurement | None) -> Claim | None:
        """The announced speed-up from the case before to this one."""
        scenario = self.run.scenario(after.case.scenario)
        if before is None or scenario is None:
            return None
        modes = before.case.mode, after.case.mode
        return claims.find_claim(scenario.claims, modes, (before.packages, after.packages))

    def _describe_blame(self, after: Measurement, before: Measurement | None) -> Iterator[str]:
        for blame in self.run.blames if before is not None else ():
            if before is not None and (blame.before, blame.after) == (before.case.id, after.case.id):
                yield from text.describe_blame(blame, f"each {after.unit.removesuffix('s')}")

    def _compare_metrics(self, measurement: Measurement, before: Measurement | None) -> Iterator[MetricComparison]:
        comparable = None if before is None or self._is_refused(measurement, before) else before
        for metric in self.scenario_metrics(measurement):
            compared = metrics.compare_metric(metric, comparable, measurement)
            if compared is not None:
                yield compared


def _describe_failures(measurement: Measurement, before: Measurement | None, sides: Sequence[str]) -> Iterable[str]:
    for side in (before, measurement) if sides and before else (measurement,):
        name = _name_side(side, sides)
        yield from (f"{name}: {f.message} ({f.kind} pass)" for f in side.failures if not f.unavailable)


def _name_side(side: Measurement, sides: Sequence[str]) -> str:
    return f"{side.case.mode} in {side.case.environment}" if sides else side.case.mode


def _find_lacking(measurement: Measurement) -> str:
    """What this machine lacks for a case; empty if nothing."""
    return next((failure.message for failure in measurement.failures if failure.unavailable), "")


def _sum_spent_seconds(after: Measurement, before: Measurement) -> float | None:
    """The wall time of all duets of two cases, where it was recorded."""
    shared_pairs = {sample.pair for sample in before.samples}
    spent = {
        s.pair: s.metrics[SPENT_SECONDS.name]
        for s in after.samples
        if s.pair in shared_pairs and SPENT_SECONDS.name in s.metrics
    }
    return sum(spent.values()) if spent else None


def _compute_peak(measurement: Measurement) -> float | None:
    return _compute_median(pairs.select_values(measurement.samples, PEAK_RSS_BYTES.name, "memory"))


def _compute_median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
