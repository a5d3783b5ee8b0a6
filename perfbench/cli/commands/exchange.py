"""Serve market files as a live stream and an API, on this machine, to unmodified clients.

By default the exchange listens on the loopback interface only; it never contacts the real exchange.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from perfbench.cli import exchange_accounts, exchange_options, exchange_output, option_types
from perfbench.cli.console import build_console
from perfbench.cli.options import Data
from perfbench.cli.signals import ShutdownHandler
from perfbench.datasets import resolve
from perfbench.datasets.corpus import market_files
from perfbench.errors import UsageProblem
from perfbench.exchange.api.config import ApiConfig
from perfbench.exchange.api.fault_injection import FaultConfig
from perfbench.exchange.config import LOOPBACK, ExchangeConfig, Limits
from perfbench.exchange.frame_log import FrameLog
from perfbench.exchange.metrics import ExchangeReport
from perfbench.exchange.network.listening_socket import is_loopback, resolve_host
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.util.extras import require_extra
from perfbench.util.files import build_write_problem, check_destination, write_atomically

if TYPE_CHECKING:
    from perfbench.exchange.server import Server

HELP_GROUP = "Data"

app = typer.Typer(add_completion=False)

DEFAULT_LIMITS = Limits()
FROM_START = "start"
UNTIL_END = "end"
LOG_CHOICE = "--log file"


@app.command("exchange")
def serve(
    data: Data = None,
    speed: exchange_options.Speed = "1",
    since: exchange_options.Since = "-1800s",
    until: exchange_options.Until = UNTIL_END,
    rtt: exchange_options.RoundTrip = "0ms",
    keep_times: exchange_options.KeepTimes = False,
    host: exchange_options.Host = LOOPBACK,
    insecure: exchange_options.Insecure = False,
    wait_for: exchange_options.WaitFor = 1,
    user: exchange_options.User = None,
    users: exchange_options.Users = None,
    app_key: exchange_options.AppKey = None,
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

    Market time starts with the first subscription. Stop with Ctrl-C, SIGTERM or SIGHUP; the exit code is then 0.
    """
    require_extra("exchange", "perfbench exchange")
    from perfbench.exchange.server import Server  # noqa: PLC0415 - an extra

    accounts = exchange_accounts.read_users(user, users)
    exchange_accounts.check_access(host, accounts, insecure=insecure, has_api=not no_api)
    pace = option_types.parse_speed("--speed", speed)
    config = ExchangeConfig(
        host,
        port,
        pace,
        wait_for,
        Limits(patience, conflate_after if math.isfinite(pace) else math.inf, markets, connections),
        None,
        hang_up,
        option_types.parse_round_trip("--rtt", rtt),
        accounts,
        None if no_api else _parse_api_config(funds, service, per_market, _parse_faults(faults, fault, seed, stall)),
        api_port,
        cut_every,
        option_types.parse_time_range("--unhealthy", unhealthy),
        keep_times,
        exchange_accounts.parse_app_keys(app_key),
    )
    shutdown = ShutdownHandler()
    timeline = _load_timeline(data or [resolve.choose_default_market()], since, until)
    if log is not None:
        check_destination(f"--log {log}", log)
    with tempfile.TemporaryDirectory(prefix="perfbench-") as temporary:
        folder = (certificates or Path(temporary)).absolute()
        frames = log and _LogFile(log, Path(temporary))
        shutdown.start_waiting()
        server = Server(timeline, replace(config, record_frame=frames.log.record) if frames else config)
        _write_certificates(server, folder)
        _announce(exchange_output.describe_server(server, timeline, config, folder), pace, as_json=json_)
        shutdown.wait()
        try:
            _print_report(server.close(), as_json=json_)
        finally:
            if frames:
                frames.close()


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
    if not is_loopback(resolve_host(host)):
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
            markets, problems = market_files.open_markets(spec, workspace)
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
        raise UsageProblem(f"--certificates {folder}: {error.strerror}", hint="choose another directory") from error


class _LogFile:
    """Log of frames: a plain file is written while the exchange runs, any other destination once, at the end."""

    def __init__(self, path: Path, workspace: Path) -> None:
        """Open the log. Raises StorageProblem."""
        self._path = path
        self._spool = None if path.is_file() or not path.exists() else workspace / "frames.csv"
        try:
            self.log = FrameLog(self._spool or path)
        except OSError as error:
            raise build_write_problem(path, error, LOG_CHOICE) from error

    def close(self) -> None:
        """Complete the log. Raises StorageProblem."""
        try:
            self.log.close()
        except OSError as error:
            raise build_write_problem(self._path, error, LOG_CHOICE) from error
        if self._spool:
            write_atomically(self._path, self._spool.read_bytes(), LOG_CHOICE)
