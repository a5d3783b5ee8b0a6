"""What is left of the time: the floor that no lever avoids, and who owns the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from perfbench.advise.model import FloorPart, Remainder
from perfbench.advise.search_steps import Combination
from perfbench.advise.sides import Sides
from perfbench.advise.worker_pass import PASS_SEED, time_pass
from perfbench.datasets import resolve
from perfbench.errors import PerfbenchError
from perfbench.model import CPU_SECONDS, Case, CaseGroup, CaseInEnvironment, Market, Trial
from perfbench.profiling import cpu_pass, ownership
from perfbench.runner import scenarios
from perfbench.runner.trial import Conditions

REPLAY = "replay"
"""The shipped scenario that has parts of the work as modes."""

FLOOR_MODES = {
    "read_file": "reading the file",
    "lightweight": "reading, decoding and books as plain dicts",
}

PROFILER, INTERVAL = "pyinstrument", 0.001
"""The profiler that shows who owns the time, and the seconds between its samples."""


def measure_remainder(
    group: CaseGroup,
    combination: Combination,
    sides: Sides,
    conditions: Conditions,
    market: Market | None,
    folder: Path,
) -> Remainder:
    """What is left with this combination on the market of a group. What cannot be measured is named and left out.

    :param market: that the user's set-up reads, if any is known; :param folder: for the profiler's own file.
    """
    problems = []
    remainder = Remainder(market=market.name if market is not None else "")
    try:
        if market is not None:
            place = sides.place(group, combination)
            remainder = replace(remainder, floor=tuple(_measure_floor(place, market, conditions)))
    except PerfbenchError as error:
        problems.append(f"the floor was not measured: {error}")
    try:
        place = sides.place(group, combination, cpu_pass.NEEDS[PROFILER])
        remainder = _profile(remainder, group, place, conditions, folder)
    except PerfbenchError as error:
        problems.append(f"not profiled: {error}")
    return replace(remainder, problem="; ".join(problems))


def find_own_market(noted: Mapping[str, Any], folder: Path) -> Market | None:
    """The first market file that the program reads by itself; None where none was noted or it cannot be read.

    :param noted: what a worker noted (``kit/program/noted.py``); :param folder: for its unpacked content.
    """
    streams = [stream for simulation in noted.get("simulations", ()) for stream in simulation.get("streams", ())]
    files = [stream.get("file", "") for stream in streams]
    if not files or not Path(files[0]).is_file():
        return None
    markets, _ = resolve.open_markets(files[0], folder)
    return markets[0] if markets else None


def _measure_floor(place: CaseInEnvironment, market: Market, conditions: Conditions) -> Iterator[FloorPart]:
    """The CPU seconds of the parts, each by a pass in the environment of a side. Raises NotMeasured."""
    path = scenarios.find_scenario_files([])[REPLAY]
    scenario = scenarios.describe_scenario(path, place.environment)
    for mode, what in FLOOR_MODES.items():
        case = Case(scenario.name, mode, place.environment.name, market.name)
        own = CaseInEnvironment(case, place.environment, floor=True)
        sample = time_pass(CaseGroup(scenario, market, (), (own,)), own, conditions)
        yield FloorPart(what, sample.metrics[CPU_SECONDS.name])


def _profile(
    remainder: Remainder, group: CaseGroup, place: CaseInEnvironment, conditions: Conditions, folder: Path
) -> Remainder:
    """With the owners and the callbacks of one profiled pass. Raises NotMeasured."""
    own, case = replace(group, places=(place,), duets=()), place.case
    trial = Trial("alone", 0, (case,), PASS_SEED)
    sampled = cpu_pass.run_profiled_pass(trial, own, case, conditions, PROFILER, INTERVAL, folder / "advice.pyisession")
    profile = cpu_pass.merge_passes(
        case, group.scenario.unit, place.environment.version, PROFILER, INTERVAL, [sampled], None, [sampled.cpu_seconds]
    )
    owners = group.scenario.owners
    return replace(
        remainder,
        owners=ownership.compute_owner_shares(profile, owners),
        callbacks=ownership.find_callbacks(profile, owners),
    )
