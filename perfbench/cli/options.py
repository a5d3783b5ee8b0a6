"""Options shared by the commands, and the settings that they make. Defaults are stated here once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from perfbench.cli import parse, program_arguments
from perfbench.model import GatePolicy, Settings, SweepPairing
from perfbench.results.storage import DEFAULT_RESULTS as RESULTS
from perfbench.runner.time_limit import QUICK_ROUNDS

DEFAULT_SCENARIO = "replay"
DEFAULT_ENVIRONMENT = "here"
DEFAULT_TIMEOUT = 600.0
DEFAULT_PRECISION = 0.01
DEFAULT_SURVEY_PRECISION = 0.03
DEFAULT_MAX_TIME = 60.0
DEFAULT_RESULTS = Path(RESULTS)
DEFAULT_MARKET_TEXT = "the pulled PRO file, else the bundled sample"

Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        metavar="NAME",
        help="Scenario, by name, topic or file, or your own program (PATH.py, PATH.py:FUNCTION); repeatable.",
        show_default=DEFAULT_SCENARIO,
        callback=parse.paths_of,
    ),
]
Data = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH",
        help="Market file, folder, archive, URL, @LIST or known name; repeatable.",
        show_default=DEFAULT_MARKET_TEXT,
        callback=parse.paths_of,
    ),
]
ModeNames = Annotated[
    list[str] | None,
    typer.Option(
        "--mode",
        metavar="NAME",
        help="Mode or group of modes; repeatable.",
        show_default="all without a group",
        callback=parse.names_of,
    ),
]
Rounds = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUM",
        help="Run exactly this many rounds.",
        show_default="until --precision or --max-time",
    ),
]
Seconds = parse.build_type(parse.build_duration_parser("s"))
"""Type of a duration in seconds, or with a unit."""

MaxTime = Annotated[
    float,
    typer.Option(
        parser=Seconds,
        metavar="SECONDS",
        help="Time limit of the whole command, shared by its tables; also 90s or 2m. Where not even one round fits, the first "
        "lines of the market are measured; building environments comes on top.",
    ),
]
Precision = Annotated[
    float | None,
    typer.Option(
        parser=parse.build_type(parse.build_share_parser(0.0001, 1.0)),
        metavar="SHARE",
        help="Stop when every interval is ± this share of its ratio, e.g. 1% or 0.01.",
        show_default="0.01, of a corpus 0.03",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        parser=parse.build_type(parse.build_duration_parser("s", minimum=0.1)),
        metavar="SECONDS",
        help="Time limit of a single pass; also 90s or 2m.",
    ),
]
Count = Annotated[
    bool,
    typer.Option("--count", help="Also count executed instructions with Valgrind (deterministic; not a time)."),
]
ParameterValues = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of the scenarios, or SCENARIO.NAME of one; repeatable.",
        callback=parse.values_of,
    ),
]
SweepValues = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=V1,V2",
        help='Measure one table per value of a parameter; repeatable. Quote a value with commas: NAME="1,2",3.',
        callback=parse.values_of,
    ),
]
ScenariosFolder = Annotated[
    list[Path] | None,
    typer.Option(
        "--scenarios",
        metavar="FOLDER",
        help="Folder with your own scenario files; repeatable.",
        callback=parse.folders_of,
    ),
]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Treat this named output change as expected in every comparison; repeatable.",
        callback=parse.names_of,
    ),
]
Results = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the saved runs.")]
Save = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the saved run.", show_default="date and time"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the most recent interrupted run.")]
ExportTo = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        metavar="FORMAT=FILE",
        help="Write the results in another format; - for standard output; repeatable. Formats: json, csv, markdown, "
        "html, terminal, junit, github, github-comment, github-annotations, github-action-benchmark, bencher, pytest-benchmark, "
        "pyperf, hyperfine, openmetrics, parquet.",
        callback=parse.assignments_of,
    ),
]
ExportPage = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        metavar="html=FILE",
        help="Write a page for a browser; - for standard output; repeatable.",
        callback=parse.assignments_of,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="Columns, comma-separated; repeatable; +NAME adds to the usual ones, -NAME takes one away. "
        "Columns: interval, rate, memory, numbers, output, claim, wall, startup, pairs, sigma, doc, instructions.",
        show_default="+",
        callback=parse.names_of,
    ),
]
PlotFile = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Plot a numeric parameter sweep, or the markets of a corpus, to this .png or .svg file.",
    ),
]
Color = Annotated[Literal["auto", "always", "never"], typer.Option(help="Colour in the terminal.")]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Smoke run of about ten seconds: the scenario's small parameters, else the first 2,000 lines; at most two rounds.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the result only, no progress.")]


def build_settings(
    ctx: typer.Context,
    *,
    environments: tuple[tuple[str, ...], ...],
    scenarios: Sequence[str] | None = None,
    folders: Sequence[Path] | None = None,
    modes: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    parameters: list[str] | None = None,
    sweep: list[str] | None = None,
    rounds: int | None = None,
    max_time: float = DEFAULT_MAX_TIME,
    precision: float | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    accept: Sequence[str] | None = None,
    links: SweepPairing = "",
    anchor: str = "",
    gate: GatePolicy | None = None,
    count: bool = False,
    tools: Sequence[str] = (),
    quick: bool = False,
    each: bool = False,
    drawn: int = 0,
    jobs: int = 1,
    shard: tuple[int, int] | None = None,
    cluster: str = "",
) -> Settings:
    """The settings of a measuring command, with a fresh random seed. Raises UsageProblem for malformed values.

    The arguments of a program are those of the context.

    :param parameters: the texts of ``--set``; :param sweep: those of ``--sweep``.
    """
    return Settings(
        scenarios=tuple(scenarios or (DEFAULT_SCENARIO,)),
        folders=tuple(map(str, folders or ())),
        modes=tuple(modes or ()),
        data=tuple(data or ()),
        parameters=parse.parse_assignments("--set", parameters),
        sweep=parse.parse_sweeps(sweep),
        rounds=QUICK_ROUNDS if quick and rounds is None else rounds,
        max_time=max_time,
        precision=DEFAULT_PRECISION if precision is None else precision,
        survey_precision=DEFAULT_SURVEY_PRECISION if precision is None else precision,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=environments,
        names=parse.read_environment_names(ctx),
        links=links,
        anchor=anchor,
        accepted=tuple(accept or ()),
        gate=gate,
        count=count,
        tools=tuple(tools),
        quick=quick,
        each=each,
        drawn=drawn,
        jobs=jobs,
        shard=shard or (1, 1),
        cluster=cluster,
        arguments=program_arguments.read_program_arguments(ctx),
    )
