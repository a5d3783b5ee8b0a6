"""The page of a profile: the functions behind a difference, flame graphs, memory, slow updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from perfbench.errors import NotMeasured
from perfbench.model import Owner
from perfbench.profiling import compare, trust_warnings
from perfbench.profiling.compare import ProfileDiff
from perfbench.profiling.document import PROFILES, ProfileDocument, pair_measurements
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.model import Profile
from perfbench.report.page import flame_chart, memory_chart
from perfbench.report.page.blocks import (
    Block,
    Code,
    Command,
    Commands,
    Fold,
    Line,
    Page,
    Section,
    build_column_table,
    build_lines,
)
from perfbench.report.page.commands import format_page_name, format_profile_command, quote
from perfbench.report.page.environment_diff import build_environment_section
from perfbench.report.page.run_page import SAMPLES_TEXT, describe_run
from perfbench.report.profiles import cpu, diff, memory, slow_updates
from perfbench.results.page_document import PageDocument
from perfbench.util import formatting

DEFAULT_PROFILER = "pyinstrument"


def build_profile_page(document: ProfileDocument) -> Page:
    """The page of a saved profile. Raises NotMeasured where nothing was profiled."""
    if not any(
        (document.profiles, document.curves, document.spikes, document.allocations, document.lines, document.counted)
    ):
        raise NotMeasured("; ".join(dict.fromkeys(document.problems)) or "nothing was profiled")
    diffs = compare.diff_sides(document)
    warnings = (
        *(() if document.run.finished else ("incomplete profile: only the steps that were finished are shown",)),
        *document.problems,
        *trust_warnings.find_profile_warnings(document.profiles),
    )
    return Page(
        title=_build_title(document),
        window=document.run.id,
        sentence=_build_sentence(document, diffs),
        warnings=tuple(Line(warning, "inconclusive") for warning in dict.fromkeys(warnings)),
        about=describe_run(document.run),
        sections=(*_build_sections(document, diffs), *_build_last_sections(document)),
        documents=(embed_profile(document),),
    )


def build_diff_page(before: ProfileDocument, after: ProfileDocument) -> Page:
    """The page of the difference of two saved profiles. Raises NotMeasured where they share nothing."""
    diffs, lines = compare.diff_documents(before, after)
    warnings = (
        *lines,
        *trust_warnings.find_profile_warnings([profile for pair in diffs for profile in (pair.before, pair.after)]),
    )
    command = Command(
        "Compare the profiles again", f"perfbench profile --diff {quote(before.run.id)} {quote(after.run.id)}"
    )
    return Page(
        title=f"{before.run.id} → {after.run.id}",
        sentence=_describe_diffs(diffs),
        warnings=tuple(Line(warning, "inconclusive") for warning in dict.fromkeys(warnings)),
        about=describe_run(after.run),
        sections=(
            *(section for number, pair in enumerate(diffs, 1) for section in _build_diff_sections(pair, number)),
            build_environment_section(after.run),
            Section("commands", "Reproduce it", (Commands((command,)),), SAMPLES_TEXT),
        ),
        documents=(embed_profile(before), embed_profile(after)),
    )


def embed_profile(document: ProfileDocument) -> PageDocument:
    """A profile as it is embedded in a page: the saved document."""
    return PageDocument(PROFILES.kind, document.run.id, msgspec.json.encode(document))


def _build_title(document: ProfileDocument) -> str:
    run = document.run
    group = run.settings.environments[0] if run.settings.environments else ()
    modes = dict.fromkeys(f"{case.scenario} {case.mode}" for case in (m.case for m in run.measurements))
    return " · ".join(filter(None, (", ".join(modes), " → ".join(group) if len(group) > 1 else "")))


def _build_sentence(document: ProfileDocument, diffs: Sequence[ProfileDiff]) -> Line:
    if diffs:
        return _describe_diffs(diffs)
    if document.profiles:
        profile = document.profiles[0]
        line = cpu.describe_profile(profile)[0]
        more = len(document.profiles) - 1
        others = f"; {formatting.format_plural(more, 'more profile')} below" if more else ""
        return Line(f"{cpu.format_title(profile.case)}: {line}{others}.")
    kinds = [
        formatting.format_plural(len(values), name)
        for values, name in ((document.curves, "memory curve"), (document.allocations, "profile of allocations"))
        if values
    ]
    return Line(", ".join(kinds) or "a profile")


def _describe_diffs(diffs: Sequence[ProfileDiff]) -> Line:
    """What made the first difference: its largest function."""
    pair = diffs[0]
    text = diff.describe_difference(pair.breakdown)
    if pair.breakdown.rows:
        row = pair.breakdown.rows[0]
        text += f". The largest part is {row.key}: {diff.format_signed_seconds(row.change)}"
    return Line(f"{text}.", "improved" if pair.breakdown.difference.seconds < 0 else "regressed")


def _build_sections(document: ProfileDocument, diffs: Sequence[ProfileDiff]) -> Iterator[Section]:
    for number, pair in enumerate(diffs, 1):
        yield from _build_diff_sections(pair, number)
    yield from _build_count_sections(document)
    compared = {profile.case for pair in diffs for profile in (pair.before, pair.after)}
    for number, profile in enumerate((p for p in document.profiles if p.case not in compared), 1):
        yield _build_profile_section(document, profile, number)
    for number, slow in enumerate(document.spikes, 1):
        tables = tuple(build_column_table(table) for table in slow_updates.build_slow_tables(slow))
        lead = " · ".join(slow_updates.describe_slow_updates(slow))
        yield Section(f"slow-{number}", f"Slow updates of {slow.case.mode}", tables, lead)
    yield from _build_memory_sections(document)


def _build_diff_sections(pair: ProfileDiff, number: int) -> Iterator[Section]:
    """The functions behind a difference, and its flame graphs."""
    case = pair.before.case
    heading = " · ".join(filter(None, (f"What made the difference: {case.scenario} {case.mode}", case.data)))
    lines = build_lines(
        [diff.describe_difference(pair.breakdown), diff.describe_method(pair.before, pair.after, pair.breakdown)]
    )
    if pair.breakdown.rows:
        table = build_column_table(diff.build_diff_table(pair.after, pair.breakdown), "Functions behind the difference")
        yield Section(
            f"difference-{number}", heading, (lines, table), "The rows add up to the measured difference of a pass."
        )
    else:
        yield Section(f"difference-{number}", heading, (lines, build_lines([diff.NOTHING_TEXT])))
    if pair.before.has_stacks and pair.after.has_stacks:
        figures = flame_chart.draw_difference(pair.before, pair.after)
        blocks: list[Block] = list(figures[:1])
        blocks += [Fold("laid out by the seconds before", (figure,)) for figure in figures[1:]]
        if blocks:
            yield Section(f"flame-{number}", "Differential flame graph", tuple(blocks))


def _build_count_sections(document: ProfileDocument) -> Iterator[Section]:
    for number, (first, second) in enumerate(pair_measurements(document.run), 1):
        before, after = ([c.counts for c in document.counted if c.case.id == side.case.id] for side in (first, second))
        if before and after:
            table = diff.build_instruction_table(before, after, first.unit)
            blocks: tuple[Block, ...] = (
                (build_column_table(table, "Instructions by function"),)
                if table is not None
                else (build_lines(["no function executes more or less"]),)
            )
            lead = diff.describe_instruction_diff(before, after, first.unit)
            yield Section(f"instructions-{number}", f"Instructions of {cpu.format_title(first.case)}", blocks, lead)


def _build_profile_section(document: ProfileDocument, profile: Profile, number: int) -> Section:
    owners = _find_owners(document, profile)
    blocks: list[Block] = [build_lines(list(cpu.describe_profile(profile)))]
    if owners:
        blocks.append(build_column_table(cpu.build_owner_table(profile, owners)))
    flame = flame_chart.draw_profile(profile) if profile.has_stacks else None
    blocks += [flame] if flame is not None else []
    blocks += [build_column_table(table) for table in cpu.build_function_tables(profile)]
    callbacks = cpu.build_callback_table(profile, owners)
    blocks += [build_column_table(callbacks)] if callbacks is not None else []
    return Section(
        f"profile-{number}", cpu.format_title(profile.case), tuple(blocks), "Where the CPU time of a pass goes."
    )


def _build_memory_sections(document: ProfileDocument) -> Iterator[Section]:
    for number, curves in enumerate(_group_by_data(document), 1):
        blocks = (memory_chart.draw_memory(curves), build_column_table(memory.build_curve_table(curves)))
        yield Section(f"memory-{number}", f"Memory · {curves[0].case.data}".removesuffix(" · "), blocks, memory.CAPTION)
    for number, summary in enumerate(document.allocations, 1):
        tables = tuple(build_column_table(table) for table in memory.build_allocation_tables(summary))
        notes = memory.list_allocation_notes(summary)
        more: tuple[Block, ...] = (build_lines(notes),) if notes else ()
        yield Section(f"allocations-{number}", "Allocations", (*tables, *more), memory.describe_allocations(summary))
    for number, lines in enumerate(document.lines, 1):
        about, warning = memory.describe_line_profile(lines)
        code = Code(tuple(lines.text.rstrip().splitlines()))
        yield Section(f"lines-{number}", "Memory line by line", (code, build_lines([warning])), about)


def _build_last_sections(document: ProfileDocument) -> Iterator[Section]:
    run = document.run
    profilers = {profile.profiler for profile in document.profiles} - {DEFAULT_PROFILER}
    profiler = profilers.pop() if len(profilers) == 1 else ""
    yield build_environment_section(run)
    page = format_page_name(run.id)
    commands = (
        Command("Profile it again", format_profile_command(run, profiler)),
        Command("Show it in the terminal; the profile is inside this page", f"perfbench profile --show {page}"),
    )
    yield Section("commands", "Reproduce it and go on", (Commands(commands, page),), SAMPLES_TEXT)


def _group_by_data(document: ProfileDocument) -> Iterator[tuple[MemoryCurve, ...]]:
    """The curves of one market together: modes and environments side by side."""
    for data in dict.fromkeys(curve.case.data for curve in document.curves):
        yield tuple(curve for curve in document.curves if curve.case.data == data)


def _find_owners(document: ProfileDocument, profile: Profile) -> tuple[Owner, ...]:
    return next((s.owners for s in document.run.scenarios if s.name == profile.case.scenario), ())
