"""List what can be measured: scenarios, their modes, parameters and needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perfbench import discovery, environments, showing
from perfbench.errors import NotMeasured, ScenarioProblem
from perfbench.formatting import printable
from perfbench.model import Mode, Scenario

app = typer.Typer(add_completion=False)


@app.command()
def scenarios(
    names: Annotated[list[str] | None, typer.Argument(help="Scenarios by name or file.", show_default="all")] = None,
    folder: Annotated[
        list[Path] | None, typer.Option("--scenarios", help="A folder with your own scenario files; repeatable.")
    ] = None,
) -> None:
    """List what can be measured: scenarios, their modes, parameters and needs.

    A worker process describes each file; a file that it cannot load is one line, and the exit code is 5.
    """
    folders = folder or []
    paths = discovery.choose(names, folders) if names else list(discovery.files(folders).values())
    console, problems = showing.console(), []
    for path in paths:
        try:
            console.print(_table(discovery.describe(path, environments.here())))
            console.print()
        except ScenarioProblem as problem:
            problems.append(str(problem))
    if problems:
        raise NotMeasured("; ".join(problems))


def _table(scenario: Scenario) -> Table:
    title = Text(f"{scenario.name} · {printable(scenario.doc)}", style="bold")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for head in ("  mode", "group", "what it does", "parameters", "needs"):
        table.add_column(head, style="")
    for mode in scenario.modes:
        name = f"  {mode.name}" + (" (baseline)" if mode is scenario.baseline else "")
        table.add_row(
            Text(name), Text(mode.group), Text(printable(mode.doc)), Text(_parameters(mode)), Text(_needs(mode))
        )
    return table


def _parameters(mode: Mode) -> str:
    return " ".join(f"{parameter.name}={parameter.default}" for parameter in mode.parameters)


def _needs(mode: Mode) -> str:
    return ", ".join(f"{need} (installed when it is measured)" if need in mode.missing else need for need in mode.needs)
