"""Run a program once, and ask the lever files what could make it faster."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List, Sequence, Tuple

from perfbench.kit.program.lever_files import levers_observing, load_lever
from perfbench.kit.program.noted import Noted
from perfbench.worker.program_messages import Proposal


def propose_levers(
    run: Callable[[], Noted], files: Sequence[str], available: Sequence[str]
) -> Tuple[List[Proposal], Noted]:
    """The proposals of these lever files for a program, in their order, and what was noted.

    :param run: runs the program once with all market files, and returns what was noted.
    :param available: words of environment specs that the host found, such as ``python==3.12`` and ``flumine==3.3.2``.

    Raises ScenarioError for a lever file that fails, and what the program raises.
    """
    levers = [load_lever(path) for path in files]
    with levers_observing(levers):
        noted = run()
    noted = replace(noted, available=list(available))
    return [proposal for lever in levers for proposal in lever.propose(noted)], noted
