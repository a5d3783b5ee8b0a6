"""Serve market files as a live stream and an API, on this machine, to unchanged clients.

The exchange listens on this machine only and never contacts the real one.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Optional

import typer

from perfbench.cli import exchange_output, option_types
from perfbench.cli.console import build_console
from perfbench.cli.options import Data
from perfbench.cli.signals import ShutdownHandler
from perfbench.datasets import resolve
from perfbench.errors import UsageProblem
from perfbench.exchange.api.fault_injection import DEFAULT_FAULT_KINDS, FAULT_KINDS, FaultConfig
from perfbench.exchange.api.server import ApiConfig
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.metrics import Frame
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.server import Server
from perfbench.util.files import check_destination, write_atomically

app = typer.Typer(add_completion=False)

DEFAULT_LIMITS = Limits()
FROM_START = "start"
UNTIL_END = "end"
STREAM_PANEL, API_PANEL, FAULT_PANEL = "The stream", "The API", "What goes wrong"


@app.command("exchange")
def serve(
    data: Data = None,
    speed: Annotated[
        str, typer.Option(metavar="TIMES", help="How much faster than the clock; max: all at once.")
    ] = "1",
    since: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="When it opens, from the announced start of the market; start: at the first update.",
        ),
    ] = "-1800s",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="The last update, likewise; end: that of the file.")
    ] = UNTIL_END,
    rtt: Annotated[
        str, typer.Option(metavar="TIME", help="From a client to the exchange and back, such as 20ms.")
    ] = "0ms",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = LOOPBACK,
    wait_for: Annotated[
        int, typer.Option(min=1, help="Market time begins with the subscription of so many clients.")
    ] = 1,
    user: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
        typer.Option(metavar="NAME:PASSWORD", help="Who may log in; repeatable.", show_default="everybody"),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Of the stream.", show_default="any free one", rich_help_panel=STREAM_PANEL
        ),
    ] = 0,
    connections: Annotated[
        int, typer.Option(min=1, help="At once, at most.", rich_help_panel=STREAM_PANEL)
    ] = DEFAULT_LIMITS.connections,
    markets: Annotated[
        int, typer.Option(min=1, help="Of one subscription, at most.", rich_help_panel=STREAM_PANEL)
    ] = DEFAULT_LIMITS.markets,
    conflate_after: Annotated[
        float,
        typer.Option(
            min=0.01,
            help="Seconds after which a client that reads nothing gets what is due in one frame.",
            rich_help_panel=STREAM_PANEL,
        ),
    ] = DEFAULT_LIMITS.conflate_after,
    patience: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds after which a client is cut that reads nothing, or says nothing.",
            rich_help_panel=STREAM_PANEL,
        ),
    ] = DEFAULT_LIMITS.patience,
    log: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Write a line for every frame at the end: when it was due, when it was sent (CSV).",
            rich_help_panel=STREAM_PANEL,
        ),
    ] = None,
    hang_up: Annotated[
        bool,
        typer.Option(
            "--hang-up", help="End a connection when it has had the last update.", rich_help_panel=STREAM_PANEL
        ),
    ] = False,
    no_api: Annotated[bool, typer.Option("--no-api", help="The stream only.", rich_help_panel=API_PANEL)] = False,
    api_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the API.", show_default="any free one", rich_help_panel=API_PANEL)
    ] = 0,
    funds: Annotated[float, typer.Option(min=0, help="Pounds of every account.", rich_help_panel=API_PANEL)] = 1000.0,
    certificates: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="FOLDER",
            help="Write there whom clients must trust, and a certificate to log in with.",
            show_default="a temporary one",
            rich_help_panel=API_PANEL,
        ),
    ] = None,
    service: Annotated[
        str, typer.Option(metavar="TIME", help="That every call takes more.", rich_help_panel=API_PANEL)
    ] = "0ms",
    per_market: Annotated[
        str,
        typer.Option(metavar="TIME", help="That every market book of a call takes more.", rich_help_panel=API_PANEL),
    ] = "0ms",
    faults: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the calls that fail, such as 10%.", rich_help_panel=FAULT_PANEL)
    ] = "0%",
    fault: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="KIND",
            help=f"How calls fail: {', '.join(FAULT_KINDS)}; repeatable.",
            show_default=", ".join(DEFAULT_FAULT_KINDS),
            rich_help_panel=FAULT_PANEL,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same one, the same faults.", rich_help_panel=FAULT_PANEL)] = 1,
    stall: Annotated[
        str, typer.Option(metavar="TIME", help="By which a stalled answer is late.", rich_help_panel=FAULT_PANEL)
    ] = "5s",
    cut_every: Annotated[
        int,
        typer.Option(
            min=0,
            help="Frames after which the stream is cut, in the middle of one; 0: never.",
            rich_help_panel=FAULT_PANEL,
        ),
    ] = 0,
    unhealthy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="TIME..TIME",
            help="From and until when, after the opening, the stream says that its data are stale (status 503).",
            rich_help_panel=FAULT_PANEL,
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Say where it listens, and at the end what it did, as JSON.")
    ] = False,
) -> None:
    """Serve market files as a live stream and an API, on this machine, to unchanged clients.

    Market time stands still until the first subscription. Ctrl-C or SIGTERM ends it, with 0.
    """
    times = option_types.parse_speed("--speed", speed)
    wrong = FaultConfig(
        option_types.parse_share("--faults", faults),
        option_types.parse_fault_kinds(fault),
        seed,
        option_types.parse_duration("--stall", stall),
    )
    terms = ApiConfig(
        funds,
        option_types.parse_duration("--service", service),
        option_types.parse_duration("--per-market", per_market),
        wrong,
    )
    settings = ExchangeConfig(
        host,
        port,
        times,
        wait_for,
        Limits(patience, conflate_after if math.isfinite(times) else math.inf, markets, connections),
        log is not None,
        hang_up,
        option_types.parse_duration("--rtt", rtt),
        option_types.parse_users(user),
        None if no_api else terms,
        api_port,
        cut_every,
        option_types.parse_time_range("--unhealthy", unhealthy),
    )
    ending = ShutdownHandler()
    timeline = _load_timeline(data or [resolve.choose_default_market()], since, until)
    if log is not None:
        _check_log(log)
    with tempfile.TemporaryDirectory(prefix="perfbench-") as temporary:
        folder = (certificates or Path(temporary)).absolute()
        ending.open()
        server = Server(timeline, settings)
        _write_certificates(server, folder)
        if host not in (LOOPBACK, "localhost", "::1"):
            typer.echo(f"! {host} is open to others than this machine: anybody who reaches it is served", err=True)
        said = exchange_output.describe_server(server, timeline, settings, folder)
        typer.echo(json.dumps(said) if json_ else exchange_output.format_announcement(said, settings.speed))
        sys.stdout.flush()
        ending.wait()
        statement = server.close()
    if json_:
        typer.echo(json.dumps(exchange_output.serialize_report(statement)))
    else:
        console = build_console()
        for part in exchange_output.build_report_sections(statement):
            console.print(part)
    if log is not None:
        write_atomically(log, _encode_log(server.log), "--log file")


def _load_timeline(specs: list[str], since: str, until: str) -> Timeline:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        files = []
        for number, spec in enumerate(specs):
            workspace = Path(folder, str(number))
            workspace.mkdir()
            found, problems = resolve.open_markets(spec, workspace)
            if problems:
                raise problems[0]
            files += [(market.name, Path(market.path)) for market in found]
        opens = None if since == FROM_START else option_types.parse_offset("--from", since)
        return build_timeline(files, opens, None if until == UNTIL_END else option_types.parse_offset("--until", until))


def _write_certificates(server: Server, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        server.authority.write(folder)
    except OSError as error:
        server.close()
        raise UsageProblem(f"--certificates {folder}: {error.strerror}; choose another place") from error


def _check_log(path: Path) -> None:
    """Refuse a log that cannot be written, before anybody is served. Raises UsageProblem, StorageProblem.

    A plain file gets its heads now; what is no plain file is opened once, at the end.
    """
    check_destination(f"--log {path}", path)
    if path.is_file() or not path.exists():
        write_atomically(path, _encode_log({}), "--log file")


def _encode_log(frames: dict[str, list[Frame]]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("connection", "clk", "due", "sent", "bytes"))
    rows.writerows((name, f.number, f.due, f.sent, f.size) for name, sent in frames.items() for f in sent)
    return text.getvalue().encode()
