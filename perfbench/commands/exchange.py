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

from perfbench import datasets, exchange, screens, storage
from perfbench.commands import Data
from perfbench.errors import UsageProblem
from perfbench.exchange import (
    FAULTS,
    LOOPBACK,
    USUAL_FAULTS,
    ApiTerms,
    Ending,
    FaultTerms,
    Frame,
    Limits,
    Server,
    Settings,
    Timeline,
    spoken,
    telling,
)

app = typer.Typer(add_completion=False)

LIMITS = Limits()
START = "start"
END = "end"
STREAM, API, FAULT = "The stream", "The API", "What goes wrong"


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
    until: Annotated[str, typer.Option(metavar="TIME", help="The last update, likewise; end: that of the file.")] = END,
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
        int, typer.Option(min=0, max=65535, help="Of the stream.", show_default="any free one", rich_help_panel=STREAM)
    ] = 0,
    connections: Annotated[
        int, typer.Option(min=1, help="At once, at most.", rich_help_panel=STREAM)
    ] = LIMITS.connections,
    markets: Annotated[
        int, typer.Option(min=1, help="Of one subscription, at most.", rich_help_panel=STREAM)
    ] = LIMITS.markets,
    conflate_after: Annotated[
        float,
        typer.Option(
            min=0.01,
            help="Seconds after which a client that reads nothing gets what is due in one frame.",
            rich_help_panel=STREAM,
        ),
    ] = LIMITS.conflate_after,
    patience: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds after which a client is cut that reads nothing, or says nothing.",
            rich_help_panel=STREAM,
        ),
    ] = LIMITS.patience,
    log: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Write a line for every frame at the end: when it was due, when it was sent (CSV).",
            rich_help_panel=STREAM,
        ),
    ] = None,
    hang_up: Annotated[
        bool,
        typer.Option("--hang-up", help="End a connection when it has had the last update.", rich_help_panel=STREAM),
    ] = False,
    no_api: Annotated[bool, typer.Option("--no-api", help="The stream only.", rich_help_panel=API)] = False,
    api_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the API.", show_default="any free one", rich_help_panel=API)
    ] = 0,
    funds: Annotated[float, typer.Option(min=0, help="Pounds of every account.", rich_help_panel=API)] = 1000.0,
    certificates: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="FOLDER",
            help="Write there whom clients must trust, and a certificate to log in with.",
            show_default="a temporary one",
            rich_help_panel=API,
        ),
    ] = None,
    service: Annotated[
        str, typer.Option(metavar="TIME", help="That every call takes more.", rich_help_panel=API)
    ] = "0ms",
    per_market: Annotated[
        str, typer.Option(metavar="TIME", help="That every market book of a call takes more.", rich_help_panel=API)
    ] = "0ms",
    faults: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the calls that fail, such as 10%.", rich_help_panel=FAULT)
    ] = "0%",
    fault: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="KIND",
            help=f"How calls fail: {', '.join(FAULTS)}; repeatable.",
            show_default=", ".join(USUAL_FAULTS),
            rich_help_panel=FAULT,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same one, the same faults.", rich_help_panel=FAULT)] = 1,
    stall: Annotated[
        str, typer.Option(metavar="TIME", help="By which a stalled answer is late.", rich_help_panel=FAULT)
    ] = "5s",
    cut_every: Annotated[
        int,
        typer.Option(
            min=0, help="Frames after which the stream is cut, in the middle of one; 0: never.", rich_help_panel=FAULT
        ),
    ] = 0,
    unhealthy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="TIME..TIME",
            help="From and until when, after the opening, the stream says that its data are stale (status 503).",
            rich_help_panel=FAULT,
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Say where it listens, and at the end what it did, as JSON.")
    ] = False,
) -> None:
    """Serve market files as a live stream and an API, on this machine, to unchanged clients.

    Market time stands still until the first subscription. Ctrl-C or SIGTERM ends it, with 0.
    """
    times = spoken.speed("--speed", speed)
    wrong = FaultTerms(spoken.share("--faults", faults), spoken.kinds(fault), seed, spoken.length("--stall", stall))
    terms = ApiTerms(funds, spoken.length("--service", service), spoken.length("--per-market", per_market), wrong)
    settings = Settings(
        host,
        port,
        times,
        wait_for,
        Limits(patience, conflate_after if math.isfinite(times) else math.inf, markets, connections),
        log is not None,
        hang_up,
        spoken.length("--rtt", rtt),
        spoken.users(user),
        None if no_api else terms,
        api_port,
        cut_every,
        spoken.span("--unhealthy", unhealthy),
    )
    ending = Ending()
    timeline = _timeline(data or [datasets.default_market()], since, until)
    if log is not None:
        _check_log(log)
    with tempfile.TemporaryDirectory(prefix="perfbench-") as temporary:
        folder = (certificates or Path(temporary)).absolute()
        ending.open()
        server = Server(timeline, settings)
        _certify(server, folder)
        if host not in (LOOPBACK, "localhost", "::1"):
            typer.echo(f"! {host} is open to others than this machine: anybody who reaches it is served", err=True)
        said = telling.opened(server, timeline, settings, folder)
        typer.echo(json.dumps(said) if json_ else telling.announcement(said, settings.speed))
        sys.stdout.flush()
        ending.wait()
        statement = server.close()
    if json_:
        typer.echo(json.dumps(telling.done(statement)))
    else:
        console = screens.console()
        for part in telling.report(statement):
            console.print(part)
    if log is not None:
        storage.write_atomically(log, _log_rows(server.log), "--log file")


def _timeline(specs: list[str], since: str, until: str) -> Timeline:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        files = []
        for number, spec in enumerate(specs):
            workspace = Path(folder, str(number))
            workspace.mkdir()
            found, problems = datasets.open_markets(spec, workspace)
            if problems:
                raise problems[0]
            files += [(market.name, Path(market.path)) for market in found]
        opens = None if since == START else spoken.seconds("--from", since)
        return exchange.timeline(files, opens, None if until == END else spoken.seconds("--until", until))


def _certify(server: Server, folder: Path) -> None:
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
    storage.check_destination(f"--log {path}", path)
    if path.is_file() or not path.exists():
        storage.write_atomically(path, _log_rows({}), "--log file")


def _log_rows(frames: dict[str, list[Frame]]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("connection", "clk", "due", "sent", "bytes"))
    rows.writerows((name, f.number, f.due, f.sent, f.size) for name, sent in frames.items() for f in sent)
    return text.getvalue().encode()
