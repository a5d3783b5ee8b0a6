"""Text table of the geometric means over several market files: a line for each row of their tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.environments import labels
from perfbench.report.model import MeanRatio, Report
from perfbench.report.tables.comparison import VERDICT_MARKS
from perfbench.report.text_table import TextTable
from perfbench.stats.geometric_mean import RatioInterval
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

METHOD_NOTE = "every file has the same weight; the interval combines those of the tables and covers these files only"
UNPAIRED_NOTE = (
    "every file has the same weight; no interval, because what changed between the two runs is in every file"
)
INTERVAL_RANK = 1


def build_mean_tables(report: Report) -> list[TextTable]:
    """The tables of all groups of means."""
    return [build_mean_table(means, report) for means in group_means(report)]


def group_means(report: Report) -> list[list[MeanRatio]]:
    """The means of each scenario, set of parameters and group of environments that was measured on several files."""
    grouped: dict[tuple[object, ...], list[MeanRatio]] = {}
    for mean in report.means:
        grouped.setdefault((mean.scenario, mean.parameters, mean.sides, mean.environment), []).append(mean)
    return list(grouped.values())


def build_mean_table(means: Sequence[MeanRatio], report: Report) -> TextTable:
    """The table of one group, a row for each mean."""
    slower = all(mean.mean.ratio > 1 for mean in means)
    heads = ("mode", "slower" if slower else "faster", "95 % interval")
    rows = [(mean.mode, _format_factor(mean, slower), _format_interval(mean.mean, slower)) for mean in means]
    return TextTable(
        title=make_printable(_build_title(means, report)),
        heads=tuple(map(make_printable, heads)),
        rows=tuple(tuple(map(make_printable, row)) for row in rows),
        below=tuple(map(make_printable, _list_notes(means, paired=report.run.paired))),
        compared=False,
        ranks=(0, 0, INTERVAL_RANK),
    )


def _describe_sides(mean: MeanRatio) -> str:
    """The environments that are compared, as in the tables of the files; empty where modes are."""
    if not mean.sides:
        return ""
    common, names = labels.split_side_names(mean.sides)
    sides = f"{names[0]} → {names[1]}" if len(names) == 2 else f"{names[0]} → …"
    return f"{common} {sides}".strip()


def _build_title(means: Sequence[MeanRatio], report: Report) -> str:
    files = dict.fromkeys(name for mean in means for name in (*mean.data, *mean.left_out))
    several = len(report.run.settings.environments) > 1 and not means[0].sides
    parts = (
        means[0].scenario,
        means[0].environment if several else _describe_sides(means[0]),
        f"geometric mean of {len(files)} files",
        *(f"{name} {value}" for name, value in means[0].parameters),
    )
    return " · ".join(part for part in parts if part)


def _format_factor(mean: MeanRatio, slower: bool) -> str:
    ratio, low, high = _orient(mean.mean, slower)
    return f"{formatting.format_factor(ratio, low, high)} {VERDICT_MARKS[mean.verdict]}"


def _format_interval(mean: RatioInterval, slower: bool) -> str:
    _, low, high = _orient(mean, slower)
    return formatting.format_interval(low, high) if mean.is_bounded else ""


def _orient(mean: RatioInterval, slower: bool) -> tuple[float, float, float]:
    """Ratio and interval as the table shows them: above 1 is slower, or faster."""
    if slower or not mean.is_bounded:
        return (mean.ratio if slower else 1 / mean.ratio), mean.low, mean.high
    return 1 / mean.ratio, 1 / mean.high, 1 / mean.low


def _list_notes(means: Sequence[MeanRatio], *, paired: bool) -> Iterator[str]:
    for mean in means:
        if mean.left_out:
            yield f"{mean.mode}: without {', '.join(mean.left_out)}, which has no ratio to take the mean of"
    yield METHOD_NOTE if paired else UNPAIRED_NOTE
    if paired and not all(mean.mean.is_bounded for mean in means):
        yield "no interval where a file has too few pairs for one"
