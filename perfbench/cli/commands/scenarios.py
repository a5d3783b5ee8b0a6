"""List scenarios with their modes, parameters and required packages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from perfbench.cli import options, output, page_output, parse
from perfbench.cli.console import build_console, detect_width
from perfbench.cli.exports import Export
from perfbench.environments import host
from perfbench.errors import NotMeasured, ScenarioProblem, UsageProblem
from perfbench.report import build, prose
from perfbench.report.page.render import render_page
from perfbench.report.page.verdict_page import build_verdict_page
from perfbench.report.scenario_listing import render_listing
from perfbench.report.tables import advice
from perfbench.results import storage
from perfbench.results.document import RUNS
from perfbench.runner import plan
from perfbench.runner.scenarios import (
    choose_scenarios,
    describe_scenario,
    expand_topics,
    find_scenario_files,
    group_by_topic,
)

HELP_GROUP = "Measure"

app = typer.Typer(add_completion=False)

REFERENCE_PREFIX = "reference-verdicts"
"""Prefix of the names of the runs that `make verdicts` saves in the results folder of the project."""


@app.command()
def scenarios(
    names: Annotated[
        list[str] | None, typer.Argument(help="Scenarios by name, topic or file.", show_default="all")
    ] = None,
    folder: options.ScenariosFolder = None,
    verdicts: Annotated[
        bool,
        typer.Option("--verdicts", help="Show whether the advice of the scenarios holds, from saved runs."),
    ] = False,
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN",
            help="Saved run for --verdicts; repeatable.",
            show_default=f"{REFERENCE_PREFIX}*",
            callback=parse.paths_of,
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the verdicts as a Markdown table.")] = False,
    export: options.ExportPage = None,
    results: options.Results = options.DEFAULT_RESULTS,
) -> None:
    """List scenarios with their modes, parameters and required packages.

    A worker process describes each file; exits with 5 if it cannot load one. With `--verdicts`, list every piece of advice,
    whether it holds, its interval, and better alternatives.
    """
    if verdicts:
        exports = page_output.parse_page_exports(export or (), "verdicts", measures=False)
        _show_advice(names or [], run or _find_reference_runs(results), results, exports, markdown=markdown)
        return
    if markdown or export:
        raise UsageProblem(f"{'--markdown' if markdown else '--export'} requires --verdicts")
    folders = folder or []
    paths = choose_scenarios(expand_topics(names, folders), folders) if names else None
    topics = group_by_topic(find_scenario_files(folders)) if paths is None else {"": paths}
    console, problems = build_console(), []
    for topic, paths in topics.items():
        if topic:
            console.print(_build_heading(topic, paths), end="\n\n")
        for path in paths:
            try:
                lines = render_listing(describe_scenario(path, host.describe_host()), detect_width(sys.stdout))
                sys.stdout.write("\n".join(lines) + "\n\n")
            except ScenarioProblem as problem:
                problems.append(str(problem))
    if problems:
        raise NotMeasured("; ".join(problems))


def _find_reference_runs(results: Path) -> list[str]:
    return sorted(path.stem for path in results.glob(f"{REFERENCE_PREFIX}*.json")) or [REFERENCE_PREFIX]


def _show_advice(
    names: list[str], runs: list[str], results: Path, exports: Sequence[Export], *, markdown: bool
) -> None:
    loaded = [saved for run in runs for saved in storage.load_runs(RUNS.find(run, results))]
    reports = [build.build_report(saved, ()) for saved in loaded]
    if names:
        names_in_runs = {table.scenario for report in reports for table in report.tables}
        plan.require_known(names, names_in_runs, f"scenario in {'this run' if len(runs) == 1 else 'these runs'}")
        reports = [replace(r, tables=tuple(table for table in r.tables if table.scenario in names)) for r in reports]
    advised = [report for report in reports if any(table.advice for table in report.tables)]
    if not advised:
        raise NotMeasured(f"no advice in {', '.join(runs)}", hint="measure scenarios that have advice, such as vwap")
    stream = output.choose_stream(exports)
    if markdown:
        stream.write("\n".join(map(advice.render_markdown, advised)))
    else:
        stream.write(prose.wrap_text("\n".join(map(advice.render_text, advised)), detect_width(stream)))
    page_output.write_page_exports(exports, lambda: render_page(build_verdict_page(advised, names)))


def _build_heading(topic: str, paths: list[Path]) -> Text:
    """The topic, and how to run it: ``replay`` is also the name of a scenario, and means that."""
    name = f"{topic}/" if topic in {path.stem for path in paths} else topic
    return Text(f"{topic.upper()} · perfbench run {name}", style="bold")
