"""Put library versions, checkouts, Pythons or saved runs side by side."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import typer

from perfbench import commands, conducting, datasets, layout, merging, showing, storage, tabulating
from perfbench.conducting import Manner
from perfbench.errors import UsageProblem
from perfbench.layout import COLUMNS_OF_SIDES
from perfbench.model import Settings

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    ctx: typer.Context,
    sides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BEFORE AFTER…",
            help="Environments, such as betfairlightweight==2.12.0, a path or “here”; or two saved runs.",
            show_default=False,
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="A scenario by name or file; repeatable.", show_default="replay")
    ] = None,
    data: commands.Data = None,
    mode: commands.ModeNames = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="3.8,3.11",
            help="Measure on these Pythons; with one environment, compare them with the first.",
            show_default="the one that runs perfbench",
        ),
    ] = None,
    rounds: commands.Rounds = None,
    max_time: commands.MaxTime = 600.0,
    precision: commands.Precision = 0.01,
    timeout: commands.Timeout = 600.0,
    count: commands.Count = False,
    set_: commands.Set = None,
    sweep: commands.Sweep = None,
    scenarios_folder: commands.ScenariosFolder = None,
    accept: commands.Accept = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: commands.Save = None,
    resume: commands.Resume = False,
    export: commands.ExportTo = None,
    columns: commands.Columns = "+",
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Put library versions, checkouts, Pythons or saved runs side by side.

    Environments are built when they are needed, then measured now, each with the first: same mode, same file, same core, by turns.
    Announced speed-ups are confirmed or refuted, outputs compared field by field. Two saved runs were not measured at the same
    time: the table says so.
    """
    wanted, shown = showing.exports(export or ()), layout.columns(columns, COLUMNS_OF_SIDES)
    if _saved_runs(sides or [], results):
        runs = [storage.load(storage.find(side, results)) for side in sides or []]
        report = tabulating.report(merging.side_by_side(*runs), shown)
        showing.show(report, wanted, color)
        showing.verdict(report)
        return
    if not resume:
        _demand_two(sides or [], python)
    settings = Settings(
        scenarios=tuple(scenario or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=commands.assignments("--set", set_),
        sweep=commands.sweeps(sweep),
        rounds=rounds,
        max_time=max_time,
        precision=precision,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=_groups(sides or [], python),
        names=commands.configured_names(ctx),
        accepted=tuple(accept or ()),
        count=count,
    )
    note = str if data else datasets.default_note
    conducting.conduct(Manner(None if resume else settings, results, save, wanted, shown, color, quiet, note))


def _saved_runs(sides: list[str], results: Path) -> bool:
    """Whether the sides are saved runs. Raises UsageProblem for a mixture, or for more or fewer than two."""
    saved = [side for side in sides if storage.is_run(side, results)]
    if saved and len(saved) < len(sides):
        other = next(side for side in sides if side not in saved)
        raise UsageProblem(f"{saved[0]} is a saved run and {other} is not: name two runs, or environments only")
    if saved and len(saved) != 2:
        raise UsageProblem(f"two saved runs can be compared, not {len(saved)}")
    return bool(saved)


def _demand_two(sides: list[str], python: str | None) -> None:
    if len(sides) * len((python or "").split(",")) < 2:
        raise UsageProblem("name two environments or more, such as: perfbench compare betfairlightweight==2.11.2 here")


def _groups(sides: list[str], python: str | None) -> tuple[tuple[str, ...], ...]:
    """Environments that are compared with each other: on each Python those of the same Python; of one spec all its Pythons."""
    if python is None:
        return (tuple(sides),)
    versions = [version.strip() for version in python.split(",")]
    if len(sides) == 1:
        return (tuple(f"{sides[0]} python=={version}" for version in versions),)
    return tuple(tuple(f"{side} python=={version}" for side in sides) for version in versions)
