"""A survey on real clusters of Dask: the plan of the run on several machines, and what is left when parts of it are killed."""

from __future__ import annotations

import importlib.util
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.checkouts import checkout
from support.command_line import one_line, perfbench
from support.deadline import wait_until
from support.surveys import (
    Cluster,
    count_pairs,
    find_places,
    kill_session,
    load_document,
    running_cluster,
    survey_options,
    write_markets,
)

from perfbench.environments.interpreters import find_interpreters

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kill -9, namespaces")

ROUNDS = 6
KILLS = 30
READS_TICKER = '''
"""Seconds that the measured package says, a line."""
import ticker
from perfbench import Metric, Work, mode

METRICS = {"lines": Metric("lines")}


@mode(baseline=True)
def ticked(market):
    with open(market, encoding="utf-8") as file:
        lines = len(file.readlines())
    return Work(lines, seconds=lines * ticker.SECONDS, lines=float(lines))
'''


@pytest.fixture
def markets(tmp_path: Path) -> Path:
    return write_markets(tmp_path / "markets", 8)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as running:
        yield running


def run(folder: Path, markets: Path, *options: str, rounds: int = ROUNDS) -> subprocess.CompletedProcess[str]:
    return perfbench(
        "run", *survey_options(markets, "--rounds", str(rounds), "--save", "run", *options), folder=folder, process=True
    )


def saved(folder: Path) -> dict[str, Any]:
    return load_document(folder / "results" / "run.json")


def require_each_pair_once(document: dict[str, Any], rounds: int = ROUNDS) -> None:
    """Every planned draw has each of its pairs once, and no pair spans two machines or cores."""
    assert document["finished"] is True
    pairs = count_pairs(document)
    assert set(pairs.values()) == {1}
    drawn = {draw["batch"] for draw in document["corpus"]["draws"][:rounds]}
    measured = {m["case"]["data"] for m in document["measurements"] for s in m["samples"] if s["kind"] == "duet"}
    assert measured == drawn
    assert all(len(places) == 1 for places in find_places(document).values())


def find_machines(document: dict[str, Any]) -> set[str]:
    return {sample["machine"] for m in document["measurements"] for sample in m["samples"]}


@pytest.mark.essential
def test_local_cluster_measures_every_planned_pair_and_leaves_no_process(tmp_path: Path, markets: Path) -> None:
    done = run(tmp_path, markets, "--cluster", "local")
    assert done.returncode == 0, done.stderr
    assert "dashboard: http://127.0.0.1:" in done.stderr
    assert "2.0x" in done.stdout
    document = saved(tmp_path)
    require_each_pair_once(document)
    assert find_machines(document) == {""}
    assert document["corpus"]["machines"] == []
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(tmp_path) in command]


@pytest.mark.slow
def test_two_machines_share_the_draws_and_are_named_in_samples_and_summary(
    tmp_path: Path, markets: Path, cluster: Cluster
) -> None:
    for name in ("ws1", "ws2"):
        cluster.start_worker(name)
    done = run(tmp_path, markets, "--cluster", cluster.address, rounds=8)
    assert done.returncode == 0, done.stderr
    document = saved(tmp_path)
    require_each_pair_once(document, 8)
    assert find_machines(document) == {"ws1", "ws2"}
    assert [machine["name"] for machine in document["corpus"]["machines"]] == ["ws1", "ws2"]
    assert "measured on ws1 (" in done.stdout
    assert "differs by machine" not in done.stdout  # the seconds follow from the files


def require_namespaces() -> None:
    """Skip the test where a process cannot have a file system of its own."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("namespaces take root")


@contextmanager
def network_namespace(name: str, number: int) -> Iterator[str]:
    """A network of its own, connected to this one; yields the address of this side. Skips the test without the rights."""
    here, there = f"{name}h", f"{name}n"
    commands = [
        f"ip netns add {name}",
        f"ip link add {here} type veth peer name {there} netns {name}",
        f"ip addr add 10.231.{number}.1/24 dev {here}",
        f"ip link set {here} up",
        f"ip -n {name} addr add 10.231.{number}.2/24 dev {there}",
        f"ip -n {name} link set {there} up",
        f"ip -n {name} link set lo up",
    ]
    try:
        for command in commands:
            if subprocess.run(command.split(), capture_output=True, check=False).returncode != 0:
                pytest.skip("namespaces take root")
        yield f"10.231.{number}.1"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", here], capture_output=True, check=False)


@pytest.mark.essential
def test_machines_in_networks_of_their_own_without_the_files_get_environments_scenario_and_markets(
    tmp_path: Path, markets: Path, cluster: Cluster
) -> None:
    """Each worker has its own network, host name, cache, and neither the market files, the scenario nor the checkouts."""
    own = tmp_path / "own"
    sides = [
        str(checkout(own / name, name[1:], f"SECONDS = {seconds}")) for name, seconds in (("v1", 1e-3), ("v2", 5e-4))
    ]
    (own / "reads_ticker.py").write_text(READS_TICKER)
    hide = 'hostname "$0"; mount -t tmpfs none "$1"; mount -t tmpfs none "$2"; shift 2; exec "$@"'
    with network_namespace("pb1", 1) as first, network_namespace("pb2", 2) as second:
        for name, space, host in (("ws1", "pb1", first), ("ws2", "pb2", second)):
            isolated = ["ip", "netns", "exec", space, "unshare", "--mount", "--uts", "sh", "-c", hide]
            cluster.start_worker(name, host=host, prefix=[*isolated, name, str(markets), str(own)])
        done = perfbench(
            "compare", *sides, "--scenario", own / "reads_ticker.py", "--data", markets, "--rounds", 8, "--save", "run",
            "--cluster", cluster.address, folder=tmp_path, process=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "2.0x" in done.stdout
    document = saved(tmp_path)
    require_each_pair_once(document, 8)
    assert find_machines(document) == {"ws1", "ws2"}
    for name in ("ws1", "ws2"):
        assert list((tmp_path / f"cache-{name}" / "environments").glob("*/complete.json")), "built on each machine"


READS_FILES = """
from pathlib import Path

import ticker

STAKE = float(Path(__file__).with_name("stakes.txt").read_text())


def run(market):
    with open("settings/limits.txt") as limits, open(market) as lines:
        return int(limits.read()) * len(lines.readlines())
"""


@pytest.mark.slow
def test_program_finds_the_files_that_it_names_on_a_machine_without_them(
    tmp_path: Path, markets: Path, cluster: Cluster
) -> None:
    """Beside the program, and in the working directory of its user, which the other machine does not have."""
    require_namespaces()
    own = tmp_path / "own"
    side = checkout(own / "v1", "1", "SECONDS = 0.001")
    (own / "programs").mkdir()
    (own / "settings").mkdir()
    (own / "programs" / "reads.py").write_text(READS_FILES)
    (own / "programs" / "stakes.txt").write_text("2.5")
    (own / "settings" / "limits.txt").write_text("3")
    isolated = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0"; exec "$@"', str(own)]
    cluster.start_worker("ws1", prefix=isolated)
    done = perfbench(
        "run", "programs/reads.py:run", "--data", markets, "--rounds", 4, "--env", side, "--save", "run",
        "--cluster", cluster.address, folder=own, process=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    samples = [sample for measurement in saved(own)["measurements"] for sample in measurement["samples"]]
    assert {sample["machine"] for sample in samples} == {"ws1"}
    assert all(sample["work"] % 3 == 0 for sample in samples)


@pytest.mark.slow
def test_machine_without_the_python_of_the_plan_measures_nothing_and_says_why(
    tmp_path: Path, markets: Path, cluster: Cluster
) -> None:
    """The plan is measured with a Python that only this machine has: a link that the other cannot follow."""
    own = tmp_path / "own"
    side = checkout(own / "v1", "1", "SECONDS = 0.001")
    (own / "reads_ticker.py").write_text(READS_TICKER)
    others = [python for python in find_interpreters() if python.version != sys.version.split()[0]]
    if not others:
        pytest.skip("there is only one Python here")
    hidden = str(Path(others[-1].path).parents[1])
    require_namespaces()
    isolated = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0"; exec "$@"', hidden]
    cluster.start_worker("ws1", prefix=isolated)
    done = perfbench(
        "run", own / "reads_ticker.py", "--data", markets, "--rounds", 4, "--env",
        f"{side} python=={others[-1].version}", "--save", "run", "--cluster", cluster.address, folder=tmp_path, process=True,
    )  # fmt: skip
    assert done.returncode == 5
    reason = f"needs Python {others[-1].version}, which is not on this machine"
    assert f"no worker of {cluster.address} can measure: ws1: " in done.stdout + done.stderr
    assert reason in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["worker of Dask", pytest.param("process that measures", marks=pytest.mark.slow)])
def test_killed_worker_costs_only_the_draw_that_it_was_at(
    tmp_path: Path, markets: Path, cluster: Cluster, kind: str
) -> None:
    worker = cluster.start_worker("ws1")
    client = start_client(cluster, markets)
    wait_until(lambda: len(read_results(tmp_path)) > 10, "some results are in the journal")
    killed = psutil.Process(cluster.find_worker_process(worker))
    if kind == "process that measures":
        (killed,) = (child for child in killed.children() if "perfbench.runner.survey.job" in child.cmdline())
    killed.kill()
    assert client.wait(120) == 0, cluster.read_log("client")
    require_each_pair_once(saved(tmp_path))


@pytest.mark.slow
def test_killed_nanny_leaves_its_draws_to_the_other_worker(tmp_path: Path, markets: Path, cluster: Cluster) -> None:
    worker = cluster.start_worker("ws1")
    cluster.start_worker("ws2")
    client = start_client(cluster, markets)
    wait_until(lambda: len(read_results(tmp_path)) > 10, "some results are in the journal")
    worker.kill()
    assert client.wait(120) == 0, cluster.read_log("client")
    require_each_pair_once(saved(tmp_path))


@pytest.mark.essential
def test_run_whose_scheduler_is_killed_is_resumed_on_another_cluster(
    tmp_path: Path, markets: Path, cluster: Cluster
) -> None:
    cluster.start_worker("ws1")
    client = start_client(cluster, markets)
    wait_until(lambda: len(read_results(tmp_path)) > 10, "some results are in the journal")
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    assert client.wait(120) == 5
    log = cluster.read_log("client")
    assert f"! the scheduler at {cluster.address} cannot be reached any more" in log
    assert "hint: start a scheduler and workers, then resume with --resume --cluster ADDRESS" in log
    assert "Traceback" not in log
    before = read_results(tmp_path)
    (tmp_path / "other").mkdir()
    with running_cluster(tmp_path / "other", "ws2") as other:
        done = perfbench("run", "--resume", "--cluster", other.address, folder=tmp_path, process=True)
    assert done.returncode == 0, done.stderr
    document = saved(tmp_path)
    require_each_pair_once(document)
    samples = [sample for m in document["measurements"] for sample in m["samples"]]
    assert all(result["sample"] is None or result["sample"] in samples for result in before), "something was lost"


def test_interrupted_client_keeps_its_journal_and_resumes_on_this_machine(
    tmp_path: Path, markets: Path, cluster: Cluster
) -> None:
    cluster.start_worker("ws1")
    client = start_client(cluster, markets)
    wait_until(lambda: len(read_results(tmp_path)) > 10, "some results are in the journal")
    client.send_signal(signal.SIGINT)
    assert client.wait(60) == 130
    assert one_line(cluster.read_log("client").partition("perfbench: ")[2]).startswith("interrupted; what was measured")
    done = perfbench("run", "--resume", "--cluster", "", folder=tmp_path, process=True)
    assert done.returncode == 0, done.stderr
    require_each_pair_once(saved(tmp_path))


def test_worker_ends_with_a_signal_and_leaves_no_process(tmp_path: Path, cluster: Cluster) -> None:
    worker = cluster.start_worker("ws1")
    children = psutil.Process(worker.pid).children(recursive=True)
    assert children
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 0
    assert cluster.read_log("ws1").splitlines()[-1] == "stopped"
    wait_until(lambda: not any(child.is_running() for child in children), "its processes end", 10)


def test_worker_ends_with_its_scheduler(tmp_path: Path, cluster: Cluster) -> None:
    worker = cluster.start_worker("ws1")
    assert cluster.scheduler is not None
    cluster.scheduler.terminate()
    assert worker.wait(60) == 0
    assert cluster.read_log("ws1").splitlines()[-1] == f"the scheduler at {cluster.address} has ended"


def test_worker_without_a_scheduler_ends_with_one_line(tmp_path: Path) -> None:
    done = perfbench("worker", "127.0.0.1:1", folder=tmp_path)
    assert done.returncode == 5
    assert one_line(done.stderr) == (
        "perfbench: no scheduler of Dask answers at tcp://127.0.0.1:1 (Connection refused)\n"
        "hint: start one with `dask scheduler`"
    )


def test_cluster_that_does_not_answer_ends_before_anything_is_prepared(tmp_path: Path, markets: Path) -> None:
    done = run(tmp_path, markets, "--cluster", "tcp://127.0.0.1:1")
    assert done.returncode == 5
    assert one_line(done.stderr).startswith("perfbench: no scheduler of Dask answers at tcp://127.0.0.1:1")
    assert not (tmp_path / "results").exists()


def test_jobs_beside_the_address_of_a_cluster_are_refused(tmp_path: Path, markets: Path) -> None:
    done = run(tmp_path, markets, "--cluster", "tcp://127.0.0.1:1", "--jobs", "2")
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("perfbench: --jobs 2: a cluster has as many jobs as workers have joined it")


@pytest.mark.parametrize("command", ["run", "worker"])
def test_missing_extra_is_named(tmp_path: Path, markets: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    options = ("run", *survey_options(markets), "--cluster", "local") if command == "run" else ("worker", "host:8786")
    done = perfbench(*options, folder=tmp_path)
    assert done.returncode == 2
    assert one_line(done.stderr) == (
        "perfbench: a cluster needs dask and distributed, which are not installed\nhint: pip install 'betfair-perfbench[cluster]'"
    )


def test_cluster_for_few_files_is_refused(tmp_path: Path, markets: Path) -> None:
    (first, *_) = sorted(markets.iterdir())
    done = run(tmp_path, first, "--cluster", "local")
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("perfbench: --cluster measures the draws of a corpus")


def start_client(cluster: Cluster, markets: Path, *options: str, rounds: int = ROUNDS) -> subprocess.Popen[bytes]:
    """``perfbench run`` on a cluster, in a process of its own."""
    fresh = ("--rounds", str(rounds), "--save", "run", "--cluster", cluster.address)
    return cluster.start("client", "perfbench", "run", *(options or survey_options(markets, *fresh)))


def read_results(folder: Path) -> list[dict[str, Any]]:
    """The complete lines of the journal after the first."""
    journal = folder / "results" / "run.journal"
    content = journal.read_bytes() if journal.exists() else b""
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()[1:]]


@pytest.mark.stress
@pytest.mark.timeout(1800)
def test_survey_with_thirty_kills_ends_with_every_pair_once(tmp_path: Path) -> None:
    """Workers, nannies, schedulers and clients are killed at random moments; the rest is resumed."""
    rounds = 160
    markets = write_markets(tmp_path / "markets", 170)
    chance = random.Random(19)
    before: list[dict[str, Any]] = []
    kills: list[str] = []
    survey = Survey(tmp_path, markets, rounds)
    try:
        while len(kills) < KILLS and survey.ensure_running():
            time.sleep(chance.uniform(0.2, 3.0))
            kind = chance.choice(["worker", "worker", "nanny", "scheduler", "client"])
            survey.kill(kind, chance)
            kills.append(kind)
            results = read_results(tmp_path)
            if not (tmp_path / "results" / "run.json").exists():
                assert results[: len(before)] == before, "something that was finished is missing"
                before = results
        while survey.ensure_running():
            time.sleep(0.5)
    finally:
        survey.stop()
    assert len(kills) == KILLS
    document = saved(tmp_path)
    require_each_pair_once(document, rounds)


class Survey:
    """A client, a scheduler and two workers; those that were killed are started again."""

    def __init__(self, folder: Path, markets: Path, rounds: int) -> None:
        self.folder, self.markets, self.rounds = folder, markets, rounds
        self.cluster = Cluster(folder)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.client: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> bool:
        """Start what does not run; False when the run is saved."""
        if (self.folder / "results" / "run.json").exists():
            return False
        if self.cluster.scheduler is None or self.cluster.scheduler.poll() is not None:
            self.cluster.start_scheduler()
        for name in ("ws1", "ws2"):
            if name not in self.workers or self.workers[name].poll() is not None:
                (self.folder / f"{name}.log").unlink(missing_ok=True)
                self.workers[name] = self.cluster.start_worker(name)
        if self.client is None or self.client.poll() is not None:
            resuming = (self.folder / "results" / "run.journal").exists()
            again = ("--resume", "--cluster", self.cluster.address)
            self.client = start_client(self.cluster, self.markets, *(again if resuming else ()), rounds=self.rounds)
        return True

    def kill(self, kind: str, chance: random.Random) -> None:
        worker = self.workers[chance.choice(sorted(self.workers))]
        if kind == "worker" and worker.poll() is None:
            children = [c for c in psutil.Process(worker.pid).children() if "spawn_main" in " ".join(c.cmdline())]
            for child in children:
                child.kill()
        elif kind == "nanny":
            worker.kill()
            worker.wait()
        elif kind == "scheduler" and self.cluster.scheduler is not None:
            self.cluster.scheduler.kill()
            self.cluster.scheduler.wait()
        elif kind == "client" and self.client is not None:
            self.client.kill()
            self.client.wait()

    def stop(self) -> None:
        if self.client is not None:
            kill_session(self.client)
        self.cluster.stop()
