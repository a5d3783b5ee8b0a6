"""betfairlightweight clients of the local exchange's API.

betfairlightweight is unmodified apart from the host it connects to. The CA bundle is that of ``requests`` plus the
exchange's certificate, since a new connection spends most of its time reading a bundle of that size.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import Any, Dict, Iterator, Optional, Sequence

import betfairlightweight
import requests
from betfairlightweight.baseclient import BaseClient

from perfbench import NotAvailable
from perfbench.kit.child_processes import end_with_parent, folder_until_the_end

STOP_TIMEOUT_SECONDS = 30


class ExchangeProcess:
    """Running exchange. ``announcement``: its announcement (addresses and contents); ``folder``: temporary folder, removed
    with it.
    """

    def __init__(self, process: "subprocess.Popen[str]", folder: str) -> None:
        self._process = process
        self.folder = folder
        assert process.stdout is not None
        announcement = process.stdout.readline()
        if not announcement:
            raise NotAvailable(process.communicate()[1].strip() or "the exchange did not start")
        self.announcement: Dict[str, Any] = json.loads(announcement)

    def close(self) -> Dict[str, Any]:
        """Stop the exchange and return its report."""
        self._process.send_signal(signal.SIGTERM)
        report, errors = self._process.communicate(timeout=STOP_TIMEOUT_SECONDS)
        code = self._process.returncode
        if code:
            reason = "killed by signal {}".format(-code) if code < 0 else "exit code {}".format(code)
            raise RuntimeError("the exchange failed: " + (errors.strip() or reason))
        result: Dict[str, Any] = json.loads(report)
        return result


@contextmanager
def exchange_process(*options: str, folder: Optional[str] = None) -> Iterator[ExchangeProcess]:
    """Start ``perfbench exchange`` with these options. Raises NotAvailable if it does not start.

    It ends with this process, also if that is killed: by SIGTERM, so that it removes its keys.
    """
    with folder_until_the_end() as temporary:
        process = subprocess.Popen(
            [os.environ["PERFBENCH_PYTHON"], "-m", "perfbench", "exchange", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=folder or temporary,
            preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509 - a worker has no threads while it is set up
        )
        try:
            _keep_off_this_core(process.pid)
            yield ExchangeProcess(process, temporary)
        finally:
            process.kill()
            process.communicate()


def _keep_off_this_core(pid: int) -> None:
    """Move a child process off the core that this process is pinned to, away from what is measured."""
    if hasattr(os, "sched_setaffinity"):
        other_cores = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
        if other_cores:
            os.sched_setaffinity(pid, other_cores)


STILL = ("--wait-for", "1000000", "--from", "-60s", "--keep-times")
"""Market time stands still a minute before the announced start, and definitions keep the times of the file: every call of every
pass sees the same state, whenever its exchange was started."""

CA_BUNDLE_VARIABLE = "REQUESTS_CA_BUNDLE"


class Api:
    """API of an exchange. ``rtt_ms``: measured round-trip time in milliseconds; ``markets``: market ids; ``bundle``: path of the
    certificates of requests and of the exchange; ``authority``: of that of the exchange alone.
    """

    def __init__(self, process: ExchangeProcess) -> None:
        self._process = process
        server_info = process.announcement
        self.markets: Sequence[str] = server_info["markets"]
        self.rtt_ms: float = server_info["rtt_ms"]
        self.url = "https://127.0.0.1:{}/exchange/".format(server_info["api_port"])
        self.authority: str = server_info["authority"]
        self.bundle = os.path.join(process.folder, "bundle.pem")
        shutil.copy(requests.certs.where(), self.bundle)
        with open(self.authority) as authority, open(self.bundle, "a") as bundle:
            bundle.write("\n" + authority.read())
        BaseClient.API_URLS["perfbench"] = self.url
        self._session_token = self._log_in("https://127.0.0.1:{}/api/login".format(server_info["api_port"]))

    def _log_in(self, url: str) -> str:
        """Return a session token, which all clients share."""
        form, headers = {"username": "perfbench", "password": "perfbench"}, {"X-Application": "perfbench"}
        answer = requests.post(url, form, headers=headers, verify=self.bundle, timeout=60)
        token: str = answer.json()["token"]
        return token

    def client(self, session: Optional[Any] = None) -> Any:
        """Return a logged-in client; without a session it opens a connection for every call, as by default."""
        client = betfairlightweight.APIClient(
            "perfbench", "perfbench", "perfbench", lightweight=True, locale="perfbench", session=session
        )
        client.session_token = self._session_token
        return client

    def close(self) -> Dict[str, Any]:
        """Stop the exchange and return its counts of calls and faults."""
        api_report: Dict[str, Any] = self._process.close()["api"]
        return api_report


@contextmanager
def trusted(bundle: str) -> Iterator[None]:
    """Make requests trust this file of certificates meanwhile."""
    previous = os.environ.get(CA_BUNDLE_VARIABLE)
    os.environ[CA_BUNDLE_VARIABLE] = bundle
    try:
        yield
    finally:
        os.environ.pop(CA_BUNDLE_VARIABLE, None)
        if previous is not None:
            os.environ[CA_BUNDLE_VARIABLE] = previous


def open_api(*options: str) -> Iterator[Api]:
    """Start an exchange with these options and yield its API, whose certificates requests trusts meanwhile."""
    with exchange_process(*STILL, *options) as process:
        api = Api(process)
        with trusted(api.bundle):
            yield api


def distance(rtt_ms: float) -> Sequence[str]:
    """Return the options for a round-trip time in milliseconds; none for 0."""
    return ("--rtt", "{}ms".format(rtt_ms)) if rtt_ms else ()
