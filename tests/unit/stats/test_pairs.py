"""Which passes of a pair share a core."""

from __future__ import annotations

import pytest

from perfbench.model import Sample
from perfbench.stats import pairs

PLAIN = [Sample("alone", 0, 0, "p", 1, {"cpu_seconds": 1.0})]
FORKED = [Sample("alone", 0, 0, "p", 1, {"cpu_seconds": 1.0, "child_seconds": 0.5})]


@pytest.mark.parametrize(
    ("samples", "metric", "is_program", "interleaved"),
    [
        (PLAIN, "cpu_seconds", False, True),
        (PLAIN, "wall_seconds", False, False),
        (PLAIN, "reported_seconds", False, False),
        (FORKED, "cpu_seconds", False, True),
        (PLAIN, "reported_seconds", True, True),
        (FORKED, "reported_seconds", True, False),
    ],
)
def test_passes_share_a_core_where_their_seconds_are_those_of_the_cpu(
    samples: list[Sample], metric: str, is_program: bool, interleaved: bool
) -> None:
    assert pairs.is_interleaved(samples, metric, is_program=is_program) is interleaved
