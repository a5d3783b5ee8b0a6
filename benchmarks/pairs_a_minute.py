"""What it brings, and costs, to start the workers of the next pair on another core while a pair runs.

Blocks of A/A pairs and of pairs with an injected slowdown of 2 %, one block each way, alternating: seconds a pair, sigma of a pair,
and the ratio that the pairs show. ``pairs_a_minute.py [MARKET] [BLOCKS]``; run it on a quiet machine.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from perfbench.datasets import head, resolve
from perfbench.environments.host import describe_host
from perfbench.model import Case, CaseGroup, CaseInEnvironment
from perfbench.runner import interleave, machine, plan
from perfbench.runner.duet import DuetQueue, execute_trial
from perfbench.runner.scenarios import choose_scenarios, describe_scenario
from perfbench.runner.trial import Conditions
from perfbench.stats import signed_rank

BLOCK_PAIRS = 24
SLOWDOWN = 0.02
LINES = 7600
"""Updates of the market that the gate is measured on: a pass of lightweight mode takes 0.45 s."""


def build_group(market_path: str, folder: Path, slowdown: float) -> CaseGroup:
    """Lightweight mode against itself on the first lines of a market, one side slower by a share."""
    (market,), _ = resolve.open_markets(market_path, folder)
    market = head.cut_market(market, LINES, folder)
    environment = describe_host()
    (path,) = choose_scenarios(("replay",), [])
    scenario = describe_scenario(path, environment)
    cases = [Case("replay", "lightweight", name, market.name) for name in ("before", "after")]
    places = (
        CaseInEnvironment(cases[0], replace(environment, name="before")),
        CaseInEnvironment(cases[1], replace(environment, name="after"), slowdown=slowdown),
    )
    return CaseGroup(scenario, market, (), places, ((cases[0], cases[1]),))


def measure_block(group: CaseGroup, conditions: Conditions, seed: int) -> tuple[list[float], float]:
    """The log ratios of a block of pairs, and its wall-clock seconds."""
    logs = []
    trials = [plan.plan_round(group, number, seed)[0] for number in range(BLOCK_PAIRS)]
    parts = interleave.plan_slices(0.45, 0.45)
    start = time.monotonic()
    with DuetQueue(group, conditions) as queue:
        for number, trial in enumerate(trials):
            coming = trials[number + 1] if number + 1 < len(trials) else None
            results = list(
                execute_trial(
                    trial,
                    group,
                    conditions,
                    parts=parts,
                    queue=queue,
                    following=lambda coming=coming: (coming, parts) if coming is not None else None,  # type: ignore[misc]
                )
            )
            seconds = {}
            for result in results:
                assert result.sample is not None, result.failure
                seconds[result.case] = result.sample.metrics["cpu_seconds"]
            before, after = (seconds[case.id] for case in group.cases)
            logs.append(math.log(after / before))
    return logs, time.monotonic() - start


def main() -> None:
    """Print a line for each way and each injected change."""
    market = sys.argv[1] if len(sys.argv) > 1 else resolve.choose_default_market()
    blocks = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    core = machine.find_quietest_core()
    cores = machine.find_quietest_cores(2)
    spare = next((other for other in cores if other != core), None)
    ways = {"one after the other": None, "next pair started meanwhile": spare}
    for slowdown in (0.0, SLOWDOWN):
        logs: dict[str, list[float]] = {way: [] for way in ways}
        spent = dict.fromkeys(ways, 0.0)
        for _ in range(blocks):
            for way in random.sample(sorted(ways), len(ways)):
                with tempfile.TemporaryDirectory() as folder:
                    group = build_group(market, Path(folder), slowdown)
                    conditions = Conditions(core, 600.0, spare=ways[way])
                    block, seconds = measure_block(group, conditions, random.randrange(2**32))
                logs[way] += block
                spent[way] += seconds
        for way, values in logs.items():
            estimate = signed_rank.estimate(values)
            print(
                f"injected {slowdown:.1%}, {way:<28} {spent[way] / len(values):.2f} s a pair, sigma {estimate.sigma:.2%}, "
                f"ratio {estimate.ratio:.4f} [{estimate.low:.4f}–{estimate.high:.4f}], {len(values)} pairs",
                flush=True,
            )


if __name__ == "__main__":
    main()
