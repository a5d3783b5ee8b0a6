"""Option types shared by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from perfbench.results.storage import DEFAULT_RESULTS as RESULTS

# Options that mean the same in every command -----------------------------------------------------------------------------

Data = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        help="A market file, folder, archive or known name; repeatable.",
        show_default="the pulled PRO file, else the sample",
    ),
]
ModeNames = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--mode", help="Only this mode or group of modes; repeatable.", show_default="all without a group"),
]
Rounds = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=1, help="Exactly so many rounds.", show_default="until the precision is reached"),
]
MaxTime = Annotated[float, typer.Option(min=0, help="Seconds of rounds for each table, at most.")]
Precision = Annotated[
    float, typer.Option(min=0.0001, max=1, help="Stop when every interval is ± this share of its ratio.")
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds that one pass may take.")]
Count = Annotated[
    bool, typer.Option("--count", help="Count instructions too, by valgrind: the same every time, and no times.")
]
ParameterValues = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A parameter of the scenarios, or SCENARIO.NAME of one; repeatable."
    ),
]
SweepValues = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(metavar="NAME=V1,V2", help="One table for each value of a parameter; repeatable."),
]
ScenariosFolder = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--scenarios", help="A folder with your own scenario files; repeatable."),
]
Accept = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(help="A change of content, by its name, to take for known between any two outputs; repeatable."),
]
Results = Annotated[Path, typer.Option(help="The folder that runs are saved in.")]
Save = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Save the run under this name.", show_default="date and time"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted last.")]
ExportTo = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--export",
        metavar="FORMAT=FILE",
        help="json, csv, markdown, terminal, junit, github, github-annotations, github-action-benchmark, bencher, "
        "pytest-benchmark, pyperf, hyperfine or openmetrics; - for standard output; repeatable.",
    ),
]
Columns = Annotated[
    str,
    typer.Option(
        help="Columns, or +name to add: interval, rate, memory, numbers, output, claim, wall, startup, pairs, sigma, doc, "
        "instructions."
    ),
]
Color = Annotated[Literal["auto", "always", "never"], typer.Option(help="Colour in the table.")]
Quick = Annotated[
    bool,
    typer.Option("--quick", help="A matter of seconds: small parameters, where the scenario has them, and two rounds."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")]

QUICK_ROUNDS = 2
"""Rounds under ``--quick``, unless ``--rounds`` says so."""

DEFAULT_RESULTS = Path(RESULTS)
