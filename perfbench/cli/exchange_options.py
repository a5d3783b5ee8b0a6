"""Options of the exchange command, as annotated types in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from perfbench.cli import parse
from perfbench.exchange.api.fault_injection import DEFAULT_FAULT_KINDS, FAULT_KINDS

STREAM_PANEL, API_PANEL, FAULT_PANEL = "Stream", "API", "Fault injection"

Speed = Annotated[
    str,
    typer.Option(
        metavar="TIMES",
        help="Speed of market time relative to real time; max: all updates at once. Bet delays and the times of definitions are "
        "divided by it; conflateMs, heartbeatMs and --patience stay in real time.",
    ),
]
KeepTimes = Annotated[
    bool,
    typer.Option(
        "--keep-times",
        help="Serve start times and other times of definitions as in the file, instead of moving them to the wall clock.",
    ),
]
Since = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Opening time relative to the announced start of the market; start: the first update.",
    ),
]
Until = Annotated[
    str,
    typer.Option(metavar="TIME", help="Closing time relative to the announced start; end: the last update."),
]
RoundTrip = Annotated[
    str, typer.Option(metavar="TIME", help="Added round-trip time between clients and the exchange, e.g. 20ms.")
]
Host = Annotated[
    str,
    typer.Option(help="Address to listen on; one that other machines can reach needs --user, --users or --insecure."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Let anybody who can reach --host log in.")]
WaitFor = Annotated[int, typer.Option(min=1, help="Start market time when this many clients have subscribed.")]
User = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        metavar="NAME:PASSWORD",
        help="Account that may log in; repeatable. Other users of this machine can see it in the list of processes.",
        show_default="anybody",
        callback=parse.values_of,
    ),
]
Users = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FILE", help="File with one NAME:PASSWORD a line, in addition to --user.", show_default="none"
    ),
]
AppKey = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="KEY",
        help="Accepted application key; KEY:delayed gets delayed data (conflateMs 180000); repeatable.",
        show_default="any key, live",
        callback=parse.names_of,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print addresses, and the final report, as JSON.")]

Port = Annotated[
    int,
    typer.Option(
        min=0, max=65535, help="Port of the stream.", show_default="any free port", rich_help_panel=STREAM_PANEL
    ),
]
Connections = Annotated[
    int, typer.Option(min=1, help="Maximum number of concurrent stream connections.", rich_help_panel=STREAM_PANEL)
]
Markets = Annotated[
    int, typer.Option(min=1, help="Maximum number of markets per subscription.", rich_help_panel=STREAM_PANEL)
]
ConflateAfter = Annotated[
    float,
    typer.Option(
        parser=parse.build_type(parse.build_duration_parser("s", minimum=0.01)),
        metavar="SECONDS",
        help="Merge pending updates for a client that has not read for this many seconds.",
        rich_help_panel=STREAM_PANEL,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        parser=parse.build_type(parse.build_duration_parser("s", minimum=0.1)),
        metavar="SECONDS",
        help="Disconnect a client that does not read, authenticate, subscribe or complete a request for this many seconds.",
        rich_help_panel=STREAM_PANEL,
    ),
]
Log = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help="Write when each frame was due and sent to this CSV file, as they are sent.",
        rich_help_panel=STREAM_PANEL,
    ),
]
CloseWhenDone = Annotated[
    bool,
    typer.Option("--hang-up", help="Close each connection after the last update.", rich_help_panel=STREAM_PANEL),
]

NoApi = Annotated[bool, typer.Option("--no-api", help="Serve the stream only.", rich_help_panel=API_PANEL)]
ApiPort = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the API.", show_default="any free port", rich_help_panel=API_PANEL),
]
Funds = Annotated[
    float, typer.Option(min=0, help="Opening balance of every account, in GBP.", rich_help_panel=API_PANEL)
]
Certificates = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="FOLDER",
        help="Directory for the CA certificate and a client certificate.",
        show_default="a temporary directory",
        rich_help_panel=API_PANEL,
    ),
]
ExtraLatency = Annotated[
    str, typer.Option(metavar="TIME", help="Extra latency added to every API call.", rich_help_panel=API_PANEL)
]
LatencyPerMarket = Annotated[
    str,
    typer.Option(metavar="TIME", help="Extra latency for every market book of a call.", rich_help_panel=API_PANEL),
]

FaultShare = Annotated[
    str, typer.Option(metavar="SHARE", help="Share of API calls that fail, e.g. 10%.", rich_help_panel=FAULT_PANEL)
]
FaultKinds = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="KIND",
        help=f"Kind of fault to inject: {', '.join(FAULT_KINDS)}; repeatable.",
        callback=parse.names_of,
        show_default=", ".join(DEFAULT_FAULT_KINDS),
        rich_help_panel=FAULT_PANEL,
    ),
]
Seed = Annotated[
    int, typer.Option(help="Random seed; the same seed gives the same faults.", rich_help_panel=FAULT_PANEL)
]
Stall = Annotated[str, typer.Option(metavar="TIME", help="Delay of a stalled response.", rich_help_panel=FAULT_PANEL)]
ResetEvery = Annotated[
    int,
    typer.Option(
        min=0,
        help="Reset a stream connection after this many frames, in the middle of the next; 0: never.",
        rich_help_panel=FAULT_PANEL,
    ),
]
StaleWindow = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="TIME..TIME",
        help="Report stale data (status 503) on the stream during this period, relative to the opening.",
        rich_help_panel=FAULT_PANEL,
    ),
]
