"""How often ``perfbench advise`` errs: ``advise_rates.py [PART…] [--runs N] [--pairs RUN]``.

nothing   simulated searches among candidates that gain nothing, with the noise of real pairs of one release built twice: how many
          give advice (at most 1 of 100)
boundary  the same with candidates that gain exactly 1 %, which is no advice yet: the least favourable case of the test
planted   one candidate that gains 2, 5 or 20 %, or 2x, among others that gain nothing: how often it is advised, alone, and how many
          pairs and seconds that takes
live      whole commands on a program with nothing to gain: ``--program PATH.py``, ``--data PATH``, ``--live-runs N``
causes    commands on eight programs with a planted cause: whether its lever is the first row; ``--data PATH``, one market file
          (both parts: ``--max-time SECONDS`` of each command)

The noise is drawn in blocks of consecutive pairs from a saved calibration (``perfbench calibrate``; unless ``--pairs`` names one,
the one that docs/ci/calibrate.md shows), so that neighbours in time stay correlated as they were. Exits with 1 if a rate is out
of its range.
"""

from __future__ import annotations

import argparse
import bz2
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from perfbench.advise.gains import LEVEL, SMALLEST_GAIN
from perfbench.advise.search_steps import SearchCandidate
from perfbench.advise.simulation import Noise, Simulated, simulate_search
from perfbench.gate.calibration.analysis import Proportion
from perfbench.gate.calibration.session import read_log_ratios
from perfbench.results import storage
from perfbench.results.document import RUNS

KEPT_PAIRS = "results/reference-calibration.json"
CANDIDATES = 20
BLOCK_PAIRS = 6
"""Consecutive pairs that are drawn together."""

DEFAULT_SECONDS = 600.0
TIMES = (300.0, DEFAULT_SECONDS, 3600.0)
"""Values of ``--max-time``."""

PAIR_SECONDS = 8.0
"""A pair on PRO-1.170258213."""

PLANTED = (1.02, 1.05, 1.20, 2.0)
NOISES = (1.0, 2.0)
"""Multiples of the measured noise."""

CAUSES = {
    "logging_to_file.py": ("log_level",),
    "latency_check.py:run": ("max_latency",),
    "slow_json.py:run": ("speed_extra",),
    "collecting_middleware.py": ("no_simulated_middleware",),
    "eleven_simulations.py": ("together",),
    "kept_books.py": ("gc_threshold", "gc_off", "gc_freeze"),
    "packed_files.py": ("unpacked",),
    "far_too_early.py": ("seconds_to_start", "cut_files"),
}
"""The planted programs, and the levers that remove each cause."""

PROGRAMS = Path("tests/data/programs/planted")

Floats = NDArray[np.float64]
failed: list[str] = []


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--pairs", default=KEPT_PAIRS)
    parser.add_argument("--program", default="tests/data/programs/planted/nothing_to_gain.py")
    parser.add_argument("--data", default="sample-win")
    parser.add_argument("--live-runs", type=int, default=10)
    parser.add_argument("--max-time", default="600")
    options = parser.parse_args()
    limit = ("--max-time", options.max_time)
    parts = options.parts or ["nothing", "boundary", "planted"]
    pairs = read_pairs(options.pairs)
    print(f"{len(pairs)} real pairs of {options.pairs}: sigma {pairs.std(ddof=1):.2%}")
    if "nothing" in parts:
        measure_nothing(pairs, options.runs)
    if "boundary" in parts:
        measure_boundary(pairs, options.runs)
    if "planted" in parts:
        measure_planted(pairs, max(100, options.runs // 10))
    if "live" in parts:
        measure_live(options.program, options.data, options.live_runs, limit)
    if "causes" in parts:
        measure_causes(Path(options.data), limit)
    sys.exit(bool(failed))


def read_pairs(name: str) -> Floats:
    """The log ratios of a saved calibration, in order of time, around their median."""
    run = storage.load_run(RUNS.find(name, Path("results")))
    pairs = np.array(read_log_ratios(run, run.duets[0]))
    return np.asarray(pairs - np.median(pairs))


def make_noise(pairs: Floats, numbers: Generator, scale: float = 1.0) -> Noise:
    """Noise in blocks of consecutive real pairs."""

    def draw(count: int) -> list[float]:
        values: list[float] = []
        while len(values) < count:
            start = int(numbers.integers(0, len(pairs) - BLOCK_PAIRS))
            values += [scale * float(value) for value in pairs[start : start + BLOCK_PAIRS]]
        return values[:count]

    return draw


def simulate(
    pairs: Floats,
    gains: Sequence[float],
    runs: int,
    seconds: float,
    scale: float,
    candidates: Sequence[SearchCandidate],
) -> list[Simulated]:
    """Searches, each with noise of its own."""
    return [
        simulate_search(
            gains,
            make_noise(pairs, np.random.default_rng([seed, int(seconds)]), scale),
            seconds=seconds,
            pair_seconds=PAIR_SECONDS,
            candidates=candidates,
        )
        for seed in range(runs)
    ]


def report(what: str, count: int, runs: int, fine: bool) -> None:
    """Print a rate with its interval, and record it if it is out of its range."""
    rate = Proportion(count, runs)
    low, high = rate.interval
    print(f"{what:<64} {count:>5} of {runs:,}  {rate.share:.2%} ({low:.2%} to {high:.2%})  {'ok' if fine else 'NOT'}")
    if not fine:
        failed.append(what)


def measure_nothing(pairs: Floats, runs: int) -> None:
    """Advice where there is nothing to gain."""
    free = [SearchCandidate() for _ in range(CANDIDATES)]
    for seconds in TIMES:
        for scale in NOISES:
            searches = simulate(pairs, [0.0] * CANDIDATES, runs, seconds, scale, free)
            advised = sum(search.result.confirmed for search in searches)
            what = f"advice with nothing to gain, {seconds:.0f} s, noise x{scale:g}"
            report(what, advised, runs, advised <= LEVEL * runs)


def measure_boundary(pairs: Floats, runs: int) -> None:
    """Advice where every candidate gains exactly what is no advice yet, and only one can be chosen."""
    everything = frozenset(range(CANDIDATES))
    alternatives = [SearchCandidate(excludes=everything - {number}) for number in range(CANDIDATES)]
    for seconds in TIMES:
        searches = simulate(pairs, [SMALLEST_GAIN] * CANDIDATES, runs, seconds, 1.0, alternatives)
        advised = sum(search.result.confirmed for search in searches)
        expected = LEVEL * runs
        report(
            f"advice at a gain of exactly 1 %, {seconds:.0f} s", advised, runs, advised <= expected + 3 * expected**0.5
        )


def measure_planted(pairs: Floats, runs: int) -> None:
    """How often a gain is found, and what that takes."""
    free = [SearchCandidate() for _ in range(CANDIDATES)]
    for ratio in PLANTED:
        gains = [math.log(ratio) if number == 7 else 0.0 for number in range(CANDIDATES)]
        for seconds in TIMES:
            searches = simulate(pairs, gains, runs, seconds, 1.0, free)
            advised = sum(search.result.confirmed and 7 in search.result.combination for search in searches)
            alone = sum(search.result.confirmed and search.result.combination == (7,) for search in searches)
            spent = np.mean([search.seconds for search in searches])
            count = np.mean([search.pairs for search in searches])
            what = f"gain of {ratio:g}x, {seconds:.0f} s ({count:.0f} pairs, {spent:.0f} s; alone in {alone})"
            report(what, advised, runs, ratio < 1.05 or seconds < DEFAULT_SECONDS or advised >= 0.9 * runs)


def measure_live(program: str, data: str, runs: int, limit: Sequence[str]) -> None:
    """Whole commands on a program with nothing to gain."""
    advised = 0
    for number in range(runs):
        titles = advise(program, "--data", data, *limit)["advised"]
        advised += bool(titles)
        print(f"live run {number + 1}: {', '.join(titles) or 'no advice'}", flush=True)
    report("live runs with advice, nothing to gain", advised, runs, advised == 0)


def measure_causes(market: Path, limit: Sequence[str]) -> None:
    """Whether the planted cause is the first row of the page, and advised."""
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / f"{market.name}.bz2"
        packed.write_bytes(bz2.compress(market.read_bytes()))
        for program, levers in CAUSES.items():
            data = [*limit, *(["--", str(packed)] if program == "packed_files.py" else ["--data", str(market)])]
            start = time.monotonic()
            evaluation = advise(str(PROGRAMS / program), *data)
            first, *_ = evaluation["levers"]
            is_right = first["lever"] in levers and first["advised"]
            right += is_right
            gain = f"{first.get('faster', math.nan):.2f}x"
            print(
                f"{program}: {first['title']} {gain}, {time.monotonic() - start:.0f} s {'ok' if is_right else 'NOT'}",
                flush=True,
            )
    report("planted causes in the first row", right, len(CAUSES), right == len(CAUSES))


def advise(program: str, *arguments: str) -> dict[str, Any]:
    """What the command concludes on a program."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "advice.json"
        options = ["--quiet", "--results", folder, "--export", f"json={page}"]
        command = [sys.executable, "-m", "perfbench", "advise", program, *options, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        evaluation: dict[str, Any] = json.loads(page.read_text())["evaluation"]
        return evaluation


if __name__ == "__main__":
    main()
