"""What is built and cached of environments: list them, build some beforehand, free them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfbench import commands, environments, formatting, screens
from perfbench.environments import Wanted
from perfbench.errors import EnvironmentProblem, NotMeasured, UsageProblem
from perfbench.formatting import printable
from perfbench.model import Environment, Package

app = typer.Typer(add_completion=False)

NAMED_FIRST = ("betfairlightweight", "flumine", "betfair-data", "tickrush")


@app.command("environments")
def list_environments(
    ctx: typer.Context,
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPEC]…", help="Build these beforehand, e.g. betfairlightweight==2.12.0", show_default=False
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what is kept, but for what is in use.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option("--older-than", metavar="DAYS", min=0, help="With --prune: only what was not used for so long."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")] = False,
) -> None:
    """List the environments that are kept, build some beforehand, or free them.

    A spec is what pip understands, in quotes if there are several words: "betfairlightweight==2.24.0 python==3.12", a path
    to a checkout, a git URL. Ends with 5 if one of them cannot be built.
    """
    if older_than is not None and not prune:
        raise UsageProblem("--older-than says what --prune removes; add --prune")
    if prune and specs:
        raise UsageProblem("--prune takes no specs; use --older-than to remove only some")
    if prune:
        _prune(older_than)
    elif specs:
        _build(specs, dict(commands.configured_names(ctx)), quiet)
    else:
        _list()


def _list() -> None:
    kept = environments.kept()
    if not kept:
        typer.echo("no environments are kept")
        return
    table = _table("spec", "Python", "recipe", "size", "built", "used", "packages")
    for one in kept:
        times = (ago(one.created), ago(one.last_used))
        table.add_row(
            *map(Text, (printable(one.spec), one.python, one.recipe, formatting.size(one.size_bytes), *times)),
            Text(_packages(one.packages)),
        )
    console = screens.console()
    console.print(table)
    size = formatting.size(sum(one.size_bytes for one in kept))
    console.print(f"{_number(len(kept))}, {size}; perfbench environments --prune frees them", highlight=False)


def _prune(older_than: float | None) -> None:
    pruned = environments.prune(older_than)
    typer.echo(f"removed {_number(len(pruned.removed))}, freed {formatting.size(pruned.freed_bytes)}")
    for one in pruned.in_use:
        typer.echo(f"left alone: {printable(one.spec)} on Python {one.python} is in use")


def _build(specs: Sequence[str], names: Mapping[str, str], quiet: bool) -> None:
    with observer(quiet) as observe:
        answers = environments.provide([Wanted(spec) for spec in specs], names, observe)
    table = _table("spec", "Python", "recipe", "packages")
    problems = []
    for spec, answer in zip(specs, answers, strict=True):
        if isinstance(answer, Environment):
            texts = (printable(answer.name), answer.version, answer.recipe, _packages(answer.packages))
            table.add_row(*map(Text, texts))
        else:
            problems.append(EnvironmentProblem(printable(f"{spec}: {answer}")))
    if table.row_count:
        screens.console().print(table)
    if len(problems) == 1:
        raise problems[0]
    for problem in problems:
        typer.echo(f"! {problem}", err=True)
    if problems:
        raise NotMeasured(f"{len(problems)} of {len(specs)} environments cannot be built; the lines with ! say why")


@contextlib.contextmanager
def observer(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Says what takes time: in a line that changes on a terminal, else in a line for each thing; on standard error."""
    if quiet:
        yield lambda _line: None
    elif sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        with console.status("looking for what is there") as status:
            yield lambda line: status.update(Text(printable(line)))
    else:
        yield lambda line: typer.echo(printable(line), err=True)


def ago(moment: datetime) -> str:
    """How long ago a moment was: ``3 days ago``."""
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (number := int(seconds // length)) >= 1:
            return f"{number} {unit}{'s' * (number > 1)} ago"
    return "just now"


def _packages(packages: Sequence[Package]) -> str:
    """The ones that are measured, and how many there are beside them."""
    versions = {package.name: package.version for package in packages}
    shown = [name for name in NAMED_FIRST if name in versions] or sorted(versions)[:2]
    more = len(versions) - len(shown)
    return ", ".join(f"{name} {versions[name]}" for name in shown) + (f" and {more} more" if more else "")


def _number(environments_: int) -> str:
    return f"{environments_} environment{'s' * (environments_ != 1)}"


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        table.add_column(head, justify="right" if head == "size" else "left", overflow="fold")
    return table
