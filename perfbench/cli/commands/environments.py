"""List, prebuild and prune cached environments."""

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

from perfbench.cli import options, parse
from perfbench.cli.console import build_console
from perfbench.environments import provide
from perfbench.environments.provide import EnvironmentRequest
from perfbench.environments.prune import list_cached_environments, prune_environments
from perfbench.errors import EnvironmentProblem, NotMeasured, UsageProblem
from perfbench.model import Environment, Package
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

HELP_GROUP = "Machine"

app = typer.Typer(add_completion=False)

SECONDS_PER_DAY = 86400.0
HIGHLIGHTED_PACKAGES = ("betfairlightweight", "flumine", "betfair-data", "tickrush")


@app.command("environments")
def list_environments(
    ctx: typer.Context,
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPEC]…", help="Environments to build, e.g. betfairlightweight==2.12.0.", show_default=False
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove cached environments that are not in use.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            parser=parse.build_type(parse.build_duration_parser("d")),
            metavar="DAYS",
            help="With --prune: only environments not used for this many days; also 12h.",
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """List, prebuild and prune cached environments.

    A spec is a pip requirement, quoted if it has several words ("betfairlightweight==2.24.0 python==3.12"), a path to a
    checkout or a git URL. `here` is the interpreter that runs perfbench; words beside it change that ("here python==3.13"). A
    Python may be free-threaded (python==3.14t) or PyPy (pypy==3.10), and is started with the flags -O, -OO and -X NAME=VALUE and
    the variables env:NAME=VALUE of the spec. Exits with 5 if an environment cannot be built.
    """
    if older_than is not None and not prune:
        raise UsageProblem("--older-than requires --prune")
    if prune and specs:
        raise UsageProblem("--prune takes no specs", hint="use --older-than to remove only some")
    if prune:
        _prune_cache(None if older_than is None else older_than / SECONDS_PER_DAY)
    elif specs:
        _build_environments(specs, dict(parse.read_environment_names(ctx)), quiet)
    else:
        _list_cached()


def _list_cached() -> None:
    environments = list_cached_environments()
    if not environments:
        typer.echo("no cached environments")
        return
    table = _new_table("spec", "Python", "recipe", "size", "built", "used", "packages")
    for environment in environments:
        times = (format_age(environment.created), format_age(environment.last_used))
        size = formatting.format_bytes(environment.size_bytes)
        texts = (make_printable(environment.spec), environment.python, environment.recipe, size, *times)
        table.add_row(*map(Text, texts), Text(_format_packages(environment.packages)))
    console = build_console()
    console.print(table)
    size = formatting.format_bytes(sum(environment.size_bytes for environment in environments))
    count = formatting.format_plural(len(environments), "environment")
    console.print(f"{count}, {size}; run `perfbench environments --prune` to remove them", highlight=False)


def _prune_cache(older_than: float | None) -> None:
    pruned = prune_environments(older_than)
    count = formatting.format_plural(len(pruned.removed), "environment")
    typer.echo(f"removed {count}, freed {formatting.format_bytes(pruned.freed_bytes)}")
    for environment in pruned.in_use:
        typer.echo(f"not removed: {make_printable(environment.spec)} on Python {environment.python} is in use")


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
            cause = str(answer) if spec in str(answer) else f"{spec}: {answer}"
            problems.append(EnvironmentProblem(make_printable(cause), hint=answer.hint))
    if table.row_count:
        build_console().print(table)
    if len(problems) == 1:
        raise problems[0]
    for problem in problems:
        typer.echo(f"! {problem}", err=True)
    if problems:
        raise NotMeasured(f'{len(problems)} of {len(specs)} environments cannot be built (see the lines marked "!")')


@contextlib.contextmanager
def show_progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show progress on standard error: in one status line on a terminal, else in a line per step."""
    if quiet:
        yield lambda _line: None
    elif sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        with console.status("resolving") as status:
            yield lambda line: status.update(Text(make_printable(line)))
    else:
        yield lambda line: typer.echo(make_printable(line), err=True)


def format_age(moment: datetime) -> str:
    """Age of a time: ``3 days ago``."""
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (number := int(seconds // length)) >= 1:
            return f"{formatting.format_plural(number, unit)} ago"
    return "just now"


def _format_packages(packages: Sequence[Package]) -> str:
    """Versions of the measured packages, and the number of others."""
    versions = {package.name: package.version for package in packages}
    shown = [name for name in HIGHLIGHTED_PACKAGES if name in versions] or sorted(versions)[:2]
    more = len(versions) - len(shown)
    return ", ".join(f"{name} {versions[name]}" for name in shown) + (f" and {more} more" if more else "")


def _new_table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        table.add_column(head, justify="right" if head == "size" else "left", overflow="fold")
    return table
