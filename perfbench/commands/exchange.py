"""Serve market files as a live stream, on this machine, to unchanged clients.

The exchange listens on this machine only and never contacts the real one.
"""

from __future__ import annotations

import csv
import json
import math
import re
import signal
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.table import Table
from rich.text import Text

from perfbench import datasets, exchange, formatting, showing
from perfbench.commands import Data
from perfbench.errors import NotMeasured, PerfbenchError, UsageProblem
from perfbench.exchange import LOOPBACK, Frame, Limits, Server, Settings, Statement, Timeline
from perfbench.formatting import printable

app = typer.Typer(add_completion=False)

DURATION = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(ms|s|m|h|)")
SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
LIMITS = Limits()
START = "start"
END = "end"
FASTEST = "max"

BOT = """import betfairlightweight
from betfairlightweight.streaming.betfairstream import BetfairStream

BetfairStream._BetfairStream__port = {port}
BetfairStream.HOSTS["perfbench"] = "{host}"
client = betfairlightweight.APIClient("you", "password", app_key="any")
client.session_token = "any"
listener = betfairlightweight.StreamListener(max_latency=None)
stream = client.streaming.create_stream(listener=listener, host="perfbench")
stream.subscribe_to_markets({{"marketIds": {markets}}}, {{"fields": ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED"]}})
stream.start()"""
"""How a bot connects: nothing of betfairlightweight is changed but where it looks (the same from 2.11.2 to 2.24.0)."""


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
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the stream.", show_default="any free one")] = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = LOOPBACK,
    wait_for: Annotated[
        int, typer.Option(min=1, help="Market time begins with the subscription of so many clients.")
    ] = 1,
    connections: Annotated[int, typer.Option(min=1, help="At once, at most.")] = LIMITS.connections,
    markets: Annotated[int, typer.Option(min=1, help="Of one subscription, at most.")] = LIMITS.markets,
    conflate_after: Annotated[
        float,
        typer.Option(min=0.01, help="Seconds after which a client that reads nothing gets what is due in one frame."),
    ] = LIMITS.conflate_after,
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which a client is cut that reads nothing, or says nothing.")
    ] = LIMITS.patience,
    log: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time
        typer.Option(help="Write a line for every frame at the end: when it was due, when it was sent (CSV)."),
    ] = None,
    hang_up: Annotated[
        bool, typer.Option("--hang-up", help="End a connection when it has had the last update.")
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Say where it listens, and at the end what it did, as JSON.")
    ] = False,
) -> None:
    """Serve market files as a live stream, on this machine, to unchanged clients.

    Market time stands still until the first subscription. Ctrl-C or SIGTERM ends it, with 0.
    """
    fastest = speed == FASTEST
    settings = Settings(
        host,
        port,
        math.inf if fastest else _positive("--speed", speed),
        wait_for,
        Limits(patience, math.inf if fastest else conflate_after, markets, connections),
        log is not None,
        hang_up,
    )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    timeline = _timeline(data or [datasets.default_market()], since, until)
    if log is not None:
        _write(log, {}, UsageProblem)  # a place that cannot be written to is told now
    server = Server(timeline, settings)
    if host not in (LOOPBACK, "localhost", "::1"):
        typer.echo(f"! {host} is open to others than this machine: anybody who reaches it is served", err=True)
    _announce(server, timeline, settings, as_json=json_)
    while not ended.wait(0.2):
        pass
    _report(server.close(), as_json=json_)
    if log is not None:
        _write(log, server.log, NotMeasured)


def _timeline(specs: list[str], since: str, until: str) -> Timeline:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        paths = []
        for number, spec in enumerate(specs):
            workspace = Path(folder, str(number))
            workspace.mkdir()
            found, problems = datasets.open_markets(spec, workspace)
            if problems:
                raise problems[0]
            paths += [Path(market.path) for market in found]
        opens = None if since == START else _seconds("--from", since)
        return exchange.timeline(paths, opens, None if until == END else _seconds("--until", until))


def _seconds(option: str, text: str) -> float:
    found = DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageProblem(f"{option} {text}: write a time such as -1800s, -30m or 2h")
    return float(found[1]) * SECONDS[found[2]]


def _positive(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise UsageProblem(f"{option} {text}: write a number above 0 such as 60, or {FASTEST}")
    return number


def _announce(server: Server, timeline: Timeline, settings: Settings, *, as_json: bool) -> None:
    markets = sorted(timeline.definitions)
    left = len(timeline.updates) - timeline.opening
    if as_json:
        said = {
            "host": settings.host,
            "port": server.port,
            "markets": markets,
            "updates": left,
            "seconds": timeline.seconds,
        }
        typer.echo(json.dumps(said))
    else:
        named = ", ".join(markets[:3]) + (f" and {len(markets) - 3} more" if len(markets) > 3 else "")
        pace = "all at once" if settings.speed == math.inf else f"at {settings.speed:g} times the speed"
        typer.echo(f"stream on {settings.host}:{server.port} · {printable(named)} · {left:,} updates {pace}\n")
        typer.echo(BOT.format(port=server.port, host=settings.host, markets=json.dumps(markets[:3])))
        typer.echo("\nCtrl-C ends it.")
    sys.stdout.flush()


def _report(statement: Statement, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(statement)))
        return
    if not statement.connections:
        typer.echo("nobody connected")
        return
    table = Table(box=None, header_style="bold")
    table.add_column("connection")
    for name in ("frames", "bytes", "conflated", "blocked", "late p50", "p99", "most"):
        table.add_column(name, justify="right")
    table.add_column("ended")
    for one in statement.connections:
        late = (one.lateness.p50, one.lateness.p99, one.lateness.most)
        numbers = (formatting.count(one.frames), formatting.size(one.size), formatting.count(one.conflated))
        times = (formatting.seconds(one.blocked), *(formatting.amount(1e3 * seconds, "ms") for seconds in late))
        table.add_row(*map(Text, (one.connection, *numbers, *times, printable(one.ended))))
    console = showing.console()
    console.print(table)
    share = statement.cpu_seconds / statement.wall_seconds
    late_p99 = formatting.amount(1e3 * statement.lateness.p99, "ms")
    console.print(f"The exchange used {share:.1%} of a core; its frames were {late_p99} late at p99.")


def _write(path: Path, frames: dict[str, list[Frame]], problem: type[PerfbenchError]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("connection", "clk", "due", "sent", "bytes"))
            rows.writerows((name, f.number, f.due, f.sent, f.size) for name, sent in frames.items() for f in sent)
    except OSError as error:
        raise problem(f"--log {path}: {error.strerror}; choose another place") from error
