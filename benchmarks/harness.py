"""Overhead of perfbench itself: ``make bench``, or ``harness.py loop help order slices memory`` for parts of it.

loop    CPU seconds that perfbench reports for a pass against a bare loop that does not import it, as pairs on one core
help    ``perfbench --help`` against the help of a bare Typer program, CPU seconds of alternating processes
order   the ratio full / lightweight from pairs interleaved on one core against that from sequential passes
slices  scatter of the log ratio of two identical passes by the length of their time slices, on the first lines of the market
memory  the host's own memory for a file of 1 MB and one of 400 MB, and the growth of the timed pass between 4 and 400 MB

Exits with 1 if a figure is out of its range.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

from perfbench.datasets import head, manifest, resolve
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.environments.host import describe_host
from perfbench.runner import interleave, machine
from perfbench.runner.worker_process import WorkerProcess
from perfbench.stats import signed_rank
from perfbench.stats.signed_rank import Estimate
from perfbench.util import paths
from perfbench.worker.protocol import PassMeasurement, Ready, Request

BARE_LOOP = Path(__file__).with_name("bare_loop.py")
REPLAY = paths.bundled_folder("scenarios") / "replay" / "replay.py"
BARE_TYPER = (
    "import typer\napp = typer.Typer()\n@app.command()\ndef hello(name: str) -> None:\n    print(name)\napp()\n"
)
PAIRS = {"lightweight": 68, "patched": 48, "full": 34}
BIG = Recipe(seed=400, runners=12, updates=1_310_000, changed_runners=4.0)
"""400 MB of a market whose books do not grow over time: not in-play, where traded prices accumulate."""
SLICE_LINES = 10_000
SLICE_SECONDS = (0.002, 0.005, 0.016, 0.075)
SMALL_UPDATES = BIG.updates // 100

failed: list[str] = []


def report(what: str, estimate: Estimate, low: float, high: float) -> None:
    """Print one ratio with its interval, and record it if it is out of range."""
    fine = low <= estimate.ratio <= high
    line = f"{what:<44} {estimate.ratio:.4f}  [{estimate.low:.4f}–{estimate.high:.4f}]  {estimate.pairs} pairs"
    print(f"{line}, sigma {estimate.sigma:.2%}  {'ok' if fine else f'NOT within {low:g}–{high:g}'}", flush=True)
    if not fine:
        failed.append(what)


def worker(market: Path, mode: str, core: int, seed: int) -> WorkerProcess:
    """A worker of perfbench that will time one pass."""
    request = Request("time", str(REPLAY), mode, str(market), core=core)
    return WorkerProcess(describe_host(), request, hash_seed=seed, timeout=3600)


def finish(started: WorkerProcess) -> float:
    """The CPU seconds that the worker reports."""
    measured = started.expect(PassMeasurement)
    started.close()
    return measured.metrics["cpu_seconds"]


def loop() -> None:
    """CPU seconds of perfbench against those of a bare loop."""
    market, core = manifest.locate_file(manifest.list_known_files()[0]), machine.find_quietest_core() or 0
    for mode, pairs in PAIRS.items():
        logs = []
        for _ in range(pairs):
            seed = random.randrange(1, 2**32)
            bare = subprocess.Popen(
                [sys.executable, "-s", str(BARE_LOOP), str(market), mode, str(core)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONHASHSEED": str(seed), "PATH": os.environ["PATH"]},
            )
            ours = worker(market, mode, core, seed)
            assert bare.stdin is not None
            assert bare.stdout is not None
            assert bare.stdout.readline() == b"ready\n"
            ours.expect(Ready)
            for first in random.sample((True, False), 2):
                if first:
                    ours.go()
                else:
                    bare.stdin.write(b"go\n")
                    bare.stdin.flush()
            reported = finish(ours)
            logs.append(math.log(reported / float(bare.stdout.readline())))
            bare.communicate()
        report(f"perfbench / bare loop, {mode}", signed_rank.estimate(logs), 0.99, 1.01)


def children_seconds() -> float:
    """CPU seconds of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def help_cost() -> None:
    """The CPU seconds of ``perfbench --help`` against those of a bare Typer program."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hello.py").write_text(BARE_TYPER)
        commands = {
            "perfbench": [str(Path(sys.executable).with_name("perfbench")), "--help"],
            "typer": [sys.executable, f"{folder}/hello.py", "--help"],
        }
        logs = []
        for _ in range(48):
            seconds = {}
            for name in random.sample(sorted(commands), 2):
                before = children_seconds()
                subprocess.run(commands[name], stdout=subprocess.DEVNULL, check=True)
                seconds[name] = children_seconds() - before
            logs.append(math.log(seconds["perfbench"] / seconds["typer"]))
    report("perfbench --help / Typer hello --help", signed_rank.estimate(logs), 0.0, 1.5)


def order() -> None:
    """Bias of interleaving: interleaved pairs against passes that have the core to themselves."""
    market, core = manifest.locate_file(manifest.list_known_files()[0]), machine.find_quietest_core() or 0
    logs: dict[str, list[float]] = {"interleaved": [], "sequential": []}
    for _ in range(34):
        seed = random.randrange(1, 2**32)
        light, full = interleave.plan_slices(0.57, 3.2)
        passes = {
            mode: [worker(market, mode, core, seed) for _ in range(part.passes)]
            for mode, part in (("lightweight", light), ("full", full))
        }
        for started in itertools.chain(*passes.values()):
            started.expect(Ready)
        sides = random.sample([(passes["lightweight"], light.turn), (passes["full"], full.turn)], 2)
        seconds = {id(done): finish(done) for done in interleave.run_interleaved(sides)}
        means = {mode: fmean(seconds[id(done)] for done in passes[mode]) for mode in passes}
        logs["interleaved"].append(math.log(means["full"] / means["lightweight"]))
        alone: dict[str, list[float]] = {mode: [] for mode in passes}
        order = ["full", *["lightweight"] * light.passes]
        for mode in random.sample(order, len(order)):
            single = worker(market, mode, core, seed)
            single.expect(Ready)
            single.go()
            alone[mode].append(finish(single))
        logs["sequential"].append(math.log(fmean(alone["full"]) / fmean(alone["lightweight"])))
    for name, log_ratios in logs.items():
        report(f"full / lightweight, {name}", signed_rank.estimate(log_ratios), 0.0, math.inf)
    differences = [interleaved - sequential for interleaved, sequential in zip(*logs.values(), strict=True)]
    report("interleaved ratio / sequential ratio", signed_rank.estimate(differences), 0.98, 1.02)


def slice_lengths() -> None:
    """Scatter of pairs of identical passes by slice length; the lengths alternate, so that all run under the same conditions."""
    core = machine.find_quietest_core() or 0
    with tempfile.TemporaryDirectory() as name:
        whole, _ = resolve.open_markets(manifest.list_known_files()[0].name, Path(name))
        market = Path(head.cut_market(whole[0], SLICE_LINES, Path(name)).path)
        logs: dict[float, list[float]] = {length: [] for length in SLICE_SECONDS}
        for _ in range(48):
            for length in random.sample(SLICE_SECONDS, len(SLICE_SECONDS)):
                seed = random.randrange(1, 2**32)
                pair = [worker(market, "lightweight", core, seed) for _ in range(2)]
                for started in pair:
                    started.expect(Ready)
                sides = random.sample([([started], length) for started in pair], 2)
                seconds = {id(done): finish(done) for done in interleave.run_interleaved(sides)}
                logs[length].append(math.log(seconds[id(pair[0])] / seconds[id(pair[1])]))
    for length, log_ratios in logs.items():
        report(
            f"lightweight / lightweight, slices of {1000 * length:g} ms", signed_rank.estimate(log_ratios), 0.98, 1.02
        )


def memory() -> None:
    """The host's memory and the time of a pass, for small files and a large one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, updates in (("1 MB", 3_275), ("4 MB", SMALL_UPDATES), ("400 MB", BIG.updates)):
            recipe = replace(BIG, updates=updates)
            write_market(recipe, folder / file)
            print(f"generated {file}: {(folder / file).stat().st_size / 1e6:.1f} MB, {updates:,} updates", flush=True)
        linear(folder)
        peaks = {file: host_peak(folder, file) for file in ("1 MB", "400 MB")}
        difference = peaks["400 MB"] - peaks["1 MB"]
        print(
            f"host memory: {peaks['1 MB']:.1f} MB for 1 MB, {peaks['400 MB']:.1f} MB for 400 MB: {difference:+.1f} MB"
        )
        if abs(difference) > 5:
            failed.append("host memory")


def linear(folder: Path) -> None:
    """One pass of the large file, with passes of the small one beside it on the same core."""
    core = machine.find_quietest_core() or 0
    large = worker(folder / "400 MB", "lightweight", core, 1)
    large.expect(Ready)
    large.go()
    small = []
    while not large.answers_within(0):
        beside = worker(folder / "4 MB", "lightweight", core, random.randrange(1, 2**32))
        beside.expect(Ready)
        beside.go()
        small.append(finish(beside))
    seconds = finish(large)
    exponent = math.log(seconds / median(small)) / math.log(BIG.updates / SMALL_UPDATES)
    spread = sorted(math.log(seconds / value) / math.log(BIG.updates / SMALL_UPDATES) for value in small)
    ends = f"[{spread[len(spread) // 40]:.4f}–{spread[-1 - len(spread) // 40]:.4f}]"
    print(f"a pass grows with updates to the power {exponent:.4f} {ends}: {median(small):.3f} s → {seconds:.3f} s")
    if exponent > 1.02:
        failed.append("linearity")


def host_peak(folder: Path, file: str) -> float:
    """Peak resident memory of the host process in MB while it measures a file."""
    code = (
        "import sys\nsys.argv = ['perfbench', *sys.argv[1:]]\n"
        "from perfbench.__main__ import main\nfrom perfbench.worker.timed_pass import peak_rss_bytes\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('PEAK', peak_rss_bytes())"
    )
    options = ["run", "--mode", "lightweight", "--rounds", "1", "--quiet", "--data", file, "--timeout", "3600"]
    done = subprocess.run(
        [sys.executable, "-c", code, *options], cwd=folder, capture_output=True, text=True, check=True
    )
    return float(done.stdout.rpartition("PEAK ")[2]) / 1e6


PARTS: dict[str, Callable[[], None]] = {
    "loop": loop,
    "help": help_cost,
    "order": order,
    "slices": slice_lengths,
    "memory": memory,
}


def main() -> None:
    """Run the named parts, default all."""
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()
    if failed:
        sys.exit("out of range: " + ", ".join(failed))


main()
