"""The exchange of perfbench as a process of its own, beside the client that is measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional

from perfbench import NotAvailable

PATIENCE = 30


class ExchangeProcess:
    """``said``: where it listens and what it serves; ``folder``: one of its own, gone with it."""

    def __init__(self, process: "subprocess.Popen[str]", folder: str) -> None:
        self._process = process
        self.folder = folder
        assert process.stdout is not None
        opened = process.stdout.readline()
        if not opened:
            raise NotAvailable(process.communicate()[1].strip() or "the exchange did not open")
        self.said: Dict[str, Any] = json.loads(opened)

    def close(self) -> Dict[str, Any]:
        """End it; what it did."""
        self._process.send_signal(signal.SIGTERM)
        told, complaints = self._process.communicate(timeout=PATIENCE)
        code = self._process.returncode
        if code:
            how = "it was ended by signal {}".format(-code) if code < 0 else "it ended with {}".format(code)
            raise RuntimeError("the exchange failed: " + (complaints.strip() or how))
        done: Dict[str, Any] = json.loads(told)
        return done


@contextmanager
def exchange_process(*options: str, folder: Optional[str] = None) -> Iterator[ExchangeProcess]:
    """``perfbench exchange`` with these options. Raises NotAvailable if it does not open."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as own:
        process = subprocess.Popen(
            [os.environ["PERFBENCH_PYTHON"], "-m", "perfbench", "exchange", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=folder or own,
        )
        try:
            _keep_off_this_core(process.pid)
            yield ExchangeProcess(process, own)
        finally:
            process.kill()
            process.communicate()


def _keep_off_this_core(pid: int) -> None:
    """A process that this one has started is held on the same core as this one, if this one is; not beside what is measured."""
    if hasattr(os, "sched_setaffinity"):
        others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
        if others:
            os.sched_setaffinity(pid, others)
