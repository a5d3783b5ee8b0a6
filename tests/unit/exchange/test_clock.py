"""Times of market definitions on the wall clock."""

from __future__ import annotations

import json
import math
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.timeline import Timeline, build_timeline

FIRST, SECOND = "1.100000001", "1.100000002"
TOLERANCE_SECONDS = 30.0


def write_market(path: Path, market_id: str, day: str) -> tuple[str, Path]:
    """Write a market that is published for ten minutes from 13:00, with its start at 14:00."""
    definition = {
        "marketTime": f"{day}T14:00:00.000Z",
        "suspendTime": f"{day}T14:00:00.000Z",
        "openDate": f"{day}T12:30:00.000Z",
        "settledTime": None,
        "timezone": "GMT",
        "runners": [{"id": 1, "removalDate": f"{day}T12:00:00.000Z"}, {"id": 2}],
    }
    opening = datetime.fromisoformat(f"{day}T13:00:00+00:00").timestamp() * 1000
    changes = [{"id": market_id, "marketDefinition": definition}, *({"id": market_id, "tv": n} for n in range(1, 11))]
    lines = [{"op": "mcm", "pt": opening + 60_000 * n, "mc": [change]} for n, change in enumerate(changes)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path.name, path


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    files = [write_market(tmp_path / FIRST, FIRST, "2020-02-01"), write_market(tmp_path / SECOND, SECOND, "2017-07-05")]
    return build_timeline(files, since=-3000.0)


def seconds_ahead(text: str, now: float) -> float:
    """Return how far a time is ahead of the wall clock."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - now


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 3000.0), (60.0, 50.0), (0.5, 6000.0), (math.inf, 0.0)])
def test_definition_times_are_as_far_from_the_wall_clock_as_from_the_market_clock(
    timeline: Timeline, speed: float, expected: float
) -> None:
    clock = MarketClock(timeline, speed)
    clock.start()
    now = clock.opened_at
    assert abs(now - time.time()) < TOLERANCE_SECONDS
    for market_id in (FIRST, SECOND):
        definition = clock.shift_definition(market_id, timeline.definitions[market_id])
        assert seconds_ahead(definition["marketTime"], now) == pytest.approx(expected, abs=0.002)
        assert definition["suspendTime"] == definition["marketTime"]
        opened_ahead = seconds_ahead(definition["openDate"], now)
        assert opened_ahead == pytest.approx(-2400.0 / 3000.0 * expected, abs=0.002)
        removed_ahead = seconds_ahead(definition["runners"][0]["removalDate"], now)
        assert removed_ahead == pytest.approx(-4200.0 / 3000.0 * expected, abs=0.002)


def test_definition_is_not_changed_in_place_and_keeps_everything_but_its_times(timeline: Timeline) -> None:
    before = json.dumps(timeline.definitions[FIRST])
    shifted = MarketClock(timeline, 1.0).shift_definition(FIRST, timeline.definitions[FIRST])
    assert json.dumps(timeline.definitions[FIRST]) == before
    assert (shifted["settledTime"], shifted["timezone"], shifted["runners"][1]) == (None, "GMT", {"id": 2})
    assert list(shifted) == list(timeline.definitions[FIRST])


def test_times_stay_the_same_once_market_time_has_started(timeline: Timeline) -> None:
    clock = MarketClock(timeline, 2.0)
    clock.start()
    first = clock.shift_definition(FIRST, timeline.definitions[FIRST])
    clock.start()
    assert clock.shift_definition(FIRST, timeline.definitions[FIRST]) == first


def test_kept_times_are_those_of_the_file(timeline: Timeline) -> None:
    clock = MarketClock(timeline, 2.0, keep_times=True)
    clock.start()
    assert clock.shift_definition(FIRST, timeline.definitions[FIRST]) == timeline.definitions[FIRST]


@pytest.mark.parametrize("value", [None, 7, "", "soon", "9999-12-31T23:59:59.999Z", ["2020-02-01"]])
def test_values_that_cannot_be_moved_stay(timeline: Timeline, value: Any) -> None:
    clock = MarketClock(timeline, 0.001)
    assert clock.shift_time(FIRST, value) == value


def test_time_without_a_zone_is_universal_time(timeline: Timeline) -> None:
    clock = MarketClock(timeline, 1.0)
    clock.start()
    assert clock.shift_time(FIRST, "2020-02-01T14:00:00") == clock.shift_time(FIRST, "2020-02-01T14:00:00.000Z")
