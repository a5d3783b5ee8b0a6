"""Show a saved run again, in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from perfbench import comparing, layout, showing, storage

app = typer.Typer(add_completion=False)


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="A saved run: its file, or its name in the results folder.")],
    results: Annotated[Path, typer.Option(help="The folder that runs are saved in.")] = Path("results"),
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
    color: Annotated[Literal["auto", "always", "never"], typer.Option(help="Colour in the table.")] = "auto",
) -> None:
    """Show a saved run again, in any format.

    All figures are made anew from the raw samples. An interrupted run can be shown too.
    """
    wanted, shown = showing.exports(export or ()), layout.columns(columns)
    report = comparing.report(storage.load(storage.find(run, results)), shown)
    showing.show(report, wanted, color)
    showing.verdict(report)
