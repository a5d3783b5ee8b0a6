"""``perfbench profile`` of modes that work in other threads, in child processes and in deep recursions. Real profilers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.command_line import perfbench

from perfbench.profiling.document import PROFILES
from perfbench.profiling.model import Profile

SCENARIO = '''"""Who does the work?"""
import multiprocessing
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from perfbench import Work, mode

ROUNDS = 300_000

def step(number):
    return number * number % 7

def burn(n):
    total = 0
    for number in range(n):
        total += step(number)
    return total

@mode(baseline=True)
def in_main():
    return Work(1, output=[burn(ROUNDS)])

@mode
def in_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(burn(ROUNDS)))
    thread.start()
    thread.join()
    return Work(1, output=found)

@mode
def in_pool():
    with ThreadPoolExecutor(2) as pool:
        return Work(1, output=[max(pool.map(burn, [ROUNDS, ROUNDS]))])

@mode
def to_queue():
    """A thread takes numbers from a queue, as a logging control of flumine takes events."""
    numbers, found = queue.Queue(), []

    def take():
        while numbers.get() is not None:
            found.append(1)

    thread = threading.Thread(target=take, name="TAKER")
    thread.start()
    total = 0
    for _ in range(150):
        total += burn(ROUNDS // 150)
        numbers.put(1)
    numbers.put(None)
    thread.join()
    return Work(1, output=[total])

class Burning(threading.Thread):
    def run(self):
        self.found = burn(ROUNDS)

@mode
def half_each():
    thread = Burning(name="second")
    thread.start()
    found = burn(ROUNDS)
    thread.join()
    return Work(1, output=[found])

@mode
def outlives():
    threading.Thread(target=burn, args=(10 ** 12,), daemon=True).start()
    return Work(1, output=[burn(ROUNDS)])

@mode
def in_child():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return Work(1, output=pool.map(burn, [6 * ROUNDS]))
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario."""
    folder = tmp_path_factory.mktemp("threads")
    (folder / "workers.py").write_text(SCENARIO)
    return folder


def profile(folder: Path, mode: str, profiler: str, *options: str) -> tuple[Profile, subprocess.CompletedProcess[str]]:
    """The profile of a mode, and the ended command."""
    name = f"{mode}-{profiler}{len(options)}"
    quick = ("--rounds", "1", "--quiet", "--save", name)
    done = perfbench("profile", "workers.py", "--mode", mode, "--profiler", profiler, *quick, *options, folder=folder)
    assert done.returncode == 0, done.stderr
    return PROFILES.load(folder / "results" / f"{name}.profile.json").profiles[0], done


def find_shares(profile: Profile) -> dict[str, float]:
    """The share of every function by its own time, by its key; ``root/key`` for that below a thread."""
    (one,) = profile.passes
    shares: dict[str, float] = {}
    for stack in one.stacks:
        keys = [profile.functions[frame].key for frame in stack.frames]
        thread = next((key for key in keys if key.startswith("[thread ")), "")
        for name in {keys[-1], f"{thread}/{keys[-1]}"}:
            shares[name] = shares.get(name, 0.0) + stack.seconds / one.seconds
    return shares


@pytest.mark.parametrize("profiler", ["pyinstrument", pytest.param("cprofile", marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", ["in_thread", pytest.param("in_pool", marks=pytest.mark.slow)])
def test_function_that_works_in_another_thread_owns_the_time_and_waiting_does_not(
    folder: Path, mode: str, profiler: str
) -> None:
    shares = find_shares(profile(folder, mode, profiler, "--no-memory")[0])
    # Waiting counted by the clock would own half of the time; on a busy machine a few samples fall on the switch to the thread.
    assert shares["workers.py:burn"] + shares["workers.py:step"] > 0.8
    assert sum(share for name, share in shares.items() if name.endswith("acquire") and "/" not in name) < 0.2


@pytest.mark.parametrize("profiler", ["pyinstrument", pytest.param("cprofile", marks=pytest.mark.slow)])
def test_thread_that_takes_from_a_queue_owns_its_work_and_not_its_waiting(folder: Path, profiler: str) -> None:
    shares = find_shares(profile(folder, "to_queue", profiler, "--no-memory")[0])
    assert shares["workers.py:burn"] + shares["workers.py:step"] > 0.8
    # Waiting counted by the clock would own half of the time, a little for each number.
    assert sum(share for name, share in shares.items() if name.startswith("[thread TAKER]/")) < 0.2


@pytest.mark.slow
def test_threads_are_shown_apart_under_their_names(folder: Path) -> None:
    found, done = profile(folder, "half_each", "pyinstrument", "--no-memory")
    shares = find_shares(found)
    for root in ("[thread second]/", "/"):
        assert shares[f"{root}workers.py:burn"] + shares[f"{root}workers.py:step"] == pytest.approx(0.5, abs=0.15)
    assert re.search(r"─ \S+ \S+% \[thread second\]", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("profiler", ["pyinstrument", "cprofile"])
def test_thread_that_outlives_the_pass_is_reported_as_not_observed(folder: Path, profiler: str) -> None:
    found, done = profile(folder, "outlives", profiler, "--no-memory")
    (one,) = found.passes
    assert one.unseen_seconds > 0.2 * one.cpu_seconds
    assert find_shares(found)["[threads not observed]"] == pytest.approx(one.unseen_seconds / one.seconds, rel=0.01)
    assert re.search(
        rf"^! .*of CPU in a pass were in other threads, which {profiler} does not look into$", done.stdout, re.MULTILINE
    )


@pytest.mark.parametrize("profiler", ["pyinstrument", pytest.param("cprofile", marks=pytest.mark.slow)])
def test_work_of_child_processes_is_measured_and_reported_as_not_looked_into(folder: Path, profiler: str) -> None:
    found, done = profile(folder, "in_child", profiler, "--no-memory")
    assert find_shares(found)["[child processes]"] > 0.6
    assert found.seconds > 0.7 * found.passes[0].child_seconds
    assert f"in child processes, which {profiler} does not look into" in done.stdout
    assert "took" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "missing"), [("in_child", True), ("in_main", False)])
def test_allocations_of_child_processes_are_reported_as_missing(folder: Path, mode: str, missing: bool) -> None:
    _, done = profile(folder, mode, "pyinstrument", "--no-memory", "--allocations")
    assert ("allocations of child processes are not included" in done.stdout) is missing
