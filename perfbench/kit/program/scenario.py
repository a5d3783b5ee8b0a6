"""How long does the user's own program take, and which orders does it place?

The output are the orders, in their final state, at the times at which they were placed, and sums of each market; or what a function
that reads a market with betfairlightweight returns or yields. Simulations are timed without what the program does around them.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from perfbench.kit.owners import BACKTEST
from perfbench.kit.program.lever_files import parse_levers
from perfbench.kit.program.noted import Noted
from perfbench.kit.program.noting import collect_notes
from perfbench.kit.program.plain_values import convert_to_plain
from perfbench.kit.program.program import Options, Program, set_up_program
from perfbench.kit.program.proposals import propose_levers
from perfbench.worker.program_messages import Proposal
from perfbench.worker.program_spec import parse_program_spec
from perfbench.worker.scenario_api import Metric, ScenarioError, canonical, mode, setup

UNIT = "updates"
METRICS = {
    "orders": Metric("count", better="neither"),
    "refused": Metric("count", better="neither"),
    "profit": Metric("money", better="neither"),
}

USERS_CODE = "the user's strategy"
SHIPPED_STRATEGIES = "perfbench/kit/strategies.py"
CALLBACKS = (
    "check_market_book",
    "process_market_book",
    "process_orders",
    "process_new_market",
    "process_closed_market",
)

OWNERS = {
    **{name: ("user:*." + name, "{}:*.{}".format(SHIPPED_STRATEGIES, name)) for name in CALLBACKS},
    "the user's middleware": ("user:*.__call__",),
    "the user's other code": (
        "user:*:<module>",
        "user:*.__init__",
        "user:*.add",
        "user:*.start",
        "user:*.finish",
        "perfbench/kit/program/run_program.py:*",
    ),
    "logging": ("logging/*",),
    "logging controls": ("flumine/controls/loggingcontrols.py:*",),
    **{name: patterns for name, patterns in BACKTEST.items() if name != USERS_CODE},
    "the reader": ("perfbench/advise/levers/*",),
    "perfbench's notes": ("perfbench/kit/program/*", "perfbench/kit/simulation_record.py:*"),
}
"""A function of the user's that none of them names belongs to its caller: a helper to the callback that calls it."""


@setup
def program(
    *,
    program: str = "",
    arguments: str = "[]",
    levers: str = "[]",
    guarded: bool = False,
    written: str = "",
    working: str = "",
) -> Iterator[Program]:
    """The program of this spec. ``arguments`` are a list of texts as JSON, ``levers`` one of pairs of a lever file and a value.

    ``guarded``: it is refused if it changes files of the user or connects to other machines. ``written``: a list of paths as JSON,
    to which the process is confined beside the scratch folder; without it, it is not confined. ``working``: the working directory
    of the program; that of this process if it is empty.
    """
    spec = parse_program_spec(program)
    if spec is None:
        raise ScenarioError("{} is neither PATH.py nor PATH.py:FUNCTION".format(program))
    options = Options(
        [str(argument) for argument in json.loads(arguments)], parse_levers(levers), guarded, working=working
    )
    if written:
        options = options._replace(written=json.loads(written))
    with set_up_program(spec, options) as made:
        yield made


@mode
def run(market: Optional[str], program: Program) -> Any:
    """Run the program once."""
    return program.run(market)


@canonical
def item(value: Any, part: Any) -> Any:
    """An order event, or what a function yields."""
    return convert_to_plain(value)


def propose(call: Callable[[], Any], files: Sequence[str], available: Sequence[str]) -> Tuple[List[Proposal], Noted]:
    """Run the program once, and return the proposals of these lever files and what was noted. Raises as the program does.

    :param available: words of environment specs that the host found.
    """
    return propose_levers(lambda: collect_notes(call), files, available)
