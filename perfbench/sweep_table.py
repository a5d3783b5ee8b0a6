"""The course of a sweep as texts: a row for each release, and below it every step that is real. No format knows another's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench import formatting
from perfbench.course import Course, Line, Stop
from perfbench.formatting import printable
from perfbench.layout import FAILED, MARKS, Cells
from perfbench.stepping import CONFIDENCE, LEVEL, Plan, Step, pairs_needed


def cells(course: Course, plan: Plan, title: str, metric: str, about: str) -> Cells:
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
        bad = bool(release.problem) or any(stop.problem or _differs(stop) for stop in stops)
        texts = [text for stop in stops for text in (_seconds(stop), step_text(stop.step), _relative(stop))]
        rows.append((f"{FAILED} {release.name}" if bad else release.name, *texts))
    return Cells(
        title=printable(title),
        heads=tuple(map(printable, heads)),
        rows=tuple(tuple(map(printable, row)) for row in rows),
        below=tuple(map(printable, (*_steps(course.lines), *_problems(course), *_method(course, plan), about))),
        compared=False,
    )


def step_text(step: Step | None) -> str:
    """The size of a step with the mark of its verdict; empty where there is none."""
    return "" if step is None else f"{formatting.change(step.ratio)} {MARKS[step.verdict]}"


def _seconds(stop: Stop) -> str:
    return formatting.MISSING if stop.seconds is None else formatting.seconds(stop.seconds)


def _relative(stop: Stop) -> str:
    return formatting.MISSING if stop.relative is None else f"{stop.relative:.3f}"


def _differs(stop: Stop) -> bool:
    return stop.step is not None and stop.step.output == "no"


def _steps(lines: Sequence[Line]) -> Iterator[str]:
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
            f"{MARKS[step.verdict]} {step.before} → {step.after} {step.mode}: {formatting.change(step.ratio)}"
            f" ({formatting.changes(step.low, step.high)};"
            f" {step.pairs} {'pairs' if step.paired else 'pairs each with the anchor'}{output})"
        )


def _problems(course: Course) -> Iterator[str]:
    """What is missing or differs, each said once."""
    for number, release in enumerate(course.releases):
        if release.problem:
            yield f"{FAILED} {release.name}: {release.problem}"
            continue
        for line in course.lines:
            stop = line.stops[number]
            if stop.problem and stop.problem not in {earlier.problem for earlier in line.stops[:number]}:
                yield f"{FAILED} {line.mode}, {stop.problem}"
            if _differs(stop) and stop.step is not None:
                yield f"{FAILED} {line.mode}, {stop.step.before} → {stop.step.after}: the output is not the same"


def _method(course: Course, plan: Plan) -> Iterator[str]:
    steps = course.steps
    yield (
        f"▲ faster, ▼ slower: the chance of any such mark without a change is at most {LEVEL:.0%} over all {len(steps)} steps;"
        f" = within ± 1 %; ? not told; intervals of {CONFIDENCE:.0%}"
    )
    if steps and (fewest := min(step.pairs for step in steps)) < (needed := pairs_needed(len(steps), plan.looks)):
        yield f"doubtful: {fewest} pairs are too few for a step to be marked among {len(steps)}: it takes {needed}"
