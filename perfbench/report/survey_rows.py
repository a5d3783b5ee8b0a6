"""Rows of the table of a surveyed corpus, each from the samples of all drawn batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from perfbench.environments import labels
from perfbench.gate import budgets
from perfbench.model import (
    METRICS,
    PEAK_RSS_BYTES,
    STARTUP_SECONDS,
    Comparison,
    Corpus,
    Measurement,
    OutputMatch,
    Run,
    TrustWarning,
    Verdict,
    claims,
)
from perfbench.report import status, text
from perfbench.report.claims import describe_claim
from perfbench.report.model import CaseStatus, Row
from perfbench.report.rows import GateComparisons
from perfbench.report.survey_notes import ByBatch, compare_batch_outputs, shorten_notes
from perfbench.report.survey_summary import DrawnRow
from perfbench.stats import pairs, survey
from perfbench.stats.survey_samples import DrawnSeconds, SamplesByBatch, collect_drawn_seconds
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS


def choose_survey_confidence(run: Run) -> float:
    """The nominal confidence of intervals with 95 % coverage: higher where the survey stops once they are narrow."""
    fixed = run.settings.rounds is not None or run.settings.shard != (1, 1)
    return 0.95 if fixed else survey.choose_survey_confidence()


def get_key(measurement: Measurement) -> tuple[str, str]:
    """The mode and the environment of a case, which are the same for all batches of a row."""
    return measurement.case.mode, measurement.case.environment


@dataclass(frozen=True, slots=True)
class SurveyRows:
    """The rows of one table of a corpus."""

    run: Run
    corpus: Corpus
    templates: tuple[Measurement, ...]
    batches: Mapping[tuple[str, str], ByBatch]
    metric: str
    sides: tuple[str, ...]
    confidence: float
    gate_comparisons: GateComparisons

    @classmethod
    def of(
        cls, group: Sequence[Measurement], run: Run, corpus: Corpus, gate_comparisons: GateComparisons
    ) -> SurveyRows:
        """The rows of these cases."""
        templates = tuple(measurement for measurement in group if measurement.case.data == corpus.name)
        batches: dict[tuple[str, str], dict[str, Measurement]] = {get_key(template): {} for template in templates}
        for measurement in group:
            if measurement.case.data != corpus.name:
                batches[get_key(measurement)][measurement.case.data] = measurement
        environments = tuple(dict.fromkeys(template.case.environment for template in templates))
        samples = (sample for measurement in group for sample in measurement.samples)
        return cls(
            run=run,
            corpus=corpus,
            templates=templates,
            batches=batches,
            metric=pairs.choose_metric(samples, templates[0].metric),
            sides=environments if len(environments) > 1 else (),
            confidence=choose_survey_confidence(run),
            gate_comparisons=gate_comparisons,
        )

    def build(self) -> Iterator[Row]:
        """A row for each mode after the baseline, or for each pair of environments."""
        for before, after in self.list_pairs():
            yield self._build_row(before, after)

    def list_pairs(self) -> list[tuple[Measurement | None, Measurement]]:
        """The case before (None: the baseline) and after of each row."""
        baseline = next((template for template in self.templates if template.baseline), self.templates[0])
        if not self.sides:
            others = [template for template in self.templates if template is not baseline]
            return [(None, baseline), *((baseline, other) for other in others)]
        by_id = {template.case.id: template for template in self.templates}
        return [(by_id[a], by_id[b]) for a, b in self.run.duets if a in by_id and b in by_id]

    def collect_rows(self) -> Iterator[DrawnRow]:
        """Every row with the seconds of its draws."""
        names = dict(zip(self.sides, labels.split_side_names(self.sides)[1], strict=True)) if self.sides else {}
        for before, after in self.list_pairs():
            drawn, mode = self.collect(before, after), after.case.mode
            own, other = (
                (f"{mode} {names[after.case.environment]}", f"{mode} {names[before.case.environment]}")
                if names and before
                else (mode, "")
            )
            sides = tuple(map(self._list_samples, (before, after))) if before is not None else ()
            yield DrawnRow(self._format_label(before, after), drawn, own, other, sides)

    def collect(self, before: Measurement | None, after: Measurement) -> DrawnSeconds:
        """The seconds of the draws of a row; without a case before, those of the case alone."""
        if before is None:
            return collect_drawn_seconds(self.corpus, self.metric, self._list_samples(after))
        return collect_drawn_seconds(self.corpus, self.metric, *map(self._list_samples, (before, after)))

    def _list_samples(self, case: Measurement) -> SamplesByBatch:
        return {name: measurement.samples for name, measurement in self.batches[get_key(case)].items()}

    def compare(self, before: Measurement | None, after: Measurement) -> Comparison | None:
        """The ratio of the corpus with its interval, and the totals of both sides; None without a draw."""
        if self.run.settings.gate is not None:
            return None if before is None else self.gate_comparisons.get((before.case.id, after.case.id))
        drawn = self.collect(before, after)
        estimate = drawn.estimate_ratio(self.confidence) if before is not None else None
        if estimate is None:
            return None
        first, second = (drawn.estimate_total(self.confidence, side) for side in (0, 1))
        assert first is not None
        assert second is not None
        complete = math.isfinite(estimate.high)
        return Comparison(
            metric=METRICS[self.metric],
            before=first.total,
            after=second.total,
            ratio=estimate.ratio,
            low=estimate.low if complete else 0.0,
            high=estimate.high,
            pairs=estimate.draws,
            sigma=estimate.scatter,
            verdict=STANDARD_BOUNDS.classify_ratio(estimate.low, estimate.high) if complete else Verdict.INCONCLUSIVE,
            warnings=() if complete else (TrustWarning("too few draws for an interval", str(estimate.draws)),),
        )

    def _build_row(self, before: Measurement | None, after: Measurement) -> Row:
        own = self.batches[get_key(after)]
        others = self.batches[get_key(before)] if before is not None else {}
        label, is_program = self._format_label(before, after), self.run.is_program(after.case)
        same_output, notes = compare_batch_outputs(others, own, label, is_program=is_program)
        lacking = self._find_lacking(after)
        failures = list(self._describe_failures(before, after))
        failures = failures or list([] if lacking else self._describe_absence(before, after))
        comparison = None if same_output is OutputMatch.DIFFERENT else self.compare(before, after)
        breaches = self._find_breaches(before, after, comparison)
        drawn = self.collect(None, after).estimate_total(self.confidence)
        seconds = drawn.total if drawn is not None else None
        incomplete = seconds is None or (before is not None and comparison is None and not notes)
        failed = bool(failures) or (incomplete and not lacking)
        return Row(
            mode=self._format_label(before, after),
            doc=after.doc,
            baseline=before is None,
            seconds=seconds,
            wall_seconds=None,
            startup_seconds=_reduce(own.values(), STARTUP_SECONDS.name, median),
            rate=self._compute_rate(after),
            peak_rss_bytes=_reduce(own.values(), PEAK_RSS_BYTES.name, max),
            comparison=comparison,
            same_output=same_output,
            failed=failed,
            status=self._classify(comparison, same_output, breaches, failed, seconds, unavailable=bool(lacking)),
            unavailable=f"{self._format_label(before, after)}: not available here: {lacking}" if lacking else "",
            breaches=breaches,
            notes=(*failures, *notes),
            peak_before=_reduce(others.values(), PEAK_RSS_BYTES.name, max) if self.sides else None,
            claim=self._describe_claim(before, after, comparison),
            case=after.case.id,
            case_before=before.case.id if before else "",
        )

    def _find_breaches(
        self, before: Measurement | None, after: Measurement, comparison: Comparison | None
    ) -> tuple[str, ...]:
        policy = self.run.settings.gate
        if before is None or policy is None:
            return ()
        return budgets.find_breaches(policy, before, after, comparison, (), len(self.run.duets))

    def _classify(
        self,
        comparison: Comparison | None,
        same_output: OutputMatch,
        breaches: Sequence[str],
        failed: bool,
        seconds: float | None,
        *,
        unavailable: bool,
    ) -> CaseStatus:
        if self.run.settings.gate is not None:
            return status.classify_gate_case(comparison, same_output, breaches, failed)
        return status.classify_run_case(seconds, same_output, failed, unavailable=unavailable)

    def _format_label(self, before: Measurement | None, after: Measurement) -> str:
        return text.format_row_label(after.case, before.case if before else None, self.sides, chain=False)

    def _describe_failures(self, before: Measurement | None, after: Measurement) -> tuple[str, ...]:
        lines = []
        for template in (before, after) if self.sides and before else (after,):
            for name, measurement in self.batches[get_key(template)].items():
                side = template.case.environment if self.sides else template.case.mode
                lines += [
                    f"{side}, {name}: {f.message} ({f.kind} pass)" for f in measurement.failures if not f.unavailable
                ]
        return shorten_notes(list(dict.fromkeys(lines)), "{} further failures")

    def _find_lacking(self, case: Measurement) -> str:
        """What this machine lacks for a case; empty if nothing."""
        failures = (failure for measurement in self.batches[get_key(case)].values() for failure in measurement.failures)
        return next((failure.message for failure in failures if failure.unavailable), "")

    def _describe_absence(self, before: Measurement | None, after: Measurement) -> Iterator[str]:
        """Why a row has no seconds although nothing failed."""
        drawn = self.collect(before, after)
        label = self._format_label(before, after)
        if not drawn.draws and before is None and any(m.samples for m in self.batches[get_key(after)].values()):
            yield f"{label}: the census was not completed in the time: raise --max-time, or --each for a table of each file"
        elif not drawn.draws:
            yield f"{label}: no draw was measured in the time: raise --max-time"

    def _compute_rate(self, after: Measurement) -> float | None:
        """Units of work a second over the whole corpus: every draw counts by what it stands for."""
        drawn = self.collect(None, after)
        works = {name: max(m.works, default=0) for name, m in self.batches[get_key(after)].items()}
        seconds = sum(weight * value for weight, value in zip(drawn.weights, drawn.list_seconds(0), strict=True))
        work = sum(weight * works[draw.batch] for weight, draw in zip(drawn.weights, drawn.draws, strict=True))
        return work / seconds if seconds else None

    def _describe_claim(self, before: Measurement | None, after: Measurement, comparison: Comparison | None) -> str:
        scenario = self.run.scenario(after.case.scenario)
        if before is None or comparison is None or scenario is None:
            return ""
        packages = tuple(
            next((m.packages for m in self.batches[get_key(side)].values() if m.packages), ())
            for side in (before, after)
        )
        claim = claims.find_claim(scenario.claims, (before.case.mode, after.case.mode), (packages[0], packages[1]))
        return describe_claim(claim, comparison) if claim is not None else ""


def _reduce(
    measurements: Iterable[Measurement], metric: str, function: Callable[[Sequence[float]], float]
) -> float | None:
    values = [s.metrics[metric] for m in measurements for s in m.timed if metric in s.metrics]
    return function(values) if values else None
