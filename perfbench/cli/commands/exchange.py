"""Serve market files as a live stream and an API, on this machine, to unmodified clients.

By default the exchange listens on the loopback interface only; it never contacts the real exchange.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer

from perfbench.cli import exchange_options, exchange_output, option_types
from perfbench.cli.console import build_console
from perfbench.cli.options import Data
from perfbench.cli.signals import ShutdownHandler
from perfbench.datasets import resolve
from perfbench.errors import UsageProblem
from perfbench.exchange.api.fault_injection import FaultConfig
from perfbench.exchange.api.server import ApiConfig
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.metrics import ExchangeReport, Frame
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.server import Server
from perfbench.util.files import check_destination, write_atomically

app = typer.Typer(add_completion=False)

DEFAULT_LIMITS = Limits()
FROM_START = "start"
UNTIL_END = "end"
LOOPBACK_HOSTS = (LOOPBACK, "localhost", "::1")


@app.command("exchange")
def serve(
    data: Data = None,
    speed: exchange_options.Speed = "1",
    since: exchange_options.Since = "-1800s",
    until: exchange_options.Until = UNTIL_END,
    rtt: exchange_options.RoundTrip = "0ms",
    host: exchange_options.Host = LOOPBACK,
    wait_for: exchange_options.WaitFor = 1,
    user: exchange_options.User = None,
    port: exchange_options.Port = 0,
    connections: exchange_options.Connections = DEFAULT_LIMITS.max_connections,
    markets: exchange_options.Markets = DEFAULT_LIMITS.max_markets,
    conflate_after: exchange_options.ConflateAfter = DEFAULT_LIMITS.conflate_after,
    patience: exchange_options.Timeout = DEFAULT_LIMITS.timeout,
    log: exchange_options.Log = None,
    hang_up: exchange_options.CloseWhenDone = False,
    no_api: exchange_options.NoApi = False,
    api_port: exchange_options.ApiPort = 0,
    funds: exchange_options.Funds = 1000.0,
    certificates: exchange_options.Certificates = None,
    service: exchange_options.ExtraLatency = "0ms",
    per_market: exchange_options.LatencyPerMarket = "0ms",
    faults: exchange_options.FaultShare = "0%",
    fault: exchange_options.FaultKinds = None,
    seed: exchange_options.Seed = 1,
    stall: exchange_options.Stall = "5s",
    cut_every: exchange_options.ResetEvery = 0,
    unhealthy: exchange_options.StaleWindow = None,
    json_: exchange_options.AsJson = False,
) -> None:
    """Serve market files as a live stream and an API, on this machine, to unmodified clients.

    Market time starts with the first subscription. Stop with Ctrl-C or SIGTERM; the exit code is then 0.
    """
    pace = option_types.parse_speed("--speed", speed)
    config = ExchangeConfig(
        host,
        port,
        pace,
        wait_for,
        Limits(patience, conflate_after if math.isfinite(pace) else math.inf, markets, connections),
        log is not None,
        hang_up,
        option_types.parse_duration("--rtt", rtt),
        option_types.parse_users(user),
        None if no_api else _parse_api_config(funds, service, per_market, _parse_faults(faults, fault, seed, stall)),
        api_port,
        cut_every,
        option_types.parse_time_range("--unhealthy", unhealthy),
    )
    shutdown = ShutdownHandler()
    timeline = _load_timeline(data or [resolve.choose_default_market()], since, until)
    if log is not None:
        _check_log(log)
    with tempfile.TemporaryDirectory(prefix="perfbench-") as temporary:
        folder = (certificates or Path(temporary)).absolute()
        shutdown.start_waiting()
        server = Server(timeline, config)
        _write_certificates(server, folder)
        _announce(exchange_output.describe_server(server, timeline, config, folder), pace, as_json=json_)
        shutdown.wait()
        report = server.close()
    _print_report(report, as_json=json_)
    if log is not None:
        write_atomically(log, _encode_log(server.log), "--log file")


def _parse_faults(share: str, kinds: list[str] | None, seed: int, stall: str) -> FaultConfig:
    return FaultConfig(
        option_types.parse_share("--faults", share),
        option_types.parse_fault_kinds(kinds),
        seed,
        option_types.parse_duration("--stall", stall),
    )


def _parse_api_config(funds: float, service: str, per_market: str, faults: FaultConfig) -> ApiConfig:
    return ApiConfig(
        funds,
        option_types.parse_duration("--service", service),
        option_types.parse_duration("--per-market", per_market),
        faults,
    )


def _announce(server_info: dict[str, Any], speed: float, *, as_json: bool) -> None:
    host = server_info["host"]
    if host not in LOOPBACK_HOSTS:
        typer.echo(f"warning: listening on {host}: anyone who can reach this address can connect", err=True)
    typer.echo(json.dumps(server_info) if as_json else exchange_output.format_announcement(server_info, speed))
    sys.stdout.flush()


def _print_report(report: ExchangeReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(exchange_output.serialize_report(report)))
        return
    console = build_console()
    for section in exchange_output.build_report_sections(report):
        console.print(section)


def _load_timeline(specs: list[str], since: str, until: str) -> Timeline:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        files = []
        for number, spec in enumerate(specs):
            workspace = Path(folder, str(number))
            workspace.mkdir()
            markets, problems = resolve.open_markets(spec, workspace)
            if problems:
                raise problems[0]
            files += [(market.name, Path(market.path)) for market in markets]
        opens = None if since == FROM_START else option_types.parse_offset("--from", since)
        return build_timeline(files, opens, None if until == UNTIL_END else option_types.parse_offset("--until", until))


def _write_certificates(server: Server, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        server.certificates.write_files(folder)
    except OSError as error:
        server.close()
        raise UsageProblem(f"--certificates {folder}: {error.strerror}; choose another directory") from error


def _check_log(path: Path) -> None:
    """Check that a log can be written before any client is served. Raises UsageProblem, StorageProblem.

    A plain file gets its header now; any other destination is opened only once, at the end.
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
