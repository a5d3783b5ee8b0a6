"""Write a static site of saved runs: an index, a page for each, and their history over releases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import options, page_output
from perfbench.errors import NotMeasured, UsageProblem
from perfbench.report.page import site
from perfbench.report.page.render import require_template_engine
from perfbench.report.page.site_index import INDEX_FILE
from perfbench.util.files import find_obstacle

HELP_GROUP = "Understand"

app = typer.Typer(add_completion=False)

DEFAULT_OUTPUT = Path("site")


@app.command()
def report(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER", help="Folder of saved runs; repeatable.", show_default=str(options.DEFAULT_RESULTS)
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the site; it is made if there is none.")
    ] = DEFAULT_OUTPUT,
    open_: Annotated[bool, typer.Option("--open", help="Open the index in a browser.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a static site of saved runs: an index, a page for each, and their history over releases.

    The site is plain files: open index.html, or put the folder on any web server. Every run, sweep, calibration, profile and advice
    of the folders gets a page with its raw samples inside. Sweeps and comparisons of the same scenario, mode and market are chained
    to a history over releases or commits. Exits with 5 if a file cannot be shown: it is named, and all others are.
    """
    require_template_engine()
    if output.exists() and not output.is_dir():
        raise UsageProblem(f"--output {output}: not a folder", hint="name a folder for the site")
    if output.is_dir() and (reason := find_obstacle(output / INDEX_FILE, probe=True)):
        raise UsageProblem(f"--output {output}: {reason}", hint="name another folder")
    files = [
        file for folder in dict.fromkeys(folders or [options.DEFAULT_RESULTS]) for file in site.list_saved_files(folder)
    ]
    result = site.build_site(files, output, lambda line: None if quiet else print(line, file=sys.stderr))
    for failure in result.failures:
        print(f"! {failure}", file=sys.stderr)
    print(result.index)
    if open_:
        page_output.show_page(result.index)
    if result.failures:
        raise NotMeasured(f'{len(result.failures)} of {len(files)} files could not be shown (see the lines marked "!")')
