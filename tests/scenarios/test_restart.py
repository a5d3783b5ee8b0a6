"""The scenario restart: no restart and no ``kill -9`` changes what a trading program sees, and nothing of it is left behind."""

from __future__ import annotations

import json
import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from betfairlightweight.streaming.listener import StreamListener
from support.command_line import perfbench, variables
from support.deadline import wait_until

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.util import paths
from perfbench.worker.scenario_api import NotAvailable, ScenarioError

FOLDER = paths.bundled_folder("scenarios") / "memory"
KILLS = 20
UPDATES = 400
MS_PER_HOUR = 3_600_000
MODES = ("never", "advised_exec", "hand_over", "pool", "trim", "malloc_and_trim")
OTHER_WORKLOADS = ("never_fragmented", "advised_exec_fragmented", "never_steady", "advised_exec_steady")
MIB = 1 << 20

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, or calls malloc_trim")
pools = pytest.mark.skipif(sys.version_info < (3, 11), reason="max_tasks_per_child came with Python 3.11")

FULL_DISK = """
import resource, signal, sys
from perfbench.kit.saved_state import save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    if sys.argv[1] == "in_place":
        with open("state.json", "w") as file:
            file.write('"' + "new" * 100 + '"')
    else:
        save("state.json", "new" * 100)
except OSError:
    print("no room")
"""

PASS = """
import json, sys
from perfbench.worker.scenario_loader import LoadedScenario

path, mode, market, parameters = sys.argv[1:]
with LoadedScenario(path).bound(mode, market, json.loads(parameters)) as call:
    work = call()
    print(json.dumps({"numbers": work.numbers, "output": list(work.output)}))
"""

UNFLUSHED = """
import os, sys
if len(sys.argv) == 1:
    file = open("log", "w")
    file.write("traded")
    os.execv(sys.executable, [sys.executable, sys.orig_argv[1], "again"])
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with a removal, starting prices and an in-play part."""
    path = tmp_path_factory.mktemp("market") / "1.100000031"
    write_market(Recipe(seed=31, runners=12, updates=1_200, bsp=True, in_play=True, removal=True), path)
    return path


class AlwaysThere:
    """What an exchange asks whether the trader is still there."""

    def poll(self) -> None:
        """It is."""


class Trading:
    """An exchange that sends the last updates of a market, and the folder of a trader of its own."""

    def __init__(self, shipped: Callable[[str], Any], market: Path, folder: Path, updates: int = UPDATES) -> None:
        self.exchange = shipped("perfbench.kit.stream_server").Exchange(str(market), updates)
        self.hours = (self.exchange.published[-1] - self.exchange.published[0]) * 0.4 / MS_PER_HOUR
        self.folder = folder
        self._load = shipped("perfbench.kit.saved_state").load
        folder.mkdir()
        self._serving = threading.Thread(target=self.exchange.serve, args=(AlwaysThere(),), daemon=True)
        self._serving.start()

    def command(self, restart: str, *more: str, script: str = str(FOLDER / "_trader.py")) -> list[str]:
        told = {"exchange": self.exchange.port, "hours": self.hours, "folder": self.folder, "restart": restart}
        return [script, *(f"--{name}={value}" for name, value in told.items()), *more]

    def start(self, restart: str, *more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, *self.command(restart, *more)])

    def to_the_end(self, restart: str, *more: str) -> Any:
        """What is saved when the stream is over."""
        with self.start(restart, *more):
            self.wait()
        return self.document()

    def wait(self) -> None:
        self._serving.join(60)
        assert not self._serving.is_alive()
        self.exchange.close()

    def document(self) -> Any:
        return self._load(str(self.folder / "state.json"))

    def position(self) -> int:
        document = self.document()
        return int(document["state"]["position"]) if document else 0

    def log(self) -> bytes:
        return (self.folder / "updates.log").read_bytes()


@pytest.fixture
def trading(shipped: Callable[[str], Any], market: Path, tmp_path: Path) -> Callable[..., Trading]:
    """Makes one."""
    return lambda name="trader", **more: Trading(shipped, more.pop("market", market), tmp_path / name, **more)


# Same work, same answers ---------------------------------------------------------------------------------------------------


@linux
def test_a_restart_cures_a_leak_and_fragmentation_and_nothing_else(tmp_path: Path) -> None:
    market = tmp_path / "1.1"
    write_market(Recipe(seed=32, runners=6, updates=300, changed_runners=4), market)
    modes = [mode for mode in (*MODES, *OTHER_WORKLOADS) if mode != "pool" or sys.version_info >= (3, 11)]
    passes = {mode: passed(mode, market, tmp_path, updates=300) for mode in modes}
    outputs = {json.dumps(said["output"]) for said in passes.values()}
    assert len(outputs) == 1
    output = json.loads(outputs.pop())
    assert len(output) == 300
    assert output[-1][1]["orders"], "a state that is empty can be kept by anybody"
    numbers = {mode: said["numbers"] for mode, said in passes.items()}
    assert {said["restarts"] for said in numbers.values()} == {3.0}
    assert all(said["downtime_ms"] > 0 for said in numbers.values())
    leaked = 96 * 100 * 1024  # an interval of 96 updates
    for mode, overhead in (("never", 1), ("trim", 1), ("malloc_and_trim", 1.4)):
        assert numbers[mode]["growth_bytes"] == pytest.approx(overhead * leaked, rel=0.3), mode
    assert numbers["hand_over"]["growth_bytes"] < leaked / 2, "it trades on while its successor starts"
    for mode in {"advised_exec", "pool", *OTHER_WORKLOADS} & set(modes):
        assert numbers[mode]["growth_bytes"] < MIB, mode
    end = {mode: said["end_rss_bytes"] for mode, said in numbers.items()}
    assert end["never"] - end["advised_exec"] == pytest.approx(2 * leaked, rel=0.3)
    assert end["never_fragmented"] - end["advised_exec_fragmented"] > 30 * MIB
    assert abs(end["never_steady"] - end["advised_exec_steady"]) < 2 * MIB
    assert numbers["hand_over"]["peak_rss_bytes"] > numbers["advised_exec"]["peak_rss_bytes"], "there are two of them"
    if "pool" in numbers:
        assert end["pool"] > end["advised_exec"], "its first process stays"
    assert not list((tmp_path / "tmp").iterdir()), "a folder is left"


@linux
def test_memory_is_read_at_the_end_of_every_interval_and_along_the_session(market: Path, tmp_path: Path) -> None:
    said = passed("advised_exec", market, tmp_path, updates=200)["numbers"]
    ends = [said[f"rss_interval_{number}"] for number in range(1, 4)]
    assert said["end_rss_bytes"] == ends[-1]
    assert said["growth_bytes"] == max(0, ends[-1] - ends[0]) / 2
    curve = {name: value for name, value in said.items() if name.startswith("rss_at_")}
    assert list(curve) == [f"rss_at_{place:03d}" for place in range(50, 1001, 50)]
    # At the end of an interval of 64 updates the program holds 64 leaks again.
    assert min(ends) > said["rss_at_350"] + 40 * 100 * 1024, "position 70: six updates after a restart"


def test_advised_restart_closes_saves_and_executes_the_interpreter_with_the_same_arguments(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, calls = shipped("_trader"), []
    trader = SimpleNamespace(pause=lambda: calls.append("pause"), close=lambda: calls.append("close"))
    monkeypatch.setattr(program.os, "chdir", lambda folder: None)
    monkeypatch.setattr(program.os, "execv", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(sys, "orig_argv", ["python", "-X", "utf8", "bot.py", "--live"])
    program.advised_exec(trader, None)
    assert calls == ["pause", "close", (sys.executable, [sys.executable, "-X", "utf8", "bot.py", "--live"])]


def test_claims_are_about_memory_and_not_about_downtime(shipped: Callable[[str], Any]) -> None:
    restart = shipped("restart")
    assert [(claim.before, claim.after, claim.metric, claim.bounded) for claim in restart.CLAIMS] == [
        ("never", "advised_exec", "growth_bytes", True),
        ("never_fragmented", "advised_exec_fragmented", "end_rss_bytes", False),
        ("never_steady", "advised_exec_steady", "end_rss_bytes", False),
    ]
    assert {claim.source for claim in restart.CLAIMS} == {"community notes"}


def test_workload_holds_more_with_every_update_or_the_remains_of_a_burst(shipped: Callable[[str], Any]) -> None:
    module = shipped("perfbench.kit.workload")
    held = {}
    for name in module.WORKLOADS:
        workload = module.Workload(name, 2, 0)
        for position in range(1, 13):
            workload.update(position)
        held[name] = [len(part) if isinstance(part, list) else part for part in workload.held]
    assert held["leak"] == [50] * 12
    assert held["steady"] == []
    assert len(held["fragmentation"]) == 1_500
    assert module.Workload("fragmentation", 2, 12).held == held["fragmentation"], "a successor has the same objects"
    assert module.Workload("leak", 2, 12).held == [], "and no leak"


def passed(mode: str, market: Path, folder: Path, **parameters: float) -> Any:
    """What one pass of the mode said: its numbers and its output."""
    command = [sys.executable, "-c", PASS, str(FOLDER / "restart.py"), mode, str(market), json.dumps(parameters)]
    done = subprocess.run(command, env=variables(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@linux
def test_command_line_compares_the_modes_and_checks_the_advice(market: Path, tmp_path: Path) -> None:
    asked = ("--mode", "never", "--mode", "advised_exec", "--set", "updates=150", "--set", "save_every=1")
    done = perfbench("run", "restart", "--quiet", "--rounds", "1", *asked, "--data", market, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  advised_exec .+ yes$", done.stdout, re.MULTILINE)
    leak = r"that leaks\)” \(community notes\): holds: bounded, growth bytes 4\S* [kM]B → "
    assert re.search(leak, done.stdout), done.stdout
    assert "downtime" not in "".join(re.findall(r"^  advice .*", done.stdout, re.MULTILINE))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(seed=1, runners=6, updates=150, bsp=True, in_play=True, removal=True),
        Recipe(seed=2, runners=3, updates=150, ladder="levels"),
        Recipe(seed=3, runners=4, updates=150, markets=3),
    ],
    ids=["full depth", "best levels", "three markets"],
)
def test_an_image_and_what_follows_make_the_books_of_the_whole_stream(
    recipe: Recipe, shipped: Callable[[str], Any], tmp_path: Path
) -> None:
    write_market(recipe, tmp_path / "1.1")
    exchange = shipped("perfbench.kit.stream_server").Exchange(str(tmp_path / "1.1"), 120)
    went_through = listener()
    went_through.on_data(exchange.image(0).decode())
    for position, line in enumerate(exchange._lines, 1):
        went_through.on_data(line.decode())
        came_back = listener()
        came_back.on_data(exchange.image(position).decode())
        assert books(came_back) == books(went_through), position
    exchange.close()


def listener() -> StreamListener:
    made = StreamListener(output_queue=queue.Queue(), max_latency=float("inf"), lightweight=True)
    made.register_stream(2, "marketSubscription")
    return made


def books(of: StreamListener) -> list[dict[str, Any]]:
    """All that a listener knows, but not how and when it was told, nor the order of the runners."""
    said = [{key: value for key, value in book.items() if key not in TOLD} for book in of.snap()]
    for book in said:
        book["runners"] = sorted(book["runners"], key=lambda runner: runner["selectionId"])
    return said


TOLD = ("streaming_update", "publishTime")


# When, and what goes on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [0.001, 0.004, 0.02])
def test_restarts_follow_the_clock_of_the_market(hours: float, trading: Callable[..., Trading]) -> None:
    traded = trading()
    traded.hours = hours
    due, expected = traded.exchange.published[0] + hours * MS_PER_HOUR, []
    for position, published in enumerate(traded.exchange.published, 1):
        if published >= due:
            expected.append(position + 1)
            while due <= published:
                due += hours * MS_PER_HOUR
    said = [min(position, UPDATES) for position in expected]
    assert [position for position, _ in traded.to_the_end("trim")["notes"]["downtimes"]] == said


def test_exec_keeps_arguments_options_and_folder_and_leaves_no_file_open(
    trading: Callable[..., Trading], tmp_path: Path
) -> None:
    traded = trading("a folder of  its own")
    traded.folder = Path("a folder of  its own")
    (tmp_path / "lib").symlink_to(FOLDER)
    command = traded.command("exec", "--imports=json,csv", script="lib/_trader.py")
    options = ["-X", "utf8", "-O", "-W", "error::DeprecationWarning"]
    with subprocess.Popen([sys.executable, *options, *command], cwd=tmp_path):
        traded.wait()
    traded.folder = tmp_path / traded.folder
    first, *others = traded.document()["notes"]["processes"]
    assert len(others) == 2
    assert others == [first, first], "its number is among what is kept"
    assert first["argv"] == command
    assert ["utf8", first["optimize"], first["cwd"]] == ["utf8", 1, str(traded.folder)]
    assert first["options"] == ["('utf8', True)"]


@pytest.mark.parametrize("restart", ["hand_over", pytest.param("pool", marks=pools)])
def test_others_take_over_with_the_same_arguments(restart: str, trading: Callable[..., Trading]) -> None:
    said = trading().to_the_end(restart)["notes"]["processes"]
    assert len({process["pid"] for process in said}) == 3
    assert len({process["files"] for process in said}) == 1
    assert {tuple(arg for arg in process["argv"] if arg != "--standby") for process in said} == {tuple(said[0]["argv"])}


def test_exec_alone_loses_what_is_in_a_buffer(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(UNFLUSHED)
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True)
    assert (tmp_path / "log").read_text() == ""


def test_failed_trader_reports_the_reason(shipped: Callable[[str], Any], market: Path, tmp_path: Path) -> None:
    exchange = shipped("perfbench.kit.stream_server").Exchange(str(market), 10)
    program = shipped("restart").Program(exchange, str(tmp_path), ["--exchange=1", "--folder=.", "--hours=1"], {})
    with pytest.raises(RuntimeError, match=r"the trader failed: .*invalid choice: 'sometimes'"):
        program.run("sometimes")
    with pytest.raises(RuntimeError, match="the trader failed: ModuleNotFoundError: No module named 'not_there'"):
        program.run("exec", "--imports=not_there")
    exchange.close()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"updates": 2}, "has 2 updates, which leaves no time to restart"),
        ({"imports": "not_there"}, "not_there is not installed in this environment: pip install not_there"),
        ({"retain": 10**9, "updates": 1_200}, "1,200 market books need .* of memory"),
    ],
)
def test_mode_is_not_available_if_it_cannot_be_measured(
    asked: dict[str, Any], reason: str, shipped: Callable[[str], Any], market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped("perfbench.kit.memory"), "available", lambda: 600 * 10**6)
    with pytest.raises(NotAvailable, match=reason):
        next(shipped("restart").program(str(market), **{"updates": 50, **asked}))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"workload": "heavy"}, "workload=heavy: use leak, fragmentation, steady"),
        ({"leak_kb": -1}, "leak_kb=-1: at least 0"),
        ({"retain": 17}, "retain=17: an interval has 16 updates, in which the program cannot fill its books again"),
    ],
)
def test_workload_that_cannot_be_is_refused(
    asked: dict[str, Any], reason: str, shipped: Callable[[str], Any], market: Path
) -> None:
    with pytest.raises(ScenarioError, match=reason):
        next(shipped("restart").program(str(market), **{"updates": 50, **asked}))


def test_hours_without_a_restart_are_not_available(market: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"NotAvailable: .* no restart takes place, ask for fewer hours"):
        passed("never", market, tmp_path, updates=50, hours=1000.0)


def test_an_old_python_has_no_original_arguments(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sys, "orig_argv")
    with pytest.raises(NotAvailable, match=r"3\.10"):
        shipped("restart").advised_exec(None)


# Old or new, never torn ----------------------------------------------------------------------------------------------------


@pytest.mark.stress
def test_twenty_kills_leave_the_state_old_or_new_and_cost_nothing(trading: Callable[..., Trading]) -> None:
    whole = trading("whole", updates=1_000)
    expected = whole.to_the_end("never")["state"]
    killed, chance = trading("killed", updates=1_000), random.Random(20)
    for _ in range(KILLS):
        aim = killed.position() + chance.randrange(1, 45)
        process = killed.start("exec", "--save-every=1")
        while killed.position() < aim:
            time.sleep(0.0005)
        old = killed.position()
        time.sleep(chance.uniform(0, 0.004))
        process.kill()
        assert process.wait() == -signal.SIGKILL
        state = killed.document()["state"]
        assert old <= state["position"] < 1_000
        line = whole.log().splitlines()[state["position"] - 1]
        assert state["chain"] == json.loads(line)[1], "it is that of another moment"
        assert killed.log()[: state["log_bytes"]] == whole.log()[: state["log_bytes"]]
        assert [order for order in expected["orders"] if order[0] < state["position"]] == state["orders"]
    assert killed.to_the_end("exec", "--save-every=1")["state"] == expected
    assert killed.log() == whole.log()
    assert sorted(os.listdir(killed.folder)) == ["state.json", "updates.log"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
@pytest.mark.parametrize(("way", "left"), [("in_place", "torn"), ("atomic", "old")])
def test_a_disk_that_is_full_half_way_tears_a_file_written_in_place_and_no_other(
    way: str, left: str, shipped: Callable[[str], Any], tmp_path: Path
) -> None:
    state = shipped("perfbench.kit.saved_state")
    state.save(str(tmp_path / "state.json"), "old")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, way], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "no room\n"
    try:
        found = state.load(str(tmp_path / "state.json"))
    except state.TornState:
        found = "torn"
    assert found == left
    assert os.listdir(tmp_path) == ["state.json"]


def test_state_with_any_modified_byte_is_detected(shipped: Callable[[str], Any], tmp_path: Path) -> None:
    state, path = shipped("perfbench.kit.saved_state"), tmp_path / "state.json"
    assert state.load(str(path)) is None
    state.save(str(path), {"position": 7, "orders": [[1, "1.1/2/0", 250]]})
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises((state.TornState, UnicodeDecodeError)):
            state.load(str(path))
    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(state.TornState):
            state.load(str(path))
    path.write_bytes(whole)
    assert state.load(str(path))["position"] == 7


# Nothing is left -----------------------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("mode", ["advised_exec", "hand_over", pytest.param("pool", marks=pools)])
def test_a_killed_worker_leaves_no_process_and_no_folder(mode: str, market: Path, tmp_path: Path) -> None:
    run = f"""
import sys
from perfbench.worker.scenario_loader import LoadedScenario
with LoadedScenario({str(FOLDER / "restart.py")!r}).bound({mode!r}, {str(market)!r}, {{"updates": 1_200}}) as call:
    print("ready", flush=True)
    call()
"""
    env = variables(tmp_path)
    with subprocess.Popen([sys.executable, "-c", run], env=env, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        place = Path(env["TMPDIR"])
        wait_until(lambda: list(place.glob("*/state.json")), "a program has saved its state")
        assert len(processes(env["TMPDIR"])) >= 3, "worker, trader, and who removes the folder"
        worker.kill()
    wait_until(lambda: not processes(env["TMPDIR"]), "its processes have ended")
    assert not list(place.iterdir())


def processes(folder: str) -> list[str]:
    """Those whose temporary files are in this folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={folder}\0".encode() in environment.read_bytes():
                found.append(environment.parent.name)
        except OSError:
            continue
    return found
