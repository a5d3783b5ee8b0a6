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

from perfbench import formatting
from perfbench.exchange.authority import AUTHORITY, CLIENT
from perfbench.exchange.server import Server, Settings
from perfbench.exchange.statement import Lateness, Statement
from perfbench.exchange.timeline import Timeline
from perfbench.formatting import printable

STREAM_HOOKS = """import betfairlightweight
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream

BetfairStream._BetfairStream__port = {port}
BetfairStream.HOSTS["perfbench"] = "{host}"
"""
API_HOOKS = """BaseClient.API_URLS["perfbench"] = "https://{host}:{api_port}/exchange/"
BaseClient.IDENTITY_URLS["perfbench"] = "https://{host}:{api_port}/api/"
BaseClient.IDENTITY_CERT_URLS["perfbench"] = "https://{host}:{cert_port}/api/"  # cert_files="{client}"
client = betfairlightweight.APIClient("you", "password", app_key="any", locale="perfbench")
client.login_interactive()
"""
ANY_SESSION = """client = betfairlightweight.APIClient("you", "password", app_key="any")
client.session_token = "any"
"""
SUBSCRIBE = """listener = betfairlightweight.StreamListener(max_latency=None)
stream = client.streaming.create_stream(listener=listener, host="perfbench")
stream.subscribe_to_markets({{"marketIds": {markets}}}, {{"fields": ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED"]}})
stream.start()"""
"""How a bot connects: nothing of betfairlightweight is changed but where it looks (the same from 2.11.2 to 2.24.0)."""

SHOWN = 3
"""Markets that are named."""


def opened(server: Server, timeline: Timeline, settings: Settings, certificates: Path) -> dict[str, Any]:
    """Where it listens and what it serves, for programs."""
    api = {
        "api_port": server.api_port,
        "cert_port": server.cert_port,
        "authority": str(certificates / AUTHORITY),
        "client": str(certificates / CLIENT),
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


def announcement(said: Mapping[str, Any], speed: float) -> str:
    """The same for people, and how a bot connects."""
    markets: Sequence[str] = said["markets"]
    named = ", ".join(markets[:SHOWN]) + (f" and {len(markets) - SHOWN} more" if len(markets) > SHOWN else "")
    pace = "all at once" if speed == math.inf else f"at {speed:g} times the speed"
    where = f"stream on {said['host']}:{said['port']}"
    if "api_port" in said:
        where += f", API on {said['host']}:{said['api_port']}"
    trip = f" · {said['rtt_ms']:.1f} ms there and back, measured" if said["rtt_ms"] else ""
    lines = [f"{where} · {printable(named)} · {said['updates']:,} updates {pace}{trip}", ""]
    code = STREAM_HOOKS + (API_HOOKS if "api_port" in said else ANY_SESSION) + SUBSCRIBE
    if "api_port" in said:
        lines.append(f"export REQUESTS_CA_BUNDLE={said['authority']}")
    else:
        code = code.replace("from betfairlightweight.baseclient import BaseClient\n", "")
    lines += [code.format(**{**said, "client": said.get("client"), "markets": json.dumps(markets[:SHOWN])}), ""]
    return "\n".join([*lines, "Ctrl-C ends it."])


def report(statement: Statement) -> list[Table | str]:
    """What it did, for people."""
    told: list[Table | str] = [_connections(statement)] if statement.connections else ["nobody connected to the stream"]
    if statement.api and statement.api.calls:
        told.append("calls: " + _counted(statement.api.calls))
    if statement.api and statement.api.faults:
        told.append("faults: " + _counted(statement.api.faults))
    share = statement.cpu_seconds / statement.wall_seconds
    used = f"The exchange used {share:.1%} of a core"
    if statement.connections:
        used += f"; its frames were {formatting.amount(1e3 * statement.lateness.p99, 'ms')} late at p99"
    return [*told, used + "."]


def _counted(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{printable(name)} {formatting.count(amount)}" for name, amount in sorted(amounts.items()))


def _connections(statement: Statement) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("connection")
    for name in ("frames", "bytes", "conflated", "blocked", "late p50", "p99", "most"):
        table.add_column(name, justify="right")
    table.add_column("ended")
    for one in statement.connections:
        numbers = (formatting.count(one.frames), formatting.size(one.size), formatting.count(one.conflated))
        times = (formatting.seconds(one.blocked), *_late(one.lateness))
        table.add_row(*map(Text, (one.connection, *numbers, *times, printable(one.ended))))
    return table


def _late(lateness: Lateness) -> list[str]:
    return [formatting.amount(1e3 * seconds, "ms") for seconds in (lateness.p50, lateness.p99, lateness.most)]


def done(statement: Statement) -> dict[str, Any]:
    """What it did, for programs."""
    return asdict(statement)
