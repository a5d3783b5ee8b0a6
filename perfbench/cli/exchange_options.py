"""Options of the exchange command, as annotated types in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from perfbench.exchange.api.fault_injection import DEFAULT_FAULT_KINDS, FAULT_KINDS

STREAM_PANEL, API_PANEL, FAULT_PANEL = "Stream", "API", "Fault injection"

Speed = Annotated[
    str, typer.Option(metavar="TIMES", help="Speed of market time relative to real time; max: all updates at once.")
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
Host = Annotated[str, typer.Option(help="Address to listen on.")]
WaitFor = Annotated[int, typer.Option(min=1, help="Start market time when this many clients have subscribed.")]
User = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(metavar="NAME:PASSWORD", help="Account that may log in; repeatable.", show_default="anybody"),
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
        min=0.01,
        help="Merge pending updates for a client that has not read for this many seconds.",
        rich_help_panel=STREAM_PANEL,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        help="Disconnect a client that neither reads nor sends for this many seconds.",
        rich_help_panel=STREAM_PANEL,
    ),
]
Log = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help="Write when each frame was due and sent to this CSV file, at the end.",
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
