"""Output of a profile: terminal and files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from perfbench.cli import console, page_output, terminal_plots
from perfbench.cli.exports import Export
from perfbench.cli.output import choose_stream
from perfbench.errors import NotMeasured
from perfbench.model import Owner, describe_processor
from perfbench.profiling import compare, trust_warnings
from perfbench.profiling.compare import ProfileDiff
from perfbench.profiling.document import ProfileDocument, build_file_stems, pair_measurements
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.model import Profile
from perfbench.report import text
from perfbench.report.page.profile_page import build_diff_page, build_profile_page
from perfbench.report.page.render import render_page
from perfbench.report.profiles import cpu, diff, files, flamegraph, memory, pyinstrument_session, slow_updates
from perfbench.util.extras import has_extra
from perfbench.util.files import write_atomically


def show_document(document: ProfileDocument, color: str, exports: Sequence[Export] = ()) -> None:
    """Print everything, warnings first, and write the page. Raises NotMeasured if there is nothing.

    The text goes to standard error if the page goes to standard output.
    """
    if not any(
        (document.profiles, document.curves, document.spikes, document.allocations, document.lines, document.counted)
    ):
        raise _nothing(document.problems)
    stream = choose_stream(exports)
    colored = console.wants_color(stream, color)
    diffs = compare.diff_sides(document)
    texts = [
        _format_warnings(
            [
                *_describe_unfinished(document),
                *document.problems,
                *trust_warnings.find_profile_warnings(document.profiles),
            ]
        ),
        *_render_diffs(diffs),
        *_render_cases(document, diffs, colored),
        *_render_counts(document),
        *_render_memory(document, colored),
        cpu.wrap_lines([f"  {_describe_machine(document)}"], _choose_width()),
    ]
    stream.write("\n".join(filter(None, texts)))
    page_output.write_page_exports(exports, lambda: render_page(build_profile_page(document)))


def _nothing(problems: Sequence[str]) -> NotMeasured:
    """The error with its only reason; several reasons are printed line by line before it."""
    reasons = tuple(dict.fromkeys(problems))
    if len(reasons) < 2:
        return NotMeasured("; ".join(reasons) or "nothing was profiled")
    sys.stdout.write(_format_warnings(reasons))
    return NotMeasured('nothing was profiled (see the lines marked "!")')


def show_diff(before: ProfileDocument, after: ProfileDocument, exports: Sequence[Export] = ()) -> None:
    """Print the functions behind the difference of two saved profiles, and write the page. Raises NotMeasured."""
    diffs, warnings = compare.diff_documents(before, after)
    warnings += trust_warnings.find_profile_warnings(
        [profile for pair in diffs for profile in (pair.before, pair.after)]
    )
    choose_stream(exports).write("\n".join(filter(None, [_format_warnings(warnings), *_render_diffs(diffs)])))
    page_output.write_page_exports(exports, lambda: render_page(build_diff_page(before, after)))


def _render_diffs(diffs: Iterable[ProfileDiff]) -> Iterator[str]:
    for pair in diffs:
        yield diff.render_profile_diff(pair.before, pair.after, pair.breakdown, _choose_width())


def _render_counts(document: ProfileDocument) -> Iterator[str]:
    for first, second in pair_measurements(document.run):
        before, after = ([c.counts for c in document.counted if c.case.id == side.case.id] for side in (first, second))
        if before and after:
            name = f"{cpu.format_title(first.case)} → {second.case.environment}"
            yield diff.render_instruction_diff(name, before, after, first.unit, _choose_width())


def _render_cases(document: ProfileDocument, diffs: Iterable[ProfileDiff], colored: bool) -> Iterator[str]:
    """The profile and the slow updates of each case; the profiles of a diff are left out."""
    compared = {profile.case for pair in diffs for profile in (pair.before, pair.after)}
    profiles = {profile.case: profile for profile in document.profiles if profile.case not in compared}
    slow = {updates.case: updates for updates in document.spikes}
    for case in dict.fromkeys((*profiles, *slow)):
        if case in profiles:
            yield from _render_profile(document, profiles[case], colored)
        if case in slow:
            yield slow_updates.render_slow_updates(slow[case], _choose_width())
        elif case.data and document.run.finished and not pair_measurements(document.run):
            yield cpu.wrap_lines(
                ["  slow updates: unknown, this mode does not report each update of the file"], _choose_width()
            )


def _render_profile(document: ProfileDocument, profile: Profile, colored: bool) -> Iterator[str]:
    owners = _find_owners(document, profile)
    yield cpu.render_profile(profile, owners, _choose_width())
    if tree := pyinstrument_session.render_tree(profile, width=_choose_width(), color=colored, threshold=0.02):
        yield f"  call tree, frames of at least 2 % of a pass\n\n{tree}"
    yield from filter(None, [cpu.render_callbacks(profile, owners, _choose_width())])


def _find_owners(document: ProfileDocument, profile: Profile) -> tuple[Owner, ...]:
    return next((s.owners for s in document.run.scenarios if s.name == profile.case.scenario), ())


def _render_memory(document: ProfileDocument, colored: bool) -> Iterator[str]:
    for curves in _group_by_data(document):
        yield memory.render_curves(curves, _choose_width())
        yield terminal_plots.plot_memory(curves, _choose_width(), color=colored)
    for allocations in document.allocations:
        yield memory.render_allocations(allocations, _choose_width())
    for lines in document.lines:
        yield memory.render_line_profile(lines, _choose_width())


def _group_by_data(document: ProfileDocument) -> Iterator[tuple[MemoryCurve, ...]]:
    """The curves of one market together: modes and environments side by side."""
    for data in dict.fromkeys(curve.case.data for curve in document.curves):
        yield tuple(curve for curve in document.curves if curve.case.data == data)


def _describe_unfinished(document: ProfileDocument) -> Iterator[str]:
    if not document.run.finished:
        yield "incomplete profile: only the steps that were finished are shown"


def _format_warnings(lines: Iterable[str]) -> str:
    return cpu.wrap_lines([f"! {line}" for line in dict.fromkeys(lines)], _choose_width())


def _describe_machine(document: ProfileDocument) -> str:
    run = document.run
    pythons = dict.fromkeys(f"CPython {profile.python}" for profile in document.profiles)
    packages = dict.fromkeys(
        f"{package.name} {package.version}"
        for profile in document.profiles
        for package in profile.packages
        if package.name in text.NAMED_PACKAGES
    )
    parts = [", ".join(packages), " → ".join(pythons) or run.machine.python, describe_processor(run.machine)]
    return " · ".join(filter(None, [*parts, run.machine.system, f"load {run.machine.load:.2f}"]))


def write_files(document: ProfileDocument, folder: Path) -> tuple[Path, ...]:
    """Write the files of a profile for other programs, and its memory plots. Raises StorageProblem.

    For each case the files of its profile, for two sides a differential flame graph, for memory one plot for each market (with the
    extra ``plots``).
    """
    stems = build_file_stems(document)
    written: list[Path] = []
    for profile in document.profiles:
        written += files.write_profile_files(profile, folder, stems[profile.case.id])
    for pair in compare.diff_sides(document):
        if pair.before.has_stacks and pair.after.has_stacks:
            path = folder / f"{stems[pair.after.case.id].removesuffix('-after')}-difference.html"
            changes = {row.key: row.change for row in pair.breakdown.rows}
            write_atomically(path, flamegraph.render(pair.before, pair.after, changes).encode())
            written.append(path)
    return (*written, *_write_memory_plots(document, folder))


def _write_memory_plots(document: ProfileDocument, folder: Path) -> Iterator[Path]:
    """A picture of the memory of each market, in two formats; none without the extra. Raises StorageProblem."""
    if not has_extra("plots"):
        return
    from perfbench.report.plots import memory as memory_plots  # noqa: PLC0415 - an extra

    several = len({curve.case.data for curve in document.curves}) > 1
    for curves in _group_by_data(document):
        for suffix in (".png", ".svg"):
            path = folder / (f"memory-{curves[0].case.data}{suffix}" if several else f"memory{suffix}")
            memory_plots.write_memory_plot(curves, path, _describe_machine(document))
            yield path


def _choose_width() -> int:
    return console.detect_width(sys.stdout)
