"""Join the runs of shards into one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from perfbench.cli import exports, options, output, parse
from perfbench.report import build, status
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.results import shards, storage
from perfbench.results.document import RUNS
from perfbench.results.shards import Shard

HELP_GROUP = "Compare"

app = typer.Typer(add_completion=False)


@app.command()
def merge(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Saved run of each shard, by file or name.")],
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    export: options.ExportTo = None,
    columns: options.Columns = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Join the runs of shards into one.

    `perfbench run --shard 1/3` to `3/3`, on as many machines as you like, measure the draws of one survey of a corpus. Joined they
    are the run that one machine would have made: the same in whatever order they are named. Exits with 2 for runs that are not
    shards of one survey, and with 5 if a shard is missing or unfinished.
    """
    parsed = exports.parse_exports(export or (), measures=False)
    storage.require_file_name(save)
    RUNS.require_free(save, results)
    loaded = [Shard(name, storage.load_run(RUNS.find(name, results))) for name in dict.fromkeys(runs)]
    joined = shards.join_shards(loaded, save or storage.build_run_name())
    across = any(len(group) > 1 for group in joined.settings.environments)
    shown = comparison.parse_columns(parse.join_columns(columns), SIDE_COLUMNS if across else MODE_COLUMNS)
    report = build.build_report(joined, shown)
    path = RUNS.locate(joined.id, results)
    RUNS.save(joined, path)
    try:
        output.show_report(report, parsed, color)
    finally:
        if not quiet:
            print(f"saved in {path}", file=sys.stderr)
    status.check_report_status(report)
