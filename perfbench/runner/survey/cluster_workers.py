"""Workers of this machine for a cluster: one process with a nanny for each core, until a signal or the end of the scheduler."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any

from perfbench.runner.survey.cluster_connection import (
    build_worker_options,
    import_distributed,
    require_scheduler,
)

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLOSE_SECONDS = 5.0
"""Seconds for a worker to leave its scheduler, after which it is killed."""


def serve_workers(address: str, cores: Sequence[int | None], machine_name: str, observe: Callable[[str], None]) -> bool:
    """Measure for the scheduler at this address until a signal comes (True) or the scheduler ends (False).

    :param machine_name: what samples call this machine; that of the host if empty. :param observe: receives a line when the
        workers have joined.

    Raises EngineProblem if no scheduler answers, ExtraMissing without the extra ``cluster``.
    """
    return asyncio.run(_serve(address, cores, machine_name or socket.gethostname(), observe))


async def _serve(address: str, cores: Sequence[int | None], machine_name: str, observe: Callable[[str], None]) -> bool:
    distributed = import_distributed()
    stopped = _install_handlers()
    require_scheduler(address)
    nannies = [distributed.Nanny(address, **build_worker_options(core, cores, machine_name)) for core in cores]
    try:
        joined = asyncio.gather(*(nanny.start() for nanny in nannies))
        await _wait_for_first(stopped.wait(), joined)
        if not stopped.is_set():
            pinned = ", ".join("unpinned" if core is None else str(core) for core in cores)
            observe(f"{machine_name} measures for {address} on core {pinned}; Ctrl-C ends it")
            await _wait_for_first(stopped.wait(), *(nanny.finished() for nanny in nannies))
        return stopped.is_set()
    finally:
        await asyncio.gather(*(nanny.close(timeout=CLOSE_SECONDS) for nanny in nannies), return_exceptions=True)


def _install_handlers() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in END_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stopped.set)
    return stopped


async def _wait_for_first(*waits: Any) -> None:
    """Wait until one of these ends, and raise its exception."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()
