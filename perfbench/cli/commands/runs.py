"""List the saved runs, newest first, and remove them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import options
from perfbench.cli.saved_documents import FOLDER_OWNERS, KINDS, SUFFIXES, list_saved, render_list
from perfbench.errors import StorageProblem, UsageProblem
from perfbench.results.removal import RemovableItem, find_items, remove_items
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.suggest import suggest_name

HELP_GROUP = "Understand"

app = typer.Typer(add_completion=False)

MISSING_HINT = "name a folder of saved runs"
EMPTY_HINT = "hint: measure one with `perfbench run`, or name another folder with --results"


@app.callback(invoke_without_command=True)
def runs(ctx: typer.Context, results: options.Results = options.DEFAULT_RESULTS) -> None:
    """List the saved runs, newest first, and remove them.

    Profiles, advice and interrupted measurements are listed too. Verdicts are those of `perfbench show`: how many ratios are faster
    or slower, or how a gate ended.
    """
    if ctx.invoked_subcommand is not None:
        return
    if not results.exists() and results != options.DEFAULT_RESULTS:
        raise StorageProblem(f"{results}: no such folder", hint=MISSING_HINT)
    listing = list_saved(results)
    if not listing.documents and not listing.broken:
        sys.stdout.write(f"no saved runs in {make_printable(str(results))}\n{EMPTY_HINT}\n")
        return
    sys.stdout.write(render_list(listing, results))


@app.command()
def remove(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Saved runs, by their names in the list.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    results: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of the saved runs.", show_default=options.RESULTS)
    ] = None,
) -> None:
    """Remove saved runs with all files of their names: runs, journals, profiles and their folders, advice.

    Asks first on a terminal, and names everything that goes. Nothing else in the folder is touched.
    """
    assert ctx.parent is not None
    folder: Path = results or ctx.parent.params["results"]
    items = _collect_items(names, folder)
    size = formatting.format_bytes(sum(item.size_bytes for item in items))
    if not yes and not _is_confirmed(items, size):
        typer.echo("nothing removed")
        return
    remove_items(items)
    for item in items:
        typer.echo(f"removed {make_printable(item.label)}")


def _collect_items(names: Sequence[str], folder: Path) -> list[RemovableItem]:
    """Everything of these names. Raises UsageProblem for a path, StorageProblem for a name that has nothing."""
    items: dict[Path, RemovableItem] = {}
    for given in names:
        if given != Path(given).name or given in ("", ".", "..") or given.startswith("."):
            raise UsageProblem(f"{given} is a path, not the name of a saved run", hint="name the folder with --results")
        name = _strip_suffix(given, folder)
        own = find_items(name, folder, SUFFIXES, FOLDER_OWNERS)
        if not own:
            near = suggest_name(given, {document.name for document in list_saved(folder).documents}, list_all=False)
            raise StorageProblem(f"{given}: no saved run of that name in {folder}{near}", hint="see perfbench runs")
        items.update((item.path, item) for item in own)
    return list(items.values())


def _strip_suffix(given: str, folder: Path) -> str:
    """The name in the name of a file: ``first`` of ``first.json``, unless a run has the whole as its name."""
    if any((folder / f"{given}{suffix}").exists() for suffix in SUFFIXES):
        return given
    by_length = sorted((kind.suffix for kind in KINDS), key=len, reverse=True)
    return next((given.removesuffix(suffix) for suffix in by_length if given.endswith(suffix)), given)


def _is_confirmed(items: Sequence[RemovableItem], size: str) -> bool:
    """The answer of the user. Raises UsageProblem where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageProblem("removing saved runs needs a confirmation, and this is no terminal", hint="add --yes")
    for item in items:
        typer.echo(f"  {make_printable(item.label)}")
    return typer.confirm(f"Remove {formatting.format_plural(len(items), 'item')}, {size}?")
