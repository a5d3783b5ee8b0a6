"""Put library versions, checkouts, Pythons or saved runs side by side."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, output, parse
from perfbench.cli.measure import RunOptions
from perfbench.datasets import resolve
from perfbench.errors import UsageProblem
from perfbench.model import Settings
from perfbench.report import build, status
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import SIDE_COLUMNS
from perfbench.results import merge, storage

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
    data: options.Data = None,
    mode: options.ModeNames = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="3.8,3.11",
            help="Measure on these Pythons; with one environment, compare them with the first.",
            show_default="the one that runs perfbench",
        ),
    ] = None,
    rounds: options.Rounds = None,
    max_time: options.MaxTime = 600.0,
    precision: options.Precision = 0.01,
    timeout: options.Timeout = 600.0,
    count: options.Count = False,
    set_: options.ParameterValues = None,
    sweep: options.SweepValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    accept: options.Accept = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    resume: options.Resume = False,
    export: options.ExportTo = None,
    columns: options.Columns = "+",
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Put library versions, checkouts, Pythons or saved runs side by side.

    Environments are built when they are needed, then measured now, each with the first: same mode, same file, same core, by turns.
    Announced speed-ups are confirmed or refuted, outputs compared field by field. Two saved runs were not measured at the same
    time: the table says so.
    """
    wanted, shown = exports.parse_exports(export or ()), comparison.parse_columns(columns, SIDE_COLUMNS)
    if _are_saved_runs(sides or [], results):
        runs = [storage.load_run(storage.find_run(side, results)) for side in sides or []]
        report = build.build_report(merge.merge_runs(*runs), shown)
        output.show_report(report, wanted, color)
        status.check_report_status(report)
        return
    if not resume:
        _require_two_sides(sides or [], python)
    settings = Settings(
        scenarios=tuple(scenario or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=parse.parse_assignments("--set", set_),
        sweep=parse.parse_sweeps(sweep),
        rounds=rounds,
        max_time=max_time,
        precision=precision,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=_group_by_python(sides or [], python),
        names=parse.read_environment_names(ctx),
        accepted=tuple(accept or ()),
        count=count,
    )
    note = str if data else resolve.describe_default_market
    measure.measure_and_show(RunOptions(None if resume else settings, results, save, wanted, shown, color, quiet, note))


def _are_saved_runs(sides: list[str], results: Path) -> bool:
    """Whether the sides are saved runs. Raises UsageProblem for a mixture, or for more or fewer than two."""
    saved = [side for side in sides if storage.is_saved_run(side, results)]
    if saved and len(saved) < len(sides):
        other = next(side for side in sides if side not in saved)
        raise UsageProblem(f"{saved[0]} is a saved run and {other} is not: name two runs, or environments only")
    if saved and len(saved) != 2:
        raise UsageProblem(f"two saved runs can be compared, not {len(saved)}")
    return bool(saved)


def _require_two_sides(sides: list[str], python: str | None) -> None:
    if len(sides) * len((python or "").split(",")) < 2:
        raise UsageProblem("name two environments or more, such as: perfbench compare betfairlightweight==2.11.2 here")


def _group_by_python(sides: list[str], python: str | None) -> tuple[tuple[str, ...], ...]:
    """Environments that are compared with each other: on each Python those of the same Python; of one spec all its Pythons."""
    if python is None:
        return (tuple(sides),)
    versions = [version.strip() for version in python.split(",")]
    if len(sides) == 1:
        return (tuple(f"{sides[0]} python=={version}" for version in versions),)
    return tuple(tuple(f"{side} python=={version}" for side in sides) for version in versions)
