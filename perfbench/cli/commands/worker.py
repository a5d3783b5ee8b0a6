"""Measure for a cluster: join a scheduler of Dask with the cores of this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from perfbench.cli import options, parse, survey_options
from perfbench.util.formatting import make_printable

HELP_GROUP = "Machine"

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    address: Annotated[
        str,
        typer.Argument(
            parser=parse.build_type(survey_options.parse_scheduler),
            metavar="ADDRESS",
            help="Address of the scheduler, such as tcp://host:8786.",
        ),
    ],
    cores: Annotated[
        int | None,
        typer.Option(
            parser=parse.build_type(survey_options.parse_jobs),
            metavar="NUM",
            help="Cores to measure on, with a worker each; auto: all cores but one.",
            show_default="auto",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of this machine in the results.", show_default="its host name")
    ] = "",
    quiet: options.Quiet = False,
) -> None:
    """Measure for a cluster: join a scheduler of Dask with the cores of this machine.

    `perfbench run --cluster ADDRESS` and `compare` then measure the draws of a corpus here too. Each worker is a process that stays
    on its core; environments are built here, with the versions of the run. Ends with Ctrl-C, or with the scheduler. Anybody who
    reaches a scheduler can run code on its workers: use it in a network that you trust, or with TLS.
    """
    from perfbench.runner import machine  # noqa: PLC0415 - it loads NumPy, which --help does not need
    from perfbench.runner.survey import cluster_workers  # noqa: PLC0415 - the same

    def observe(line: str) -> None:
        if not quiet:
            print(make_printable(line), file=sys.stderr, flush=True)

    count = survey_options.parse_jobs("auto") if cores is None else cores
    stopped = cluster_workers.serve_workers(address, machine.find_quietest_cores(count), name, observe)
    observe("stopped" if stopped else f"the scheduler at {address} has ended")
