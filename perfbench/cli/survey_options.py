"""Options of commands that measure a corpus: a table each, jobs, shards, a cluster."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

import typer

from perfbench.cli import parse
from perfbench.cli.parse import ValueProblem
from perfbench.util.formatting import format_plural


def parse_jobs(text: str) -> int:
    """The number of jobs; ``auto`` leaves one core to the system. Raises ValueProblem, also for more than there are cores."""
    from perfbench.runner.machine import count_usable_cores  # noqa: PLC0415 - it loads NumPy

    cores = count_usable_cores()
    if text.strip() == "auto":
        return max(1, cores - 1)
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueProblem("not a number of jobs", "write a whole number such as 2, or auto")
    if int(text) > cores:
        raise ValueProblem("out of range", f"this machine has {format_plural(cores, 'usable core')}")
    return int(text)


class ShardPart(NamedTuple):
    """The part (from 1) and the number of parts; a plain tuple would be an option with two values."""

    part: int
    parts: int


def parse_shard(text: str) -> ShardPart:
    """``(3, 10)`` of ``3/10``. Raises ValueProblem."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueProblem("not a part", "write a part and the number of parts, such as 3/10")
    return ShardPart(int(match[1]), int(match[2]))


def parse_scheduler(text: str) -> str:
    """The address of a scheduler, ``tcp://`` unless it names another protocol. Raises ValueProblem."""
    address = text.strip() if "://" in text else f"tcp://{text.strip()}"
    if not re.fullmatch(r"(tcp|tls|ucx|ws|wss)://(\[[0-9a-fA-F:.%\w]+\]|[\w.-]+):\d{1,5}", address):
        raise ValueProblem("not the address of a scheduler", "write protocol, host and port, such as tcp://host:8786")
    return address


def parse_cluster(text: str) -> str:
    """The address of a scheduler, or ``local``. Raises ValueProblem."""
    return text.strip() if text.strip() in ("", "local") else parse_scheduler(text)


Each = Annotated[
    bool,
    typer.Option(
        "--each", help="A table for each market file; without it more than three are one corpus and one table."
    ),
]
DRAWN_MARKETS = 3
"""Markets of a corpus that a command with a table for each of them draws."""

EachDrawn = Annotated[
    bool,
    typer.Option(
        "--each", help="Every market file; without it three are drawn where there are more, in proportion to size."
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        parser=parse.build_type(parse_jobs),
        metavar="NUM",
        help="Pairs of a corpus that are measured at the same time, each on a core of its own; auto: all cores but one.",
    ),
]
Shard = Annotated[
    ShardPart | None,
    typer.Option(
        parser=parse.build_type(parse_shard),
        metavar="K/N",
        help="Measure the K-th of N parts of a corpus, the same everywhere; `perfbench merge` joins them. "
        "Without --rounds, 96 draws in all.",
        show_default=False,
    ),
]
Cluster = Annotated[
    str,
    typer.Option(
        parser=parse.build_type(parse_cluster),
        metavar="ADDRESS",
        help="Measure a corpus on the workers of this Dask scheduler (tcp://host:8786); local: start one here.",
        show_default=False,
    ),
]
