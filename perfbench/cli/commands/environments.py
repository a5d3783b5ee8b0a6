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

from perfbench.cli import parse
from perfbench.cli.console import build_console
from perfbench.environments import provide
from perfbench.environments.provide import EnvironmentRequest
from perfbench.environments.prune import list_cached_environments, prune_environments
from perfbench.errors import EnvironmentProblem, NotMeasured, UsageProblem
from perfbench.model import Environment, Package
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

app = typer.Typer(add_completion=False)

HIGHLIGHTED_PACKAGES = ("betfairlightweight", "flumine", "betfair-data", "tickrush")


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
        _prune_cache(older_than)
    elif specs:
        _build_environments(specs, dict(parse.read_environment_names(ctx)), quiet)
    else:
        _list_cached()


def _list_cached() -> None:
    kept = list_cached_environments()
    if not kept:
        typer.echo("no environments are kept")
        return
    table = _new_table("spec", "Python", "recipe", "size", "built", "used", "packages")
    for one in kept:
        times = (format_age(one.created), format_age(one.last_used))
        table.add_row(
            *map(
                Text,
                (make_printable(one.spec), one.python, one.recipe, formatting.format_bytes(one.size_bytes), *times),
            ),
            Text(_format_packages(one.packages)),
        )
    console = build_console()
    console.print(table)
    size = formatting.format_bytes(sum(one.size_bytes for one in kept))
    console.print(f"{_format_count(len(kept))}, {size}; perfbench environments --prune frees them", highlight=False)


def _prune_cache(older_than: float | None) -> None:
    pruned = prune_environments(older_than)
    typer.echo(f"removed {_format_count(len(pruned.removed))}, freed {formatting.format_bytes(pruned.freed_bytes)}")
    for one in pruned.in_use:
        typer.echo(f"left alone: {make_printable(one.spec)} on Python {one.python} is in use")


def _build_environments(specs: Sequence[str], names: Mapping[str, str], quiet: bool) -> None:
    with show_progress(quiet) as observe:
        answers = provide.provide_environments([EnvironmentRequest(spec) for spec in specs], names, observe)
    table = _new_table("spec", "Python", "recipe", "packages")
    problems = []
    for spec, answer in zip(specs, answers, strict=True):
        if isinstance(answer, Environment):
            texts = (make_printable(answer.name), answer.version, answer.recipe, _format_packages(answer.packages))
            table.add_row(*map(Text, texts))
        else:
            problems.append(EnvironmentProblem(make_printable(f"{spec}: {answer}")))
    if table.row_count:
        build_console().print(table)
    if len(problems) == 1:
        raise problems[0]
    for problem in problems:
        typer.echo(f"! {problem}", err=True)
    if problems:
        raise NotMeasured(f"{len(problems)} of {len(specs)} environments cannot be built; the lines with ! say why")


@contextlib.contextmanager
def show_progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Says what takes time: in a line that changes on a terminal, else in a line for each thing; on standard error."""
    if quiet:
        yield lambda _line: None
    elif sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        with console.status("looking for what is there") as status:
            yield lambda line: status.update(Text(make_printable(line)))
    else:
        yield lambda line: typer.echo(make_printable(line), err=True)


def format_age(moment: datetime) -> str:
    """How long ago a moment was: ``3 days ago``."""
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (number := int(seconds // length)) >= 1:
            return f"{number} {unit}{'s' * (number > 1)} ago"
    return "just now"


def _format_packages(packages: Sequence[Package]) -> str:
    """The ones that are measured, and how many there are beside them."""
    versions = {package.name: package.version for package in packages}
    shown = [name for name in HIGHLIGHTED_PACKAGES if name in versions] or sorted(versions)[:2]
    more = len(versions) - len(shown)
    return ", ".join(f"{name} {versions[name]}" for name in shown) + (f" and {more} more" if more else "")


def _format_count(environments_: int) -> str:
    return f"{environments_} environment{'s' * (environments_ != 1)}"


def _new_table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        table.add_column(head, justify="right" if head == "size" else "left", overflow="fold")
    return table
