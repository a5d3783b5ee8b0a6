"""Install the C and Rust libraries that betfairlightweight uses if they are there: orjson and ciso8601."""

from __future__ import annotations

from typing import Iterator

from perfbench.kit.lever import FLUMINE_PERFORMANCE, SAME, Noted, Proposal

KIND = SAME
SOURCE = FLUMINE_PERFORMANCE


def propose(noted: Noted) -> Iterator[Proposal]:
    """For a program that decodes with the standard library."""
    if "betfairlightweight" not in noted.packages:
        return
    missing = [
        name
        for name, absent in (("orjson", noted.json_module == "json"), ("ciso8601", "ciso8601" not in noted.packages))
        if absent
    ]
    if missing:
        yield Proposal(
            title="betfairlightweight[speed]",
            environment="betfairlightweight[speed]",
            write='pip install "betfairlightweight[speed]=={}"'.format(noted.packages["betfairlightweight"]),
            reason="{} {} not installed".format(" and ".join(missing), "is" if len(missing) == 1 else "are"),
        )
