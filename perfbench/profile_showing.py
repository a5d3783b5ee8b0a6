"""An examination to the terminal and into files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
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

WIDEST = 180
UNBOUND = 190
"""Columns where there is no terminal: keys of functions are long, and a cut one is none."""


def show(examined: Examination, color: str) -> None:
    """Print everything, reasons to doubt it first. Raises NotMeasured if there is nothing."""
    if not (examined.profiles or examined.curves):
        raise NotMeasured("; ".join(examined.problems) or "nothing was profiled")
    colored = screens.colored(sys.stdout, color)
    blames = examination.blames(examined)
    texts = [
        _doubts([*_unfinished(examined), *examined.problems, *examination.misgivings(examined.profiles)]),
        *(_differences(blames) if compares(examined) else _profiles(examined, colored)),
        *_counts(examined),
        *_memory(examined, colored),
        f"  {_where(examined)}\n",
    ]
    sys.stdout.write("\n".join(filter(None, texts)))


def show_difference(before: Examination, after: Examination) -> None:
    """Print what made the difference of two saved examinations. Raises NotMeasured."""
    blames = examination.side_by_side(before, after)
    doubts = examination.misgivings([profile for one in blames for profile in (one.before, one.after)])
    sys.stdout.write("\n".join(filter(None, [_doubts(doubts), *_differences(blames)])))


def compares(examined: Examination) -> bool:
    """Whether it has two sides."""
    return len(examined.run.settings.environments[0]) > 1


def _differences(blames: Iterable[Blamed]) -> Iterator[str]:
    for one in blames:
        yield blame_page.page(one.before, one.after, one.blame, _width())


def _counts(examined: Examination) -> Iterator[str]:
    cases = {measurement.case.id: measurement for measurement in examined.run.measurements}
    for one, other in examined.run.duets if compares(examined) else ():
        before, after = ([c.counts for c in examined.counted if c.case.id == case] for case in (one, other))
        if before and after:
            name = f"{profile_page.title(cases[one].case)} → {cases[other].case.environment}"
            yield blame_page.instructions(name, before, after, cases[one].unit, _width())


def _profiles(examined: Examination, colored: bool) -> Iterator[str]:
    for found in examined.profiles:
        owners = _owners(examined, found)
        yield profile_page.profile(found, owners, _width())
        if tree := profile_session.tree(found, width=_width(), color=colored, threshold=0.02):
            yield f"  calls, from 2 % of a pass on\n\n{tree}"
        yield from filter(None, [profile_page.callbacks(found, owners, _width())])
    for spikes in examined.spikes:
        yield profile_page.spikes(spikes, _width())


def _owners(examined: Examination, found: Profile) -> tuple[Owner, ...]:
    return next((s.owners for s in examined.run.scenarios if s.name == found.case.scenario), ())


def _memory(examined: Examination, colored: bool) -> Iterator[str]:
    for curves in _by_data(examined):
        yield memory_page.curve_table(curves)
        yield memory_plotting.terminal(curves, _width(), color=colored)
    for allocations in examined.allocations:
        yield memory_page.allocation_tables(allocations)
    for lines in examined.lines:
        yield memory_page.lines_page(lines)


def _by_data(examined: Examination) -> Iterator[tuple[Curve, ...]]:
    """The curves of one market together: modes and environments side by side."""
    for data in dict.fromkeys(curve.case.data for curve in examined.curves):
        yield tuple(curve for curve in examined.curves if curve.case.data == data)


def _unfinished(examined: Examination) -> Iterator[str]:
    if not examined.run.finished:
        yield "this profile was not finished: here is what was profiled until then"


def _doubts(lines: Iterable[str]) -> str:
    return "".join(f"! {line}\n" for line in dict.fromkeys(lines))


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
    if compares(examined):
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
    if sys.stdout.isatty():
        return min(WIDEST, shutil.get_terminal_size((screens.WIDTH, 24)).columns)
    return UNBOUND
