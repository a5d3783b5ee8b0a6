"""Replay market files in every mode and time each pass."""

from __future__ import annotations

import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from perfbench import comparing, datasets, environments, layout, session, showing
from perfbench.errors import ExitCode, UsageProblem
from perfbench.model import Settings, Table
from perfbench.running import Progress
from perfbench.storage import Journal

app = typer.Typer(add_completion=False)

Color = Literal["auto", "always", "never"]


@app.command()
def run(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios by name or file.", show_default="replay")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="A market file, folder, archive or known name; repeatable.",
            show_default="the pulled PRO file, else the sample",
        ),
    ] = None,
    mode: Annotated[list[str] | None, typer.Option(help="Only this mode; repeatable.", show_default="all")] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Exactly so many rounds.", show_default="until the precision is reached"),
    ] = None,
    max_time: Annotated[float, typer.Option(min=0, help="Seconds of rounds for each table, at most.")] = 300.0,
    precision: Annotated[
        float, typer.Option(min=0.0001, max=1, help="Stop when every interval is ± this share of its ratio.")
    ] = 0.01,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one pass may take.")] = 600.0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the scenario; repeatable."),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=V1,V2", help="One table for each value of a parameter; repeatable."),
    ] = None,
    scenarios_folder: Annotated[
        list[Path] | None, typer.Option("--scenarios", help="A folder with your own scenario files; repeatable.")
    ] = None,
    results: Annotated[Path, typer.Option(help="The folder that runs are saved in.")] = Path("results"),
    save: Annotated[
        str | None, typer.Option(help="Save the run under this name.", show_default="date and time")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted last.")] = False,
    export: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT=FILE", help="json, csv, markdown or terminal; - for standard output."),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            help="Columns, or +name to add: interval, rate, memory, output, wall, startup, pairs, sigma, doc."
        ),
    ] = "+",
    color: Annotated[Color, typer.Option(help="Colour in the table.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")] = False,
) -> None:
    """Replay market files in every mode and time each pass.

    Each pass runs in a fresh process. The baseline and another mode run as a pair, by turns on one core; ratios and their 95 %
    intervals come from the pairs. Every sample is saved as it comes: after Ctrl-C, `--resume` goes on.
    """
    wanted, shown = showing.exports(export or ()), layout.columns(columns)
    settings = Settings(
        scenarios=tuple(scenarios or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=tuple(_assignment("--set", text) for text in set_ or ()),
        sweep=tuple(
            (name, tuple(values.split(","))) for name, values in (_assignment("--sweep", text) for text in sweep or ())
        ),
        rounds=rounds,
        max_time=max_time,
        precision=precision,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
    )
    _end_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        if resume:
            prepared, journal, before = session.reopen(results, environments.here(), Path(folder))
        else:
            prepared = session.prepare(settings, environments.here(), Path(folder), _file_name(save))
            if not (quiet or data) and prepared.run.data and (note := datasets.default_note()):
                typer.echo(note, err=True)
            journal, before = Journal.create(results, prepared.run), []
        with _observer(quiet, len(prepared.tables)) as observe:
            finished = session.carry_out(prepared, journal, before, observe)
    report = comparing.report(finished.run, shown)
    showing.show(report, wanted, color)
    if finished.interrupted:
        typer.echo(f"interrupted; what was measured is in {finished.path}; perfbench run --resume goes on", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not quiet:
        typer.echo(f"saved in {finished.path}", err=True)
    showing.verdict(report)


def _assignment(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageProblem(f"{option} {text}: write NAME=VALUE")
    return name, value


def _file_name(name: str | None) -> str | None:
    if name is not None and (name != Path(name).name or name.startswith(".")):
        raise UsageProblem(f"--save {name}: a plain file name, without folders")
    return name


def _end_on_sigterm() -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


@contextmanager
def _observer(quiet: bool, tables: int) -> Iterator[Callable[[Table, Progress], None]]:
    """What to do with progress: a bar with the time left on a terminal, nothing elsewhere.

    Drawn only between trials: a thread that redraws would take the core from the pass that is being timed.
    """
    console = Console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield lambda _table, _progress: None
        return
    texts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}")
    with Bar(*texts, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=1.0, left="")

        def observe(table: Table, progress: Progress) -> None:
            place = f" ({table.market.name})" if table.market and tables > 1 else ""
            left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
            bar.update(
                task, description=f"{table.scenario.name}{place} {progress.doing}", completed=progress.share, left=left
            )
            bar.refresh()

        yield observe
