"""Verdicts of a gate on a corpus: of the whole and of its parts, for every comparison (Holm)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from perfbench.model import METRICS, Comparison, Corpus, Measurement, Run, TrustWarning, Verdict
from perfbench.stats import pairs, sequential
from perfbench.stats.sequential import build_bounds
from perfbench.stats.survey_decision import decide_drawn
from perfbench.stats.survey_gate import RatioVerdict, SurveyVerdict
from perfbench.stats.survey_samples import DrawnSeconds, SamplesByBatch, collect_drawn_seconds
from perfbench.util import formatting

CasePair = tuple[str, str]
"""The ids of the cases before and after, on the corpus as a whole."""


def evaluate_survey_gate(run: Run, corpus: Corpus) -> dict[CasePair, Comparison]:
    """The comparisons of a gate on a corpus with their verdicts; one without a pair is left out: it was not measured."""
    drawn = {duet: collect_duet(duet, run, corpus) for duet in run.duets}
    measured = {duet: seconds for duet, seconds in drawn.items() if seconds.measured}
    regressed: set[CasePair] = set()
    while True:
        side = sequential.ONE_SIDED_ERROR / max(1, len(run.duets) - len(regressed))
        verdicts = {duet: _decide(duet, seconds, run, corpus, side) for duet, seconds in measured.items()}
        more = {duet for duet, verdict in verdicts.items() if verdict.regressed} - regressed
        if not more or len(regressed | more) == len(run.duets):
            return {
                duet: _build_comparison(verdicts[duet], measured[duet], _find_metric(duet, run)) for duet in verdicts
            }
        regressed |= more


def collect_duet(duet: CasePair, run: Run, corpus: Corpus) -> DrawnSeconds:
    """The seconds of the draws of one comparison."""
    return collect_drawn_seconds(corpus, _find_metric(duet, run), *_list_samples(duet, run))


def _list_samples(duet: CasePair, run: Run) -> tuple[SamplesByBatch, SamplesByBatch]:
    before, after = ({name: m.samples for name, m in _list_batches(case_id, run).items()} for case_id in duet)
    return before, after


def _list_batches(case_id: str, run: Run) -> Mapping[str, Measurement]:
    """The measurements of a case on every batch."""
    whole = run.measurement(case_id)
    assert whole is not None
    key = (whole.case.scenario, whole.case.mode, whole.case.environment, whole.case.parameters)
    return {
        m.case.data: m
        for m in run.measurements
        if (m.case.scenario, m.case.mode, m.case.environment, m.case.parameters) == key and m is not whole
    }


def _find_metric(duet: CasePair, run: Run) -> str:
    whole = run.measurement(duet[0])
    assert whole is not None
    samples = (sample for case_id in duet for m in _list_batches(case_id, run).values() for sample in m.samples)
    return pairs.choose_metric(samples, whole.metric)


def _decide(duet: CasePair, drawn: DrawnSeconds, run: Run, corpus: Corpus, side: float) -> SurveyVerdict:
    policy = run.settings.gate
    before, after = (run.measurement(case_id) for case_id in duet)
    assert policy is not None
    assert before is not None
    assert after is not None
    allowed = build_bounds(policy, before.case, after.case)
    most = policy.most(*duet) or corpus.batches
    verdict = decide_drawn(drawn, corpus, most, allowed, side, samples=_list_samples(duet, run))
    assert verdict is not None
    return verdict


def _build_comparison(verdict: SurveyVerdict, drawn: DrawnSeconds, metric: str) -> Comparison:
    whole = verdict.corpus
    confidence = whole.estimate.confidence
    before, after = (drawn.estimate_total(confidence, side) for side in (0, 1))
    assert before is not None
    assert after is not None
    complete = math.isfinite(whole.estimate.high)
    worst = _find_worst_part(verdict)
    few = (TrustWarning("too few draws for a verdict", str(whole.estimate.draws)),)
    return Comparison(
        metric=METRICS[metric],
        before=before.total,
        after=after.total,
        ratio=whole.estimate.ratio,
        low=whole.estimate.low if complete else 0.0,
        high=whole.estimate.high,
        pairs=whole.estimate.draws,
        sigma=whole.estimate.scatter,
        verdict=Verdict.REGRESSED if verdict.regressed else whole.verdict,
        warnings=() if complete else few,
        confidence=confidence,
        detectable=whole.detectable,
        part=_describe_part(worst) if worst is not None else "",
    )


def _find_worst_part(verdict: SurveyVerdict) -> RatioVerdict | None:
    """The part of the corpus that has regressed most."""
    regressed = [part for part in verdict.strata if part.verdict is Verdict.REGRESSED]
    return max(regressed, key=lambda part: part.estimate.ratio, default=None)


def _describe_part(part: RatioVerdict) -> str:
    return f"{part.label} {formatting.format_change(part.estimate.ratio)}"
