"""The listing of a scenario says everything once, in columns that fit the terminal."""

from __future__ import annotations

import pytest

from perfbench.model import Mode, Parameter, Scenario
from perfbench.report.prose import UNLIMITED_WIDTH
from perfbench.report.scenario_listing import render_listing

READS = Parameter("reads", 10)
CACHED = Mode(
    "cached",
    "Keeps answers.",
    baseline=False,
    needs=("cache==1.0",),
    missing=("cache==1.0",),
    parameters=(READS, Parameter("maxsize", 8)),
)
MODES = (
    Mode("plain", "Computes every answer.", baseline=True, parameters=(READS,)),
    CACHED,
    Mode("trap", "Keeps wrong answers.", baseline=False, group="traps", parameters=(READS,)),
)


def scenario_of(*modes: Mode) -> Scenario:
    return Scenario("caching", "caching.py", "Does it pay?", "reads", "cpu_seconds", "0" * 64, modes)


SCENARIO = scenario_of(*MODES)


def test_listing_names_shared_parameters_once_and_the_others_with_their_modes() -> None:
    assert list(render_listing(SCENARIO, UNLIMITED_WIDTH)) == [
        "caching · Does it pay?",
        "  plain (baseline)  Computes every answer.",
        "  cached            Keeps answers.",
        "  trap              Keeps wrong answers.",
        "  parameters: reads=10; maxsize=8 (cached)",
        "  packages: cache==1.0 (installed when measured) (cached)",
        "  only with --mode traps: trap",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_listing_fits_the_terminal_and_loses_no_word(width: int) -> None:
    text = "\n".join(render_listing(SCENARIO, width))
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == "\n".join(render_listing(SCENARIO, UNLIMITED_WIDTH)).split()


def test_listing_names_the_exceptions_if_most_modes_share_a_parameter() -> None:
    lines = list(render_listing(scenario_of(*MODES, Mode("floor", "Reads.", baseline=False)), UNLIMITED_WIDTH))
    assert "  parameters: reads=10 (all but floor); maxsize=8 (cached)" in lines
