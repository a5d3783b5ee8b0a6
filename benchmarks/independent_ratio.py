"""The ratio of two backtests, measured without perfbench: ``independent_ratio.py BEFORE AFTER --market PATH… [--pairs N]``.

BEFORE and AFTER are Python files with a function ``run(market)``; AFTER is a copy of BEFORE in which a person has written the
lines that ``perfbench advise`` shows. ``--before-command`` and ``--after-command`` are what starts Python, such as ``env
PYTHON_JIT=1 python3.13 -O``. Each pass is a process of its own that prints the CPU seconds of ``FlumineSimulation.run``, summed
over the markets; the passes of a pair follow each other in alternating order. Printed are the geometric mean of the ratios and its
95 % interval (Student's t of the logarithms). Nothing of perfbench is imported: the script checks perfbench's ratios.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

T_97_5 = {5: 2.571, 7: 2.365, 9: 2.262, 11: 2.201, 13: 2.160, 15: 2.131, 19: 2.093}
"""Quantiles of Student's t by degrees of freedom (any statistical table)."""


def main() -> None:
    """Measure the pairs and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--market", action="append", required=True)
    parser.add_argument("--pairs", type=int, default=12, choices=sorted(degrees + 1 for degrees in T_97_5))
    parser.add_argument("--before-command", default=sys.executable)
    parser.add_argument("--after-command", default=sys.executable)
    options = parser.parse_args()
    markets = [str(Path(market).resolve()) for market in options.market]
    sides = (
        (shlex.split(options.before_command), options.before.resolve()),
        (shlex.split(options.after_command), options.after.resolve()),
    )
    logs: list[float] = []
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(options.pairs):
        measured = {side: time_pass(*sides[side], markets) for side in ((0, 1) if number % 2 == 0 else (1, 0))}
        logs.append(math.log(measured[0] / measured[1]))
        for side in (0, 1):
            seconds[side].append(measured[side])
    mean = statistics.fmean(logs)
    half = T_97_5[options.pairs - 1] * statistics.stdev(logs) / math.sqrt(options.pairs)
    print(
        f"{statistics.median(seconds[0]):.3f}s → {statistics.median(seconds[1]):.3f}s  "
        f"{math.exp(mean):.3f}x faster [{math.exp(mean - half):.3f}–{math.exp(mean + half):.3f}], {options.pairs} pairs"
    )


def time_pass(command: list[str], program: Path, markets: list[str]) -> float:
    """The CPU seconds of the simulations of one pass, in a process of its own and an empty working directory."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*command, __file__, "--child", str(program), *markets]
        done = subprocess.run(arguments, cwd=folder, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def run_child(program: str, markets: list[str]) -> None:
    """Run the program on each market and print the CPU seconds that ``FlumineSimulation.run`` took."""
    import flumine

    spent = 0.0
    original = flumine.FlumineSimulation.run

    def run(framework: object) -> None:
        nonlocal spent
        start = time.process_time()
        try:
            original(framework)
        finally:
            spent += time.process_time() - start

    flumine.FlumineSimulation.run = run
    sys.path.insert(0, str(Path(program).parent))
    spec = importlib.util.spec_from_file_location("backtest", program)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{program} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for market in markets:
        module.run(market)
    print(spent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(sys.argv[2], sys.argv[3:])
    else:
        main()
