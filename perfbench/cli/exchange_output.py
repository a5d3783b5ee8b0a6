"""What an exchange says to people and to programs: where it listens, how a bot connects, and at the end what it did."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from perfbench.exchange.config import ExchangeConfig
from perfbench.exchange.metrics import ExchangeReport, Lateness
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.server import Server
from perfbench.exchange.tls.certificates import CA_FILE_NAME, CLIENT_FILE_NAME
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

STREAM_SNIPPET = """import betfairlightweight
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream

BetfairStream._BetfairStream__port = {port}
BetfairStream.HOSTS["perfbench"] = "{host}"
"""
API_SNIPPET = """BaseClient.API_URLS["perfbench"] = "https://{host}:{api_port}/exchange/"
BaseClient.IDENTITY_URLS["perfbench"] = "https://{host}:{api_port}/api/"
BaseClient.IDENTITY_CERT_URLS["perfbench"] = "https://{host}:{cert_port}/api/"  # cert_files="{client}"
client = betfairlightweight.APIClient("you", "password", app_key="any", locale="perfbench")
client.login_interactive()
"""
ANY_SESSION_SNIPPET = """client = betfairlightweight.APIClient("you", "password", app_key="any")
client.session_token = "any"
"""
SUBSCRIBE_SNIPPET = """listener = betfairlightweight.StreamListener(max_latency=None)
stream = client.streaming.create_stream(listener=listener, host="perfbench")
stream.subscribe_to_markets({{"marketIds": {markets}}}, {{"fields": ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED"]}})
stream.start()"""
"""How a bot connects: nothing of betfairlightweight is changed but where it looks (the same from 2.11.2 to 2.24.0)."""

MAX_LISTED_MARKETS = 3
"""Markets that are named."""


def describe_server(server: Server, timeline: Timeline, settings: ExchangeConfig, certificates: Path) -> dict[str, Any]:
    """Where it listens and what it serves, for programs."""
    api = {
        "api_port": server.api_port,
        "cert_port": server.cert_port,
        "authority": str(certificates / CA_FILE_NAME),
        "client": str(certificates / CLIENT_FILE_NAME),
    }
    return {
        "host": settings.host,
        "port": server.port,
        **(api if server.api_port else {}),
        "rtt_ms": server.round_trip * 1e3,
        "markets": sorted(timeline.definitions),
        "updates": len(timeline.updates) - timeline.opening,
        "seconds": timeline.seconds,
    }


def format_announcement(said: Mapping[str, Any], speed: float) -> str:
    """The same for people, and how a bot connects."""
    markets: Sequence[str] = said["markets"]
    named = ", ".join(markets[:MAX_LISTED_MARKETS]) + (
        f" and {len(markets) - MAX_LISTED_MARKETS} more" if len(markets) > MAX_LISTED_MARKETS else ""
    )
    pace = "all at once" if speed == math.inf else f"at {speed:g} times the speed"
    where = f"stream on {said['host']}:{said['port']}"
    if "api_port" in said:
        where += f", API on {said['host']}:{said['api_port']}"
    trip = f" · {said['rtt_ms']:.1f} ms there and back, measured" if said["rtt_ms"] else ""
    lines = [f"{where} · {make_printable(named)} · {said['updates']:,} updates {pace}{trip}", ""]
    code = STREAM_SNIPPET + (API_SNIPPET if "api_port" in said else ANY_SESSION_SNIPPET) + SUBSCRIBE_SNIPPET
    if "api_port" in said:
        lines.append(f"export REQUESTS_CA_BUNDLE={said['authority']}")
    else:
        code = code.replace("from betfairlightweight.baseclient import BaseClient\n", "")
    lines += [
        code.format(**{**said, "client": said.get("client"), "markets": json.dumps(markets[:MAX_LISTED_MARKETS])}),
        "",
    ]
    return "\n".join([*lines, "Ctrl-C ends it."])


def build_report_sections(statement: ExchangeReport) -> list[Table | str]:
    """What it did, for people."""
    told: list[Table | str] = (
        [_build_connection_table(statement)] if statement.connections else ["nobody connected to the stream"]
    )
    if statement.api and statement.api.calls:
        told.append("calls: " + _format_counts(statement.api.calls))
    if statement.api and statement.api.faults:
        told.append("faults: " + _format_counts(statement.api.faults))
    share = statement.cpu_seconds / statement.wall_seconds
    used = f"The exchange used {share:.1%} of a core"
    if statement.connections:
        used += f"; its frames were {formatting.format_amount(1e3 * statement.lateness.p99, 'ms')} late at p99"
    return [*told, used + "."]


def _format_counts(amounts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{make_printable(name)} {formatting.format_count(amount)}" for name, amount in sorted(amounts.items())
    )


def _build_connection_table(statement: ExchangeReport) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("connection")
    for name in ("frames", "bytes", "conflated", "blocked", "late p50", "p99", "most"):
        table.add_column(name, justify="right")
    table.add_column("ended")
    for one in statement.connections:
        numbers = (
            formatting.format_count(one.frames),
            formatting.format_bytes(one.size),
            formatting.format_count(one.conflated),
        )
        times = (formatting.format_seconds(one.blocked), *_format_lateness(one.lateness))
        table.add_row(*map(Text, (one.connection, *numbers, *times, make_printable(one.ended))))
    return table


def _format_lateness(lateness: Lateness) -> list[str]:
    return [formatting.format_amount(1e3 * seconds, "ms") for seconds in (lateness.p50, lateness.p99, lateness.most)]


def serialize_report(statement: ExchangeReport) -> dict[str, Any]:
    """What it did, for programs."""
    return asdict(statement)
