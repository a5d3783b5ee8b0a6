"""Match the orders of all strategies together, so that none of the traded volume is matched twice."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import Any, Iterator

from perfbench.kit.lever import (
    CHANGES,
    Noted,
    Proposal,
    around_run,
    flumine_release,
    parse_release,
    patched,
    sum_orders,
)

KIND = CHANGES
SOURCE = "https://betcode-org.github.io/flumine/advanced/#simulated_strategy_isolation"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations of several strategies with orders, with flumine 2.0 or newer."""
    several = any(len(simulation.strategies) > 1 and simulation.isolation for simulation in noted.simulations)
    if several and sum_orders(noted) and parse_release(flumine_release(noted)) >= (2,):
        yield Proposal(
            title="simulated_strategy_isolation off",
            write="from flumine import config\n\nconfig.simulated_strategy_isolation = False  # before framework.run()",
            reason="the open orders of each strategy are sorted and matched apart at every update",
        )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """flumine's setting is off in every simulation."""
    config: Any = importlib.import_module("flumine.config")

    def switch_off(framework: Any) -> None:
        config.simulated_strategy_isolation = False

    with patched(config, "simulated_strategy_isolation", False), around_run(before=switch_off):
        yield
