"""How much faster is a backtest of several markets in two processes?

Every market is a copy of the market file with ids of its own, so both modes do the same work and all markets cost the same. The
metric is wall time.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

from perfbench import Work, mode, setup
from perfbench.kit import ScenarioError, peak_rss_bytes
from perfbench.kit.child_processes import end_with_parent, folder_until_the_end
from perfbench.kit.owners import BACKTEST
from perfbench.kit.simulation import Backtest, backtest, work
from perfbench.kit.strategies import Chosen, choose

UNIT = "updates"
METRIC = "wall_seconds"
OWNERS = BACKTEST

ID = re.compile(rb'("id"\s*:\s*"?\d+(?:\.\d+)?)')
"""The id of a market or of a runner.

flumine 1.17 to 3.3 overlooks the removal of a runner if one of that id was removed from another market of the same framework
(``SimulatedMiddleware._runner_removals``), so copies that share runners would be different work in one process and in two.
"""


@setup
def chosen(*, strategy: str = "best_price", strategy_parameters: str = "") -> Chosen:
    """The strategy: best_price, idle, or path/to/file.py:Class; its parameters as stake=5,every=30."""
    return choose(strategy, strategy_parameters)


@setup
def copies(market: str, *, markets: int = 4) -> Iterator[List[str]]:
    """Copies of the market file, at least 2. Raises ScenarioError for fewer."""
    if markets < 2:
        raise ScenarioError("markets={}: two processes need at least 2".format(markets))
    content = Path(market).read_bytes()
    with folder_until_the_end() as folder:
        paths = [os.path.join(folder, "market-{:03d}".format(number)) for number in range(markets)]
        for number, path in enumerate(paths):
            Path(path).write_bytes(ID.sub(rb"\g<1>%03d" % number, content))
        yield paths


@mode(baseline=True)
def one_process(copies: List[str], chosen: Chosen) -> Work:
    """All markets in one FlumineSimulation, one after the other."""
    return work([backtest(copies, chosen)])


@mode
def two_processes(copies: List[str], chosen: Chosen) -> Work:
    """Half of the markets in each of two processes (a pool of two, started and ended within the pass)."""
    middle = len(copies) // 2
    # Forked, so that children need no imports, as flumine's users run it on Linux.
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork"), initializer=end_with_parent) as pool:
        halves = [pool.submit(in_child, half, chosen) for half in (copies[:middle], copies[middle:])]
        results = [half.result() for half in halves]
    done = work([result for result, _ in results])
    # All processes together; pages that a child shares with the first one are counted for each.
    done.numbers["peak_rss_bytes"] = sum(peak for _, peak in results) + (peak_rss_bytes() or 0.0)
    return done


def in_child(markets: Sequence[str], chosen: Chosen) -> Tuple[Backtest, float]:
    """The backtest of these markets, and the peak memory of this process in bytes (0 where the system does not report it)."""
    return backtest(markets, chosen), peak_rss_bytes() or 0.0
