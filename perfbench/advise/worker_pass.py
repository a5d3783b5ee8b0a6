"""Single passes of a program for an advice: what it takes, what levers propose, and what is left of its time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.advise.model import MarketSeconds
from perfbench.errors import NotMeasured
from perfbench.model import CHILD_SECONDS, CPU_SECONDS, CaseGroup, CaseInEnvironment, Market, Sample, Trial
from perfbench.runner.duet import execute_trial
from perfbench.runner.trial import Conditions, build_request, start_worker
from perfbench.stats import pairs
from perfbench.worker.program_messages import Proposals

PASS_SEED = 1
"""Hash seed of passes whose time is not compared with another's."""

PROPOSING_TIMEOUT_FACTOR = 10
"""Timeout factor of the pass before the proposals, in which levers look at every update."""


def time_pass(group: CaseGroup, place: CaseInEnvironment, conditions: Conditions) -> Sample:
    """A solo pass of a case. Raises NotMeasured."""
    trial = Trial("alone", 0, (place.case,), PASS_SEED)
    (result,) = execute_trial(trial, replace(group, places=(place,), duets=()), conditions)
    if result.sample is None:
        raise NotMeasured(result.failure.message if result.failure is not None else "the pass gave no sample")
    return result.sample


def describe_pass(group: CaseGroup, sample: Sample, packed_bytes: int) -> MarketSeconds:
    """What a pass took."""
    metric = pairs.choose_metric([sample], group.scenario.metric)
    return MarketSeconds(
        market=group.market.name if group.market is not None else "",
        seconds=sample.metrics[metric],
        cpu_seconds=sample.metrics[CPU_SECONDS.name],
        work=sample.work,
        child_seconds=sample.metrics.get(CHILD_SECONDS.name, 0.0),
        packed_bytes=packed_bytes,
    )


def request_proposals(
    group: CaseGroup, files: Iterable[Path], pythons: Sequence[str], conditions: Conditions
) -> Proposals:
    """Have a worker run the user's set-up once, on all files of the group, and ask every lever for proposals. Raises NotMeasured.

    :param pythons: words for the Pythons of this machine, such as ``python==3.13``, which levers may propose.
    """
    case = group.places[0].case
    request = replace(build_request("propose", group, case), files=list(map(str, files)), names=list(pythons))
    timeout = conditions.timeout * PROPOSING_TIMEOUT_FACTOR
    with start_worker(group, case, request, Trial("check", 0, (case,), PASS_SEED), timeout) as worker:
        proposals = worker.expect(Proposals)
        worker.end()
    return proposals


def join_markets(groups: Sequence[CaseGroup]) -> CaseGroup:
    """One group whose pass replays the markets of all; the first one's case stands for them."""
    markets: tuple[Market, ...] = tuple(group.market for group in groups if group.market is not None)
    return replace(groups[0], batch=markets) if len(markets) > 1 else groups[0]
