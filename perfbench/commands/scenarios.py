"""List what can be measured: scenarios, their modes, parameters and needs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perfbench import commands, discovery, environments, planning, screens, storage, tabulating
from perfbench import verdicts as verdict_page
from perfbench.errors import NotMeasured, ScenarioProblem, UsageProblem
from perfbench.formatting import printable
from perfbench.model import Mode, Scenario

app = typer.Typer(add_completion=False)

KEPT = "reference-verdicts"
"""How the names of the runs begin that `make verdicts` keeps in the results folder of the project."""


@app.command()
def scenarios(
    names: Annotated[list[str] | None, typer.Argument(help="Scenarios by name or file.", show_default="all")] = None,
    folder: Annotated[
        list[Path] | None, typer.Option("--scenarios", help="A folder with your own scenario files; repeatable.")
    ] = None,
    verdicts: Annotated[
        bool,
        typer.Option("--verdicts", help="What a saved run says of the advice that scenarios are about: does it hold?"),
    ] = False,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="A saved run for --verdicts; repeatable.", show_default=f"{KEPT}*"),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The verdicts as a Markdown table.")] = False,
    results: commands.Results = commands.DEFAULT_RESULTS,
) -> None:
    """List what can be measured: scenarios, their modes, parameters and needs.

    A worker process describes each file; a file that it cannot load is one line, and the exit code is 5. With `--verdicts` the page
    of every piece of advice, whether it holds here, from where to where, and what is better.
    """
    if verdicts:
        _show_verdicts(names or [], run or _kept(results), results, markdown)
        return
    if markdown:
        raise UsageProblem("--markdown goes with --verdicts")
    folders = folder or []
    paths = discovery.choose(names, folders) if names else list(discovery.files(folders).values())
    console, problems = screens.console(), []
    for path in paths:
        try:
            console.print(_table(discovery.describe(path, environments.here())))
            console.print()
        except ScenarioProblem as problem:
            problems.append(str(problem))
    if problems:
        raise NotMeasured("; ".join(problems))


def _kept(results: Path) -> list[str]:
    return sorted(path.stem for path in results.glob(f"{KEPT}*.json")) or [KEPT]


def _show_verdicts(names: list[str], runs: list[str], results: Path, markdown: bool) -> None:
    reports = [tabulating.report(storage.load(storage.find(run, results)), ()) for run in runs]
    if names:
        known = {table.scenario for report in reports for table in report.tables}
        planning.demand_known(names, known, f"scenario in {'this run' if len(runs) == 1 else 'these runs'}")
        reports = [replace(r, tables=tuple(table for table in r.tables if table.scenario in names)) for r in reports]
    advised = [report for report in reports if any(table.advice for table in report.tables)]
    if not advised:
        said = f"{', '.join(runs)} {'says' if len(runs) == 1 else 'say'} nothing of any advice"
        raise NotMeasured(f"{said}: measure scenarios that have some, such as vwap")
    sys.stdout.write("\n".join(map(verdict_page.markdown if markdown else verdict_page.text, advised)))


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
