"""An examination to the terminal and into files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from perfbench.cli import console
from perfbench.errors import NotMeasured
from perfbench.model import Owner, describe_processor
from perfbench.profiling import compare, document, trust_warnings
from perfbench.profiling.compare import ProfileDiff
from perfbench.profiling.document import ProfileDocument
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.model import Profile
from perfbench.report import text
from perfbench.report.plots.memory import plot_in_terminal, write_memory_plot
from perfbench.report.profiles import cpu, diff, files, flamegraph, memory, pyinstrument_session
from perfbench.util.files import write_atomically


def show_document(examined: ProfileDocument, color: str) -> None:
    """Print everything, warnings first. Raises NotMeasured if there is nothing."""
    if not any(
        (examined.profiles, examined.curves, examined.spikes, examined.allocations, examined.lines, examined.counted)
    ):
        raise _nothing(examined.problems)
    colored = console.wants_color(sys.stdout, color)
    blames = compare.diff_sides(examined)
    texts = [
        _format_warnings(
            [
                *_describe_unfinished(examined),
                *examined.problems,
                *trust_warnings.find_profile_warnings(examined.profiles),
            ]
        ),
        *_render_diffs(blames),
        *_render_cases(examined, blames, colored),
        *_render_counts(examined),
        *_render_memory(examined, colored),
        cpu.wrap_lines([f"  {_describe_machine(examined)}"], _choose_width()),
    ]
    sys.stdout.write("\n".join(filter(None, texts)))


def _nothing(problems: Sequence[str]) -> NotMeasured:
    """The only reason in the error, several of them line by line before it."""
    reasons = tuple(dict.fromkeys(problems))
    if len(reasons) < 2:
        return NotMeasured("; ".join(reasons) or "nothing was profiled")
    sys.stdout.write(_format_warnings(reasons))
    return NotMeasured('nothing was profiled (see the lines marked "!")')


def show_diff(before: ProfileDocument, after: ProfileDocument) -> None:
    """Print the functions behind the difference of two saved examinations. Raises NotMeasured."""
    blames, warnings = compare.diff_documents(before, after)
    warnings += trust_warnings.find_profile_warnings([profile for one in blames for profile in (one.before, one.after)])
    sys.stdout.write("\n".join(filter(None, [_format_warnings(warnings), *_render_diffs(blames)])))


def _render_diffs(blames: Iterable[ProfileDiff]) -> Iterator[str]:
    for one in blames:
        yield diff.render_profile_diff(one.before, one.after, one.blame, _choose_width())


def _render_counts(examined: ProfileDocument) -> Iterator[str]:
    for one, other in document.pair_measurements(examined.run):
        before, after = ([c.counts for c in examined.counted if c.case.id == side.case.id] for side in (one, other))
        if before and after:
            name = f"{cpu.format_title(one.case)} → {other.case.environment}"
            yield diff.render_instruction_diff(name, before, after, one.unit, _choose_width())


def _render_cases(examined: ProfileDocument, blames: Iterable[ProfileDiff], colored: bool) -> Iterator[str]:
    """Case by case its profile and its slow updates, without the profiles that a difference is made of."""
    compared = {profile.case for blamed in blames for profile in (blamed.before, blamed.after)}
    profiles = {found.case: found for found in examined.profiles if found.case not in compared}
    slow = {spikes.case: spikes for spikes in examined.spikes}
    for case in dict.fromkeys((*profiles, *slow)):
        if case in profiles:
            yield from _render_profile(examined, profiles[case], colored)
        if case in slow:
            yield cpu.render_slow_updates(slow[case], _choose_width())
        elif case.data and examined.run.finished and not document.pair_measurements(examined.run):
            yield cpu.wrap_lines(
                ["  slow updates: unknown, this mode does not report each update of the file"], _choose_width()
            )


def _render_profile(examined: ProfileDocument, found: Profile, colored: bool) -> Iterator[str]:
    owners = _find_owners(examined, found)
    yield cpu.render_profile(found, owners, _choose_width())
    if tree := pyinstrument_session.render_tree(found, width=_choose_width(), color=colored, threshold=0.02):
        yield f"  calls, from 2 % of a pass on\n\n{tree}"
    yield from filter(None, [cpu.render_callbacks(found, owners, _choose_width())])


def _find_owners(examined: ProfileDocument, found: Profile) -> tuple[Owner, ...]:
    return next((s.owners for s in examined.run.scenarios if s.name == found.case.scenario), ())


def _render_memory(examined: ProfileDocument, colored: bool) -> Iterator[str]:
    for curves in _group_by_data(examined):
        yield memory.render_curves(curves, _choose_width())
        yield plot_in_terminal(curves, _choose_width(), color=colored)
    for allocations in examined.allocations:
        yield memory.render_allocations(allocations, _choose_width())
    for lines in examined.lines:
        yield memory.render_line_profile(lines, _choose_width())


def _group_by_data(examined: ProfileDocument) -> Iterator[tuple[MemoryCurve, ...]]:
    """The curves of one market together: modes and environments side by side."""
    for data in dict.fromkeys(curve.case.data for curve in examined.curves):
        yield tuple(curve for curve in examined.curves if curve.case.data == data)


def _describe_unfinished(examined: ProfileDocument) -> Iterator[str]:
    if not examined.run.finished:
        yield "this profile was not finished: here is what was profiled until then"


def _format_warnings(lines: Iterable[str]) -> str:
    return cpu.wrap_lines([f"! {line}" for line in dict.fromkeys(lines)], _choose_width())


def _describe_machine(examined: ProfileDocument) -> str:
    run = examined.run
    pythons = dict.fromkeys(f"CPython {profile.python}" for profile in examined.profiles)
    packages = dict.fromkeys(
        f"{package.name} {package.version}"
        for profile in examined.profiles
        for package in profile.packages
        if package.name in text.NAMED_PACKAGES
    )
    parts = [", ".join(packages), " → ".join(pythons) or run.machine.python, describe_processor(run.machine)]
    return " · ".join(filter(None, [*parts, run.machine.system, f"load {run.machine.load:.2f}"]))


def write_files(examined: ProfileDocument, folder: Path) -> tuple[Path, ...]:
    """Write what other programs read into the folder, and pictures of the memory. Raises StorageProblem.

    Of each case the files of its profile, of two sides a differential flame graph, of memory one picture for each market.
    """
    stems = document.build_file_stems(examined)
    written: list[Path] = []
    for found in examined.profiles:
        written += files.write_profile_files(found, folder, stems[found.case.id])
    for one in compare.diff_sides(examined):
        if one.before.has_stacks and one.after.has_stacks:
            path = folder / f"{stems[one.after.case.id].removesuffix('-after')}-difference.html"
            changes = {row.key: row.change for row in one.blame.rows}
            write_atomically(path, flamegraph.render(one.before, one.after, changes).encode())
            written.append(path)
    several = len({curve.case.data for curve in examined.curves}) > 1
    for curves in _group_by_data(examined):
        for suffix in (".png", ".svg"):
            path = folder / (f"memory-{curves[0].case.data}{suffix}" if several else f"memory{suffix}")
            write_memory_plot(curves, path, _describe_machine(examined))
            written.append(path)
    return tuple(written)


def _choose_width() -> int:
    return console.detect_width(sys.stdout)
