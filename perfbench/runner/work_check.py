"""The work of check passes against the inspection of the market file: who read less, also where the baseline failed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from perfbench.model import Case, CaseGroup, Output

UPDATES_UNIT = "updates"
"""The unit of scenarios whose work is that of the file."""


def find_wrong_work(
    group: CaseGroup, outputs: Mapping[str, Output], failed: Collection[str]
) -> Iterator[tuple[Case, str]]:
    """The cases whose work is not that of the file, each with the reason; none of a program, which chooses its updates.

    Cases that did the work of the file show that the others should have done so too. Without any, a case is wrong if its
    work is that of updates and everything that could confirm it failed. Left out is a case whose difference from the one before
    it in a pair is reported anyway, and a floor.

    :param outputs: of check passes, by the id of the case; :param failed: the ids of the cases that failed.
    """
    if group.market is None or group.scenario.program:
        return
    count = group.market.updates
    checked = [place.case for place in group.places if place.case.id in outputs and not place.floor]
    right = [case for case in checked if outputs[case.id].updates == count]
    for case in checked:
        output = outputs[case.id]
        if output.updates == count:
            continue
        before = [first for first, second in group.duets if second == case]
        others = [first if second == case else second for first, second in group.duets if case in (first, second)]
        if right and not any(first.id in outputs for first in before):
            yield case, f"did {output.updates:,} of the {count:,} updates of the file; {right[0].mode} did all"
        elif not right and _is_unconfirmed(group, output, others, failed):
            yield case, f"did {output.updates:,} of the {count:,} updates of the file, and what would confirm it failed"


def _is_unconfirmed(group: CaseGroup, output: Output, others: Collection[Case], failed: Collection[str]) -> bool:
    counted = group.scenario.unit == UPDATES_UNIT and bool(output.blocks)
    return counted and bool(others) and all(other.id in failed for other in others)
