"""``perfbench exchange`` in a process of its own, next to the measured client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional

from perfbench import NotAvailable

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
    """Start ``perfbench exchange`` with these options. Raises NotAvailable if it does not start."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as temporary:
        process = subprocess.Popen(
            [os.environ["PERFBENCH_PYTHON"], "-m", "perfbench", "exchange", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=folder or temporary,
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
