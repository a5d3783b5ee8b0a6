"""The sentence of a page: what was compared with what, on which data, how it ended, and what it could not have seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from perfbench.environments import labels
from perfbench.model import Comparison, OutputMatch, Verdict
from perfbench.report.model import CaseStatus, Report, ReportTable
from perfbench.report.page.blocks import Line, Tone
from perfbench.report.page.case_table import ListedCase
from perfbench.report.page.interval_chart import format_ratio
from perfbench.report.tables.gate import describe_gate
from perfbench.util import formatting

VERDICT_WORDS = {
    Verdict.IMPROVED: "faster",
    Verdict.REGRESSED: "slower",
    Verdict.UNCHANGED: "unchanged",
    Verdict.INCONCLUSIVE: "inconclusive",
}
MAX_NAMED = 4


def build_title(report: Report) -> str:
    """``betfairlightweight 2.11.2 → 2.12.0``; of a run of modes the question of its scenario."""
    run = report.run
    if not run.paired:
        return run.id
    widest = max(run.settings.environments, key=len, default=())
    if len(widest) > 1:
        common, names = labels.split_side_names(widest)
        shown = " → ".join(names if len(names) <= MAX_NAMED else (names[0], "…", names[-1]))
        return f"{common} {shown}".strip()
    questions = list(dict.fromkeys(scenario.doc or scenario.name for scenario in run.scenarios))
    return questions[0] if len(questions) == 1 else ", ".join(dict.fromkeys(s.name for s in run.scenarios)) or run.id


def build_sentence(report: Report, cases: Sequence[ListedCase]) -> Line:
    """The result in one sentence, with its tone."""
    if report.run.settings.gate is not None:
        text = describe_gate(report)
        return Line(f"{text[0].upper()}{text[1:]}.", "improved" if report.status.ok else "regressed")
    compared = [case for case in cases if case.row.comparison is not None]
    where = _describe_where(report)
    if not compared and any(case.row.output_differs for case in cases):
        return Line(f"The outputs differ, so that nothing is compared: {where}.", "failed")
    if not compared:
        measured = sum(case.row.seconds is not None for case in cases)
        return Line(f"{formatting.format_plural(measured, 'case')} measured, {where}; nothing is compared.", "")
    words = _count_verdicts(compared)
    subject = _describe_subject(compared)
    return Line(f"{subject} in {where}: {words}{_describe_differing(cases)}.", _choose_tone(compared))


def build_more(report: Report, cases: Sequence[ListedCase], detectable: Sequence[float]) -> tuple[str, ...]:
    """Sentences about the size of the changes, the outputs, and what could not have been seen.

    :param detectable: of each comparison, the change that its pairs detect, as a share.
    """
    return tuple(_build_more(report, cases, detectable))


def _build_more(report: Report, cases: Sequence[ListedCase], detectable: Sequence[float]) -> Iterator[str]:
    comparisons = [case.row.comparison for case in cases if case.row.comparison is not None]
    clear = [c for c in comparisons if c.verdict in (Verdict.IMPROVED, Verdict.REGRESSED)]
    if clear:
        ratios = sorted(c.ratio for c in clear)
        as_change = report.run.settings.gate is not None
        first, last = format_ratio(ratios[0], as_change=as_change), format_ratio(ratios[-1], as_change=as_change)
        yield f"The clear changes: from {first} to {last}." if first != last else f"The clear change: {first}."
    claims = [case.row.claim for case in cases if case.row.claim]
    if claims:
        yield _count_claims(claims)
    yield from _describe_outputs(cases)
    if report.run.corpus is None or report.run.settings.gate is not None:
        yield from describe_detectability(detectable, len(comparisons))
    else:
        yield from _describe_widths(comparisons)


def _count_claims(claims: Sequence[str]) -> str:
    """How many announced speed-ups are confirmed, smaller here, refuted or inconclusive."""
    counts = Counter(
        next((word for word in ("confirmed", "refuted", "inconclusive") if claim.endswith(word)), "smaller here")
        for claim in claims
    )
    words = ("confirmed", "smaller here", "refuted", "inconclusive")
    total = formatting.format_plural(len(claims), "announced speed-up")
    return f"{_count_words([(counts[word], word) for word in words], total)}."


def describe_detectability(detectable: Sequence[float], compared: int) -> Iterator[str]:
    """What the pairs could not have seen: the smallest change that they detect."""
    finite = sorted(change for change in detectable if math.isfinite(change))
    if not compared:
        return
    if not finite:
        yield "The pairs are too few to say which change would have been seen."
        return
    most, least = finite[-1], finite[0]
    worst, best = f"{100 * most:.1f} %", f"{100 * least:.1f} %"
    text = f"Changes below {worst} could have stayed hidden"
    text += "." if worst == best else f" in the least precise case, below {best} in the most precise."
    few = compared - len(finite)
    yield text + (f" {formatting.format_plural(few, 'case')} had too few pairs to tell." if few else "")


def _describe_widths(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """How wide the intervals of a corpus are, whose draws are no pairs of one market."""
    widths = [(c.high / c.low) ** 0.5 - 1 for c in comparisons if c.low > 0 and math.isfinite(c.high)]
    if widths:
        yield f"The interval of the whole corpus is ± {100 * max(widths):.1f} %: smaller changes could have stayed hidden."


def _describe_outputs(cases: Sequence[ListedCase]) -> Iterator[str]:
    counts: Counter[OutputMatch] = Counter(case.row.same_output for case in cases)
    del counts[OutputMatch.NOT_COMPARED]
    if not counts:
        return
    if set(counts) == {OutputMatch.SAME}:
        yield "All outputs are the same."
        return
    words = {
        OutputMatch.SAME: "the same",
        OutputMatch.KNOWN_CHANGES: "the same but for known changes",
        OutputMatch.FLOOR: "a part of the work only",
        OutputMatch.DIFFERENT: "different",
    }
    parts = [f"{counts[match]} {word}" for match, word in words.items() if counts[match]]
    yield f"Outputs: {', '.join(parts)}."


def _describe_subject(compared: Sequence[ListedCase]) -> str:
    sides = compared[0].table.sides
    if len(sides) == 2 and all(case.table.sides == sides for case in compared):
        common, names = labels.split_side_names(sides)
        return f"{names[1]} against {names[0]}" + (f" of {common}" if common else "")
    if sides:
        return f"{formatting.format_plural(max(len(case.table.sides) for case in compared), 'environment')} compared"
    baselines = list(dict.fromkeys(filter(None, (_find_baseline(case.table) for case in compared))))
    modes = list(dict.fromkeys(case.row.mode for case in compared))
    if len(baselines) == 1:
        subject = modes[0] if len(modes) == 1 else formatting.format_plural(len(modes), "mode")
        return f"{subject} against {baselines[0]}"
    return f"{formatting.format_plural(len(compared), 'comparison')}"


def _find_baseline(table: ReportTable) -> str:
    return table.baseline.mode if table.baseline is not None else ""


def _describe_where(report: Report) -> str:
    """The scenarios and the markets: ``replay on PRO-1.170258213``."""
    scenarios = list(dict.fromkeys(table.scenario for table in report.tables))
    what = ", ".join(scenarios) if len(scenarios) <= MAX_NAMED else f"{len(scenarios)} scenarios"
    markets = list(dict.fromkeys(table.data for table in report.tables if table.data))
    if not markets:
        return what or "nothing"
    on = " and ".join(markets) if len(markets) <= 2 else f"{len(markets)} markets"
    return f"{what} on {on}"


def _count_verdicts(compared: Sequence[ListedCase]) -> str:
    comparisons = [case.row.comparison for case in compared if case.row.comparison is not None]
    if len(comparisons) == 1:
        return _describe_single(comparisons[0])
    counts = Counter(comparison.verdict for comparison in comparisons)
    total = formatting.format_plural(len(comparisons), "case")
    if len(counts) == 1:
        every = "both cases" if len(comparisons) == 2 else f"all {total}"
        return f"{every} {VERDICT_WORDS[comparisons[0].verdict]}"
    return _count_words([(counts[verdict], word) for verdict, word in VERDICT_WORDS.items()], total)


def _count_words(counts: Sequence[tuple[int, str]], total: str) -> str:
    """``6 of 7 cases faster, 1 slower``."""
    (count, word), *others = [(count, word) for count, word in counts if count]
    return ", ".join([f"{count} of {total} {word}", *(f"{count} {word}" for count, word in others)])


def _describe_single(comparison: Comparison) -> str:
    change = format_ratio(comparison.ratio)
    if comparison.verdict in (Verdict.IMPROVED, Verdict.REGRESSED):
        return change
    return f"{VERDICT_WORDS[comparison.verdict]} ({change})"


def _describe_differing(cases: Sequence[ListedCase]) -> str:
    """How many outputs differ: no speed makes up for another result."""
    differing = sum(case.row.output_differs for case in cases)
    if not differing:
        return ""
    return "; the output of 1 case differs" if differing == 1 else f"; the outputs of {differing} cases differ"


def _choose_tone(compared: Sequence[ListedCase]) -> Tone:
    """The tone of the result; none where modes are compared, of which none has to be the faster one."""
    statuses = {case.row.status for case in compared}
    verdicts = {case.row.comparison.verdict for case in compared if case.row.comparison is not None}
    if CaseStatus.OUTPUT_DIFFERS in statuses:
        return "failed"
    if not all(case.table.sides for case in compared):
        return ""
    if Verdict.REGRESSED in verdicts:
        return "" if Verdict.IMPROVED in verdicts else "regressed"
    return "improved" if Verdict.IMPROVED in verdicts else "unchanged" if verdicts == {Verdict.UNCHANGED} else ""
