"""Do segments of a market cost what the whole file does? ``segments.py BEFORE_PYTHON AFTER_PYTHON FILE…``

A segment is the merged image of a market at some line and the updates that follow; timing begins after the image. Each file is cut
into segments of ``--updates`` lines without a gap, so that their sum would be the whole file if a segment cost what its lines cost
there. Two interpreters, whose betfairlightweight differ, replay the whole file (``--repeats`` times) and every segment, one after
the other on the same core, in three modes. Printed for each file and mode:

whole     seconds of the whole file on both sides and their ratio
tiled     the same of all segments together, relative to the whole file: the error that no number of segments removes
scatter   standard deviation of the logarithm of the ratio between segments
drawn     how far the ratio and the total of surveys of 24 segments are from the whole file, 95 of 100 times, and how many of the
          surveys are within 2 %
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

MODES = ("lightweight", "full", "patched")
DRAWN, SURVEYS, AGREEMENT = 24, 2000, 0.02


def answer_requests() -> None:
    """Replay the files that are named on standard input; print the CPU seconds of each after its first update."""
    import betfairlightweight  # in the measured interpreter only
    from betfairlightweight import StreamListener

    for line in sys.stdin:
        mode, path, first = json.loads(line)
        if mode == "patched":
            load_patch()
        lightweight = mode == "lightweight"
        trading = betfairlightweight.APIClient("", "", "", lightweight=lightweight)
        listener = StreamListener(max_latency=None, lightweight=lightweight)
        stream = trading.streaming.create_historical_generator_stream(file_path=path, listener=listener)
        books = stream.get_generator()()
        if not first:
            next(books)
        start = time.process_time_ns()
        count = sum(1 for _ in books)
        print(json.dumps([(time.process_time_ns() - start) / 1e9, count]), flush=True)


def load_patch() -> None:
    """Replace the classes of prices by flumine's; the framework itself needs a newer betfairlightweight than some releases."""
    from betfairlightweight.resources import bettingresources

    package = importlib.util.find_spec("flumine")
    assert package is not None
    assert package.origin is not None
    spec = importlib.util.spec_from_file_location("patching", Path(package.origin).parent / "patching.py")
    assert spec is not None
    assert spec.loader is not None
    patching = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(patching)
    bettingresources.RunnerBookEX = patching.EX
    bettingresources.RunnerBookSP = patching.SP


class Side:
    """An interpreter that replays files in one mode: patched classes stay patched, so each mode has a process of its own."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-s", __file__, "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def time(self, mode: str, path: Path, whole: bool) -> float:
        """CPU seconds of a file; of a segment those after its image."""
        requests, answers = self._pipe(self._process.stdin), self._pipe(self._process.stdout)
        requests.write(json.dumps([mode, str(path), whole]) + "\n")
        requests.flush()
        return float(json.loads(answers.readline())[0])

    def close(self) -> None:
        """End the process."""
        self._pipe(self._process.stdin).close()
        self._process.wait()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def cut(path: Path, updates: int, folder: Path) -> Iterator[Path]:
    """Segments of a file without a gap: an image line, then ``updates`` lines; the first has no image before it."""
    from perfbench.worker.market_cache import MarketCache

    caches: dict[str, MarketCache] = {}
    lines = path.read_bytes().splitlines(keepends=True)
    for number, start in enumerate(range(0, len(lines), updates)):
        segment = folder / f"{path.name}-{number}"
        message: dict[str, Any] = json.loads(lines[max(0, start - 1)])
        image = {**message, "mc": [cache.to_change() for cache in caches.values()]}
        head = [] if start == 0 else [json.dumps(image, separators=(",", ":")).encode() + b"\n"]
        segment.write_bytes(b"".join([*head, *lines[start : start + updates]]))
        yield segment
        for line in lines[start : start + updates]:
            for change in json.loads(line).get("mc", ()):
                caches.setdefault(change["id"], MarketCache(change["id"], is_image=True)).apply_change(change)


def measure(
    pythons: list[str], path: Path, mode: str, updates: int, repeats: int
) -> tuple[list[list[float]], list[list[float]]]:
    """Seconds of the whole file, one list for each repeat, and of every segment: before and after."""
    with tempfile.TemporaryDirectory() as folder:
        sides = [Side(python) for python in pythons]
        segments = list(cut(path, updates, Path(folder)))
        for side in sides:
            side.time(mode, segments[0], True)
        whole = [[side.time(mode, path, True) for side in sides] for _ in range(repeats)]
        tiled = [[side.time(mode, segment, number == 0) for side in sides] for number, segment in enumerate(segments)]
        whole += [[side.time(mode, path, True) for side in sides] for _ in range(repeats)]
        for side in sides:
            side.close()
    return whole, tiled


def report(name: str, mode: str, whole: list[list[float]], tiled: list[list[float]]) -> None:
    """Print what the seconds of a file and of its segments say."""
    import numpy as np

    total = np.median(np.asarray(whole), axis=0)
    parts = np.asarray(tiled)
    ratio = total[1] / total[0]
    together = parts.sum(axis=0) / total - 1
    apart = parts[:, 1].sum() / parts[:, 0].sum() / ratio - 1
    scatter = float(np.std(np.log(parts[:, 1] / parts[:, 0])))
    chosen = np.random.default_rng(19).integers(0, len(parts), size=(SURVEYS, DRAWN))
    sums = parts[chosen].sum(axis=1)
    ratios = np.abs(sums[:, 1] / sums[:, 0] / ratio - 1)
    totals = np.abs(sums[:, 0] * len(parts) / DRAWN / total[0] - 1)
    print(
        f"{name:20s} {mode:12s} {len(parts):4d} segments  whole {total[0]:7.3f}s → {total[1]:7.3f}s {1 / ratio:5.2f}x  "
        f"tiled {together[0]:+6.1%} {together[1]:+6.1%} ratio {apart:+6.1%}  scatter {scatter:5.1%}  "
        f"drawn ratio ± {np.quantile(ratios, 0.95):5.1%} ({np.mean(ratios <= AGREEMENT):4.0%} within 2 %), "
        f"total ± {np.quantile(totals, 0.95):5.1%} ({np.mean(totals <= AGREEMENT):4.0%})",
        flush=True,
    )


def main() -> None:
    """Measure every file in every mode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs=2, help="interpreters before and after")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--updates", type=int, default=500, help="updates of a segment")
    parser.add_argument(
        "--repeats", type=int, default=1, help="passes over the whole file, before and after its segments"
    )
    parser.add_argument("--core", type=int, help="core to measure on")
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    for path in arguments.files:
        for mode in MODES:
            whole, tiled = measure(arguments.pythons, path, mode, arguments.updates, arguments.repeats)
            report(path.name, mode, whole, tiled)


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        answer_requests()
    else:
        main()
