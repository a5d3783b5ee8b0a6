"""Text table of a release sweep: a row for each release, and below it every significant step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.model import OutputMatch, Run
from perfbench.report.tables.comparison import VERDICT_MARKS
from perfbench.report.text_table import FAILED_MARK, WARNING_PREFIX, TextTable
from perfbench.sweep import parts
from perfbench.sweep.steps import CONFIDENCE, SIGNIFICANCE_LEVEL, ReleaseStep, SamplingPlan, count_pairs_needed
from perfbench.sweep.trajectory import ModeTrajectory, Trajectory, TrajectoryPoint
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.seconds import SecondsColumn


def build_sweep_table(
    trajectory: Trajectory,
    plan: SamplingPlan,
    title: str,
    metric: str,
    about: str,
    about_parts: Sequence[str] = (),
    tested: Sequence[ReleaseStep] | None = None,
) -> TextTable:
    """The table of a sweep. A release that was measured again, in another part of it, has a second row with those seconds.

    :param title: scenario, market and subject of the sweep.
    :param metric: the metric of the seconds, ``CPU seconds``.
    :param about: interpreter, machine and version of perfbench.
    :param about_parts: lines about the parts of an extended sweep.
    :param tested: all steps of the sweep, if the trajectory has only some.
    """
    heads = ["release"]
    for line in trajectory.lines:
        previous = "step" if plan.anchor is None else "step (via anchor)"
        heads += [f"{line.mode} {metric}", f"{line.mode} {previous}", f"{line.mode} / {line.reference}"]
    return TextTable(
        title=make_printable(title),
        heads=tuple(map(make_printable, heads)),
        rows=tuple(tuple(map(make_printable, row)) for row in _build_rows(trajectory)),
        below=tuple(
            map(
                make_printable,
                (
                    *_describe_steps(trajectory.lines),
                    *_describe_problems(trajectory),
                    *_describe_method(trajectory.steps if tested is None else tested, plan),
                    *about_parts,
                    about,
                ),
            )
        ),
        compared=False,
        ranks=(0, *[2, 0, 1] * len(trajectory.lines)),
    )


def _build_rows(trajectory: Trajectory) -> Iterator[tuple[str, ...]]:
    """A row for each release; a second one for each that was measured again."""
    columns = [
        SecondsColumn.of(seconds for point in line.points for seconds in (point.seconds, point.again))
        for line in trajectory.lines
    ]
    for number, release in enumerate(trajectory.releases):
        points = [line.points[number] for line in trajectory.lines]
        bad = bool(release.problem) or any(point.problem or _output_differs(point) for point in points)
        cells = [
            (_format_seconds(point.seconds, column), format_step(point.step), _format_relative(point))
            for point, column in zip(points, columns, strict=True)
        ]
        yield (f"{FAILED_MARK} {release.name}" if bad else release.name, *(text for own in cells for text in own))
        if any(point.again is not None for point in points):
            again = [
                (_format_seconds(point.again, column), "", _format_relative(point))
                for point, column in zip(points, columns, strict=True)
            ]
            yield (f"{release.name} again", *(text for own in again for text in own))


def format_step(step: ReleaseStep | None) -> str:
    """The size of a step with the mark of its verdict; empty where there is none."""
    return "" if step is None else f"{formatting.format_change(step.ratio)} {VERDICT_MARKS[step.verdict]}"


def describe_sweep_parts(run: Run) -> tuple[str, ...]:
    """The parts of an extended sweep, and warnings about what differed between them."""
    parts_line = parts.describe_parts(run)
    warnings = (WARNING_PREFIX + line for line in parts.describe_differences(run))
    return tuple(filter(None, (parts_line, *warnings)))


def _format_seconds(seconds: float | None, column: SecondsColumn) -> str:
    return formatting.MISSING_TEXT if seconds is None else column.format(seconds)


def _format_relative(point: TrajectoryPoint) -> str:
    return formatting.MISSING_TEXT if point.relative is None else f"{point.relative:.3f}"


def _output_differs(point: TrajectoryPoint) -> bool:
    return point.step is not None and point.step.output == OutputMatch.DIFFERENT


def _describe_steps(lines: Sequence[ModeTrajectory]) -> Iterator[str]:
    """Every significant step, the modes together, in order of the releases."""
    real = [
        (number, point.step)
        for line in lines
        for number, point in enumerate(line.points)
        if point.step is not None and point.step.significant
    ]
    for _, step in sorted(real, key=lambda numbered: numbered[0]):
        output = f", output: {step.output}" if step.output not in (OutputMatch.NOT_COMPARED, OutputMatch.SAME) else ""
        yield (
            f"{VERDICT_MARKS[step.verdict]} {step.before} → {step.after} {step.mode}: {formatting.format_change(step.ratio)}"
            f" ({formatting.format_change_interval(step.low, step.high)};"
            f" {step.pairs} {'pairs' if step.paired else 'pairs with the anchor per release'}{output})"
        )


def _describe_problems(trajectory: Trajectory) -> Iterator[str]:
    """What is missing or differs, each once."""
    for number, release in enumerate(trajectory.releases):
        if release.problem:
            yield f"{FAILED_MARK} {release.name}: {release.problem}"
            continue
        for line in trajectory.lines:
            point = line.points[number]
            if point.problem and point.problem not in {earlier.problem for earlier in line.points[:number]}:
                yield f"{FAILED_MARK} {line.mode}, {point.problem}"
            if _output_differs(point) and point.step is not None:
                yield f"{FAILED_MARK} {line.mode}, {point.step.before} → {point.step.after}: the output differs"


def _describe_method(steps: Sequence[ReleaseStep], plan: SamplingPlan) -> Iterator[str]:
    yield (
        f"▲ faster, ▼ slower: false-positive rate at most {SIGNIFICANCE_LEVEL:.0%} "
        f"over all {len(steps)} steps together;"
        f" = within ± 1 %; ? inconclusive; {CONFIDENCE:.0%} intervals"
    )
    if steps and (fewest := min(step.pairs for step in steps)) < (needed := count_pairs_needed(len(steps), plan.looks)):
        yield f"{WARNING_PREFIX}{fewest} pairs are too few to mark a step among {len(steps)}: it takes {needed}"
