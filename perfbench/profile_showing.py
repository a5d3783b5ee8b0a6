"""An examination to the terminal and into files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from perfbench import (
    blame_page,
    examination,
    flame_page,
    memory_page,
    memory_plotting,
    profile_artefacts,
    profile_page,
    profile_session,
    screens,
    wording,
)
from perfbench.curves import Curve
from perfbench.errors import NotMeasured
from perfbench.examination import Blamed, Examination
from perfbench.model import Owner
from perfbench.profiles import Profile
from perfbench.storage import write_atomically


def show(examined: Examination, color: str) -> None:
    """Print everything, warnings first. Raises NotMeasured if there is nothing."""
    if not any(
        (examined.profiles, examined.curves, examined.spikes, examined.allocations, examined.lines, examined.counted)
    ):
        raise _nothing(examined.problems)
    colored = screens.colored(sys.stdout, color)
    blames = examination.blames(examined)
    texts = [
        _doubts([*_unfinished(examined), *examined.problems, *examination.misgivings(examined.profiles)]),
        *_differences(blames),
        *_cases(examined, blames, colored),
        *_counts(examined),
        *_memory(examined, colored),
        profile_page.prose([f"  {_where(examined)}"], _width()),
    ]
    sys.stdout.write("\n".join(filter(None, texts)))


def _nothing(problems: Sequence[str]) -> NotMeasured:
    """The only reason in the error, several of them line by line before it."""
    reasons = tuple(dict.fromkeys(problems))
    if len(reasons) < 2:
        return NotMeasured("; ".join(reasons) or "nothing was profiled")
    sys.stdout.write(_doubts(reasons))
    return NotMeasured('nothing was profiled (see the lines marked "!")')


def show_difference(before: Examination, after: Examination) -> None:
    """Print the functions behind the difference of two saved examinations. Raises NotMeasured."""
    blames, warnings = examination.side_by_side(before, after)
    warnings += examination.misgivings([profile for one in blames for profile in (one.before, one.after)])
    sys.stdout.write("\n".join(filter(None, [_doubts(warnings), *_differences(blames)])))


def _differences(blames: Iterable[Blamed]) -> Iterator[str]:
    for one in blames:
        yield blame_page.page(one.before, one.after, one.blame, _width())


def _counts(examined: Examination) -> Iterator[str]:
    for one, other in examination.comparisons(examined.run):
        before, after = ([c.counts for c in examined.counted if c.case.id == side.case.id] for side in (one, other))
        if before and after:
            name = f"{profile_page.title(one.case)} → {other.case.environment}"
            yield blame_page.instructions(name, before, after, one.unit, _width())


def _cases(examined: Examination, blames: Iterable[Blamed], colored: bool) -> Iterator[str]:
    """Case by case its profile and its slow updates, without the profiles that a difference is made of."""
    compared = {profile.case for blamed in blames for profile in (blamed.before, blamed.after)}
    profiles = {found.case: found for found in examined.profiles if found.case not in compared}
    slow = {spikes.case: spikes for spikes in examined.spikes}
    for case in dict.fromkeys((*profiles, *slow)):
        if case in profiles:
            yield from _profile(examined, profiles[case], colored)
        if case in slow:
            yield profile_page.spikes(slow[case], _width())
        elif case.data and examined.run.finished and not examination.comparisons(examined.run):
            yield profile_page.prose(
                ["  slow updates: unknown, this mode does not report each update of the file"], _width()
            )


def _profile(examined: Examination, found: Profile, colored: bool) -> Iterator[str]:
    owners = _owners(examined, found)
    yield profile_page.profile(found, owners, _width())
    if tree := profile_session.tree(found, width=_width(), color=colored, threshold=0.02):
        yield f"  calls, from 2 % of a pass on\n\n{tree}"
    yield from filter(None, [profile_page.callbacks(found, owners, _width())])


def _owners(examined: Examination, found: Profile) -> tuple[Owner, ...]:
    return next((s.owners for s in examined.run.scenarios if s.name == found.case.scenario), ())


def _memory(examined: Examination, colored: bool) -> Iterator[str]:
    for curves in _by_data(examined):
        yield memory_page.curve_table(curves, _width())
        yield memory_plotting.terminal(curves, _width(), color=colored)
    for allocations in examined.allocations:
        yield memory_page.allocation_tables(allocations, _width())
    for lines in examined.lines:
        yield memory_page.lines_page(lines, _width())


def _by_data(examined: Examination) -> Iterator[tuple[Curve, ...]]:
    """The curves of one market together: modes and environments side by side."""
    for data in dict.fromkeys(curve.case.data for curve in examined.curves):
        yield tuple(curve for curve in examined.curves if curve.case.data == data)


def _unfinished(examined: Examination) -> Iterator[str]:
    if not examined.run.finished:
        yield "this profile was not finished: here is what was profiled until then"


def _doubts(lines: Iterable[str]) -> str:
    return profile_page.prose([f"! {line}" for line in dict.fromkeys(lines)], _width())


def _where(examined: Examination) -> str:
    run = examined.run
    pythons = dict.fromkeys(f"CPython {profile.python}" for profile in examined.profiles)
    packages = dict.fromkeys(
        f"{package.name} {package.version}"
        for profile in examined.profiles
        for package in profile.packages
        if package.name in wording.SHOWN_PACKAGES
    )
    parts = [", ".join(packages), " → ".join(pythons) or run.machine.python, wording.processor(run.machine)]
    return " · ".join(filter(None, [*parts, run.machine.system, f"load {run.machine.load:.2f}"]))


def write(examined: Examination, folder: Path) -> tuple[Path, ...]:
    """Write what other programs read into the folder, and pictures of the memory. Raises StorageProblem.

    Of each case the files of its profile, of two sides a differential flame graph, of memory one picture for each market.
    """
    stems = examination.stems(examined)
    written: list[Path] = []
    for found in examined.profiles:
        written += profile_artefacts.write(found, folder, stems[found.case.id])
    for one in examination.blames(examined):
        if one.before.has_stacks and one.after.has_stacks:
            path = folder / f"{stems[one.after.case.id].removesuffix('-after')}-difference.html"
            changes = {row.key: row.change for row in one.blame.rows}
            write_atomically(path, flame_page.render(one.before, one.after, changes).encode())
            written.append(path)
    several = len({curve.case.data for curve in examined.curves}) > 1
    for curves in _by_data(examined):
        for suffix in (".png", ".svg"):
            path = folder / (f"memory-{curves[0].case.data}{suffix}" if several else f"memory{suffix}")
            memory_plotting.write_plot(curves, path, _where(examined))
            written.append(path)
    return tuple(written)


def _width() -> int:
    return screens.width(sys.stdout)
