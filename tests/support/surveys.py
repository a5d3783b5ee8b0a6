"""Surveys of small corpora for tests: market files, prepared runs, a local cluster of processes, and what a saved run holds."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe
from perfbench.runner.prepare import PreparedRun, prepare_run
from support import corpora
from support.command_line import SCENARIOS, variables
from support.deadline import wait_until
from support.runs import settings

SCENARIO = "own_metric_by_lines"
"""Its seconds follow from the market files alone, and every market is a batch by itself."""

START_SECONDS = 60.0


def write_markets(folder: Path, count: int) -> Path:
    """A folder of plain market files of different lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        files.write_market(Recipe(seed=number, runners=2, updates=20 + 7 * number), folder / corpora.name(number))
    return folder


def prepared(folder: Path, markets: Path, **changes: object) -> PreparedRun:
    """A run of the test scenario on a corpus, ready to be measured."""
    wanted = {"scenarios": (SCENARIO,), "folders": (str(SCENARIOS),), "data": (str(markets),), "rounds": 6, **changes}
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    return prepare_run(settings(**wanted), workspace, "made-up")


def survey_options(markets: Path, *options: str) -> tuple[str, ...]:
    """The arguments of ``perfbench run`` for the test scenario on a corpus."""
    return (SCENARIO, "--scenarios", str(SCENARIOS), "--data", str(markets), *options)


def load_document(path: Path) -> dict[str, Any]:
    """A saved run."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def count_pairs(document: Mapping[str, Any]) -> Counter[tuple[str, str, str]]:
    """How often each case has each of its pairs; of several short passes in one pair the first counts."""
    orders: dict[tuple[str, str, str], list[int]] = {}
    for measurement in document["measurements"]:
        for sample in measurement["samples"]:
            if sample["kind"] == "duet":
                case = (measurement["case"]["mode"], measurement["case"]["environment"], sample["pair"])
                orders.setdefault(case, []).append(sample["order"])
    return Counter({case: places.count(min(places)) for case, places in orders.items()})


def find_places(document: Mapping[str, Any]) -> dict[str, set[tuple[str, int | None]]]:
    """The machines and cores of each pair."""
    places: dict[str, set[tuple[str, int | None]]] = {}
    for measurement in document["measurements"]:
        for sample in measurement["samples"]:
            if sample["kind"] == "duet":
                places.setdefault(sample["pair"], set()).add((sample["machine"], sample["core"]))
    return places


def find_free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A scheduler and workers in processes of their own, each in its own session, with its output in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self.host = "127.0.0.1"
        """Where clients reach the scheduler, which listens everywhere."""
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    def start_scheduler(self) -> None:
        """Start a scheduler at the address, and wait until it listens."""
        options = ("--host", "0.0.0.0", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0")
        self.scheduler = self.start("scheduler", "distributed.cli.dask_scheduler", *options)
        wait_until(self._listens, "the scheduler listens")

    def start_worker(
        self, name: str, *, host: str = "", prefix: Sequence[str] = (), **more: str
    ) -> subprocess.Popen[bytes]:
        """Start ``perfbench worker`` under this name, with a cache of its own, and wait until it has joined.

        :param host: where it reaches the scheduler; :param prefix: a command that becomes its interpreter.
        """
        address = f"tcp://{host or self.host}:{self.port}"
        own = {"PERFBENCH_CACHE": str(self.folder / f"cache-{name}"), **more}
        options = ("--cores", "1", "--name", name)
        process = self.start(name, "perfbench", "worker", address, *options, prefix=prefix, **own)
        self.workers.append(process)
        wait_until(lambda: "measures for" in self.read_log(name) or process.poll() is not None, f"{name} joins")
        assert process.poll() is None, self.read_log(name)
        return process

    def start(
        self, name: str, module: str, *arguments: str, prefix: Sequence[str] = (), **more: str
    ) -> subprocess.Popen[bytes]:
        """Start a module of this interpreter; its output goes to the log of this name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*prefix, sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env=variables(self.folder, **more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def read_log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def find_worker_process(self, worker: subprocess.Popen[bytes]) -> int:
        """The process of Dask that a nanny watches over."""
        children = psutil.Process(worker.pid).children()
        return int(next(child.pid for child in children if "spawn_main" in " ".join(child.cmdline())))

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), 1):
            return True
        return False

    def stop(self) -> None:
        """Kill every process with its children."""
        for process in (*self.workers, *([self.scheduler] if self.scheduler else [])):
            kill_session(process)


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running_cluster(folder: Path, *names: str) -> Iterator[Cluster]:
    """A scheduler with a worker of each of these names."""
    cluster = Cluster(folder)
    try:
        cluster.start_scheduler()
        for name in names:
            cluster.start_worker(name)
        yield cluster
    finally:
        cluster.stop()


def strip_measured(text: str) -> str:
    """A table without what differs between two runs of the same plan: memory, load, times of unpacking."""
    text = re.sub(r"load [\d.]+", "load", re.sub(r"\d+\.\d MB", "MB", text))
    return re.sub(r"unpacking took .*", "unpacking", text)
