"""Output of the exchange command: announcement with a connection snippet, and final report."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from perfbench.exchange.config import ExchangeConfig
from perfbench.exchange.metrics import ExchangeReport, Lateness
from perfbench.exchange.network.listening_socket import format_address
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.tls.certificates import CA_FILE_NAME, CLIENT_FILE_NAME
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

if TYPE_CHECKING:
    from perfbench.exchange.server import Server

STREAM_SNIPPET = """import os

import betfairlightweight
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream

BetfairStream._BetfairStream__port = {port}
BetfairStream.HOSTS["perfbench"] = "{host}"
"""
API_SNIPPET = """os.environ["REQUESTS_CA_BUNDLE"] = {authority}
BaseClient.API_URLS["perfbench"] = "https://{url_host}:{api_port}/exchange/"
BaseClient.IDENTITY_URLS["perfbench"] = "https://{url_host}:{api_port}/api/"
BaseClient.IDENTITY_CERT_URLS["perfbench"] = "https://{url_host}:{cert_port}/api/"  # cert_files="{client}"
client = betfairlightweight.APIClient({user}, "password", app_key={app_key}, locale="perfbench")
client.login_interactive()
"""
ANY_SESSION_SNIPPET = """client = betfairlightweight.APIClient("you", "password", app_key={app_key})
client.session_token = "any"
"""
SUBSCRIBE_SNIPPET = """listener = betfairlightweight.StreamListener(max_latency=None)
stream = client.streaming.create_stream(listener=listener, host="perfbench")
stream.subscribe_to_markets({market_filter}, {{"fields": ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED"]}})
stream.start()"""
"""Connection snippet: betfairlightweight (2.11.2 to 2.24.0) is unmodified apart from the hosts it connects to."""

MAX_LISTED_MARKETS = 3
"""Maximum number of markets to list by id."""


def describe_server(server: Server, timeline: Timeline, config: ExchangeConfig, certificates: Path) -> dict[str, Any]:
    """Describe the addresses and contents of a server for programs."""
    api = {
        "api_port": server.api_port,
        "cert_port": server.cert_port,
        "authority": str(certificates / CA_FILE_NAME),
        "client": str(certificates / CLIENT_FILE_NAME),
    }
    return {
        "host": config.host,
        "port": server.port,
        **(api if server.api_port else {}),
        "rtt_ms": server.round_trip * 1e3,
        "markets": sorted(timeline.definitions),
        **({"user": min(config.users)} if config.users else {}),
        **({"app_key": min(app_keys)} if (app_keys := config.app_keys.live or config.app_keys.delayed) else {}),
        "updates": len(timeline.updates) - timeline.opening,
        "seconds": timeline.seconds,
    }


def format_announcement(server_info: Mapping[str, Any], speed: float) -> str:
    """Format the addresses and contents of a server, with a snippet that connects to it."""
    markets: Sequence[str] = server_info["markets"]
    named = ", ".join(markets[:MAX_LISTED_MARKETS]) + (
        f" and {len(markets) - MAX_LISTED_MARKETS} more" if len(markets) > MAX_LISTED_MARKETS else ""
    )
    pace = "all at once" if speed == math.inf else f"at {speed:g}x speed"
    host = server_info["host"]
    address = f"stream on {format_address(host, server_info['port'])}"
    if "api_port" in server_info:
        address += f", API on {format_address(host, server_info['api_port'])}"
    trip = f" · measured round trip {server_info['rtt_ms']:.1f} ms" if server_info["rtt_ms"] else ""
    lines = [f"{address} · {make_printable(named)} · {server_info['updates']:,} updates {pace}{trip}", ""]
    code = STREAM_SNIPPET + (API_SNIPPET if "api_port" in server_info else ANY_SESSION_SNIPPET) + SUBSCRIBE_SNIPPET
    if "api_port" not in server_info:
        code = code.replace("import os\n\n", "").replace("from betfairlightweight.baseclient import BaseClient\n", "")
    lines += [
        code.format(
            **{
                **server_info,
                "authority": json.dumps(server_info.get("authority")),
                "user": json.dumps(server_info.get("user", "you")),
                "app_key": json.dumps(server_info.get("app_key", "any")),
                "url_host": f"[{host}]" if ":" in host else host,
                "market_filter": json.dumps({"marketIds": markets} if len(markets) <= MAX_LISTED_MARKETS else {}),
            }
        ),
        "",
    ]
    return "\n".join([*lines, "Press Ctrl-C to stop."])


def build_report_sections(report: ExchangeReport) -> list[Table | str]:
    """Build the final report for people."""
    sections: list[Table | str] = (
        [_build_connection_table(report)] if report.connections else ["nobody connected to the stream"]
    )
    if report.api and report.api.calls:
        sections.append("calls: " + _format_counts(report.api.calls))
    if report.api and report.api.faults:
        sections.append("faults: " + _format_counts(report.api.faults))
    share = report.cpu_seconds / report.wall_seconds
    usage = f"CPU use: {share:.1%} of a core"
    if report.connections:
        usage += f"; frame delay: {formatting.format_amount(1e3 * report.lateness.p99, 'ms')} at p99"
    return [*sections, usage]


def _format_counts(amounts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{make_printable(name)} {formatting.format_count(amount)}" for name, amount in sorted(amounts.items())
    )


def _build_connection_table(report: ExchangeReport) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("connection")
    for name in ("frames", "bytes", "conflated", "blocked", "delay p50", "p99", "max"):
        table.add_column(name, justify="right")
    table.add_column("ended")
    for connection in report.connections:
        numbers = (
            formatting.format_count(connection.frames),
            formatting.format_bytes(connection.size),
            formatting.format_count(connection.conflated),
        )
        times = (formatting.format_seconds(connection.blocked), *_format_lateness(connection.lateness))
        table.add_row(*map(Text, (connection.connection, *numbers, *times, make_printable(connection.ended))))
    return table


def _format_lateness(lateness: Lateness) -> list[str]:
    return [formatting.format_amount(1e3 * seconds, "ms") for seconds in (lateness.p50, lateness.p99, lateness.most)]


def serialize_report(report: ExchangeReport) -> dict[str, Any]:
    """Convert the final report for programs."""
    return asdict(report)
