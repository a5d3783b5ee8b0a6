"""The course of a sweep as texts: a row for each release, and below it every step that is real. No format knows another's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.report.tables.comparison import FAILED_MARK, VERDICT_MARKS
from perfbench.report.text_table import TextTable
from perfbench.sweep.steps import CONFIDENCE, SIGNIFICANCE_LEVEL, ReleaseStep, SamplingPlan, count_pairs_needed
from perfbench.sweep.trajectory import ModeTrajectory, Trajectory, TrajectoryPoint
from perfbench.util import formatting
from perfbench.util.formatting import make_printable


def build_sweep_table(course: Trajectory, plan: SamplingPlan, title: str, metric: str, about: str) -> TextTable:
    """The table of a sweep.

    :param title: scenario, market and what was swept.
    :param metric: what the seconds are, ``CPU seconds``.
    :param about: how and on which machine it was measured.
    """
    heads = ["release"]
    for line in course.lines:
        previous = "step" if plan.anchor is None else "step, by the anchor"
        heads += [f"{line.mode} {metric}", f"{line.mode} {previous}", f"{line.mode} / {line.reference}"]
    rows = []
    for number, release in enumerate(course.releases):
        stops = [line.stops[number] for line in course.lines]
        bad = bool(release.problem) or any(stop.problem or _output_differs(stop) for stop in stops)
        texts = [
            text for stop in stops for text in (_format_seconds(stop), format_step(stop.step), _format_relative(stop))
        ]
        rows.append((f"{FAILED_MARK} {release.name}" if bad else release.name, *texts))
    return TextTable(
        title=make_printable(title),
        heads=tuple(map(make_printable, heads)),
        rows=tuple(tuple(map(make_printable, row)) for row in rows),
        below=tuple(
            map(
                make_printable,
                (*_describe_steps(course.lines), *_describe_problems(course), *_describe_method(course, plan), about),
            )
        ),
        compared=False,
    )


def format_step(step: ReleaseStep | None) -> str:
    """The size of a step with the mark of its verdict; empty where there is none."""
    return "" if step is None else f"{formatting.format_change(step.ratio)} {VERDICT_MARKS[step.verdict]}"


def _format_seconds(stop: TrajectoryPoint) -> str:
    return formatting.MISSING_TEXT if stop.seconds is None else formatting.format_seconds(stop.seconds)


def _format_relative(stop: TrajectoryPoint) -> str:
    return formatting.MISSING_TEXT if stop.relative is None else f"{stop.relative:.3f}"


def _output_differs(stop: TrajectoryPoint) -> bool:
    return stop.step is not None and stop.step.output == "no"


def _describe_steps(lines: Sequence[ModeTrajectory]) -> Iterator[str]:
    """Every significant step, the modes together, in order of the releases."""
    real = [
        (number, stop.step)
        for line in lines
        for number, stop in enumerate(line.stops)
        if stop.step is not None and stop.step.significant
    ]
    for _, step in sorted(real, key=lambda numbered: numbered[0]):
        output = f", output: {step.output}" if step.output not in ("", "yes") else ""
        yield (
            f"{VERDICT_MARKS[step.verdict]} {step.before} → {step.after} {step.mode}: {formatting.format_change(step.ratio)}"
            f" ({formatting.format_change_interval(step.low, step.high)};"
            f" {step.pairs} {'pairs' if step.paired else 'pairs each with the anchor'}{output})"
        )


def _describe_problems(course: Trajectory) -> Iterator[str]:
    """What is missing or differs, each said once."""
    for number, release in enumerate(course.releases):
        if release.problem:
            yield f"{FAILED_MARK} {release.name}: {release.problem}"
            continue
        for line in course.lines:
            stop = line.stops[number]
            if stop.problem and stop.problem not in {earlier.problem for earlier in line.stops[:number]}:
                yield f"{FAILED_MARK} {line.mode}, {stop.problem}"
            if _output_differs(stop) and stop.step is not None:
                yield f"{FAILED_MARK} {line.mode}, {stop.step.before} → {stop.step.after}: the output is not the same"


def _describe_method(course: Trajectory, plan: SamplingPlan) -> Iterator[str]:
    steps = course.steps
    yield (
        f"▲ faster, ▼ slower: the chance of any such mark without a change is at most {SIGNIFICANCE_LEVEL:.0%} "
        f"over all {len(steps)} steps;"
        f" = within ± 1 %; ? not told; intervals of {CONFIDENCE:.0%}"
    )
    if steps and (fewest := min(step.pairs for step in steps)) < (needed := count_pairs_needed(len(steps), plan.looks)):
        yield f"doubtful: {fewest} pairs are too few for a step to be marked among {len(steps)}: it takes {needed}"
