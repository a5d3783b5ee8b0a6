"""Connect to a scheduler of Dask, or start one here with a worker for each core; and how a worker is started."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from perfbench.errors import EngineProblem, UsageProblem
from perfbench.runner import machine
from perfbench.runner.survey.remote_task import CORE_VARIABLE, MACHINE_VARIABLE, MEASURED_CORES_VARIABLE
from perfbench.util.extras import require_extra

LOCAL = "local"
"""The address that stands for a scheduler and workers on this machine."""

RESOURCE = "perfbench"
"""What a worker of Dask has one of if it measures."""

SILENT = logging.CRITICAL + 1
LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
"""The loggers whose levels distributed sets itself, and those of what it runs on."""

LOG_VARIABLE = "DASK_LOGGING__DISTRIBUTED"
"""The level of the logger of distributed, in the environment (docs.dask.org, "Configuration")."""

CONNECT_SECONDS = 10
"""Seconds for a scheduler to answer."""

START_SECONDS = 60
"""Seconds for a worker to find its scheduler, after which it gives up."""


def require_cluster(address: str, jobs: int) -> None:
    """Raises ExtraMissing without the extra ``cluster``, EngineProblem where no scheduler answers.

    :param jobs: a number of workers to start, which only a local cluster has.
    """
    require_extra("cluster", "a cluster")
    if address == LOCAL:
        return
    if jobs != 1:
        raise UsageProblem(
            f"--jobs {jobs}: a cluster has as many jobs as workers have joined it",
            hint="leave out --jobs, or use --cluster local",
        )
    require_scheduler(address)


def require_scheduler(address: str) -> None:
    """Raises EngineProblem where nothing listens at the address of a scheduler (``tcp://host:8786``)."""
    host, _, port = address.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EngineProblem(
            f"no scheduler of Dask answers at {address} ({reason})", hint="start one with `dask scheduler`"
        ) from error


@contextmanager
def connect(address: str, jobs: int, observe: Callable[[str], None]) -> Iterator[Any]:
    """A client of the scheduler at this address; ``local`` starts one here with this many workers, which ends with the client.

    Raises EngineProblem if none answers.
    """
    with ExitStack() as ends:
        import_distributed()
        cluster = ends.enter_context(start_local_cluster(jobs)) if address == LOCAL else None
        client = ends.enter_context(_open_client(cluster or address, address))
        observe(f"cluster at {client.scheduler.address}; dashboard: {client.dashboard_link}{_explain_dashboard()}")
        yield client


def import_distributed() -> Any:
    """dask.distributed, which reports nothing itself. Raises ExtraMissing without the extra ``cluster``."""
    require_extra("cluster", "a cluster")
    os.environ.setdefault(LOG_VARIABLE, "critical")  # of the processes of workers, which are started with it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import distributed  # noqa: PLC0415 - an extra, and half a second
    for name in LOGGERS:
        logging.getLogger(name).setLevel(SILENT)
    return distributed


def list_workers(client: Any) -> list[str]:
    """The addresses of the workers that measure."""
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    return [address for address, worker in workers.items() if worker.get("resources", {}).get(RESOURCE)]


def build_worker_options(core: int | None, cores: Sequence[int | None], machine_name: str) -> dict[str, Any]:
    """The arguments of a nanny: one thread, one resource, its core and its machine in the environment of its worker.

    :param cores: all that are measured on.
    """
    return {
        "nthreads": 1,
        "name": f"{machine_name or LOCAL}/{'-' if core is None else core}",
        "resources": {RESOURCE: 1},
        "env": {
            CORE_VARIABLE: "" if core is None else str(core),
            MEASURED_CORES_VARIABLE: ",".join(str(other) for other in cores if other is not None),
            MACHINE_VARIABLE: machine_name,
        },
        "config": {"distributed.worker.profile.enabled": False},
        "memory_limit": 0,
        "death_timeout": START_SECONDS,
        "silence_logs": SILENT,
    }


@contextmanager
def start_local_cluster(jobs: int) -> Iterator[Any]:
    """A scheduler in this process, and a worker process with a nanny for each of the least busy cores."""
    distributed = import_distributed()
    cores = machine.find_quietest_cores(jobs)
    workers = {
        number: {"cls": distributed.Nanny, "options": build_worker_options(core, cores, "")}
        for number, core in enumerate(cores)
    }
    scheduler = {"cls": distributed.Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": ":0"}}
    cluster = distributed.SpecCluster(workers=workers, scheduler=scheduler, silence_logs=SILENT)
    try:
        yield cluster
    finally:
        with suppress(Exception):
            cluster.close(timeout=5)


@contextmanager
def _open_client(where: Any, address: str) -> Iterator[Any]:
    distributed = import_distributed()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about other versions of packages, which perfbench does not use
            client = distributed.Client(where, timeout=CONNECT_SECONDS, set_as_default=False, name="perfbench")
    except (OSError, TimeoutError) as error:
        raise EngineProblem(
            f"no scheduler of Dask answers at {address}", hint="start one with `dask scheduler`, or use --cluster local"
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=2)


def _explain_dashboard() -> str:
    return "" if importlib.util.find_spec("bokeh") else " (needs `pip install bokeh`)"
