"""Show a saved run again, in any format."""

from __future__ import annotations

from typing import Annotated

import typer

from perfbench import commands, layout, showing, storage, tabulating
from perfbench.layout import COLUMNS_OF_MODES, COLUMNS_OF_SIDES

app = typer.Typer(add_completion=False)


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="A saved run: its file, or its name in the results folder.")],
    results: commands.Results = commands.DEFAULT_RESULTS,
    export: commands.ExportTo = None,
    columns: commands.Columns = "+",
    color: commands.Color = "auto",
) -> None:
    """Show a saved run again, in any format.

    All figures are made anew from the raw samples. An interrupted run can be shown too.
    """
    wanted = showing.exports(export or ())
    saved = storage.load(storage.find(run, results))
    across = any(len(group) > 1 for group in saved.settings.environments)
    shown = layout.columns(columns, COLUMNS_OF_SIDES if across else COLUMNS_OF_MODES)
    report = tabulating.report(saved, shown)
    showing.show(report, wanted, color)
    showing.verdict(report)
