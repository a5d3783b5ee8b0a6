"""Feeds: times of definitions, and the feeds that stay in memory."""

from __future__ import annotations

import gc
import json
import threading
from itertools import combinations
from typing import Any

import pytest

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.replay.clock import MarketClock
from perfbench.exchange.replay.feed import Feed, build_opening_images
from perfbench.exchange.replay.feed_cache import MAX_UNUSED_FEEDS, FeedCache
from perfbench.exchange.replay.timeline import Timeline, build_timeline
from perfbench.exchange.stream.market_data_filter import FIELD_KEYS, resolve_fields
from perfbench.exchange.stream.request_messages import MarketDataFilter

MARKET = "1.900004300"
IDS = frozenset({MARKET})
EVERYTHING = MarketFields(frozenset({"marketDefinition", "atb", "ltp"}), 3)
TIMEOUT_SECONDS = 30


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    path = tmp_path_factory.mktemp("feed") / MARKET
    write_market(Recipe(seed=43, updates=40, in_play=True, removal=True), path)
    return build_timeline([(path.name, path)])


def build(timeline: Timeline, fields: MarketFields, clock: MarketClock | None = None) -> Feed:
    return Feed(
        timeline, build_opening_images(timeline), fields, (clock or MarketClock(timeline, 1.0)).shift_definition
    )


def list_definitions(bodies: list[bytes]) -> list[dict[str, Any]]:
    changes = [json.loads(body) for body in bodies]
    return [change["marketDefinition"] for change in changes if "marketDefinition" in change]


def test_definitions_have_the_same_moved_times_in_images_updates_and_merged_changes(timeline: Timeline) -> None:
    clock = MarketClock(timeline, 20.0)
    feed = build(timeline, EVERYTHING, clock)
    before = list_definitions(feed.image(timeline.opening, IDS))
    clock.start()
    expected = clock.shift_definition(MARKET, timeline.definitions[MARKET])["marketTime"]
    sent = [
        *(definition for number in range(len(feed)) for definition in list_definitions(feed.bodies(number, IDS))),
        *list_definitions(feed.image(len(feed), IDS)),
        *list_definitions(feed.merge_changes(0, len(feed), IDS, conflated=True)),
        *list_definitions(feed.definitions(timeline.opening, IDS)),
    ]
    assert len(sent) > 4
    assert {definition["marketTime"] for definition in sent} == {expected}
    removed = [r for definition in sent for r in definition["runners"] if "removalDate" in r]
    assert removed
    assert all(runner["removalDate"][:2] == expected[:2] for runner in removed)
    assert before[0]["marketTime"] != timeline.definitions[MARKET]["marketTime"]


def test_repeated_definition_is_no_image_and_has_nothing_else(timeline: Timeline) -> None:
    change = json.loads(build(timeline, EVERYTHING).definitions(timeline.opening, IDS)[0])
    assert list(change) == ["id", "marketDefinition"]
    assert build(timeline, MarketFields(frozenset({"ltp"}), 3)).definitions(timeline.opening, IDS) == []


def test_every_set_of_fields_that_a_client_can_choose_keeps_a_bounded_number_of_feeds(timeline: Timeline) -> None:
    cache = FeedCache(lambda fields: build(timeline, fields))
    chosen = [
        MarketDataFilter(fields=names or None, ladder_levels=levels)
        for count in range(len(FIELD_KEYS) + 1)
        for names in combinations(FIELD_KEYS, count)
        for levels in range(1, 11)
    ]
    assert len(chosen) == 5_120
    for data_filter in chosen[::7]:
        cache.get(resolve_fields(data_filter))
    gc.collect()
    assert sum(isinstance(thing, Feed) for thing in gc.get_objects()) <= MAX_UNUSED_FEEDS


def test_feed_in_use_is_shared_although_others_were_used_since(timeline: Timeline) -> None:
    cache = FeedCache(lambda fields: build(timeline, fields))
    held = cache.get(MarketFields(frozenset({"ltp"}), 3))
    for levels in range(1, 11):
        cache.get(MarketFields(frozenset({"batb"}), levels))
    assert cache.get(MarketFields(frozenset({"ltp"}), 3)) is held


def test_feed_under_construction_delays_only_those_that_ask_for_it(timeline: Timeline) -> None:
    slow, quick = MarketFields(frozenset({"atb"}), 3), MarketFields(frozenset({"ltp"}), 3)
    proceed, started = threading.Event(), threading.Event()
    built: list[MarketFields] = []

    def build_slowly(fields: MarketFields) -> Feed:
        built.append(fields)
        if fields == slow:
            started.set()
            assert proceed.wait(TIMEOUT_SECONDS)
        return build(timeline, fields)

    cache = FeedCache(build_slowly)
    got: list[Feed] = []
    waiting = [threading.Thread(target=lambda: got.append(cache.get(slow))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    assert started.wait(TIMEOUT_SECONDS)
    cache.get(quick)
    assert got == []
    proceed.set()
    for thread in waiting:
        thread.join(TIMEOUT_SECONDS)
    assert len(got) == 3
    assert len({id(feed) for feed in got}) == 1
    assert built == [slow, quick]


def test_feed_that_could_not_be_built_is_built_when_asked_for_again(timeline: Timeline) -> None:
    failures = [MemoryError()]

    def build_once_failing(fields: MarketFields) -> Feed:
        if failures:
            raise failures.pop()
        return build(timeline, fields)

    cache = FeedCache(build_once_failing)
    with pytest.raises(MemoryError):
        cache.get(EVERYTHING)
    assert len(cache.get(EVERYTHING)) == len(timeline.updates)


def test_number_of_levels_makes_no_difference_to_fields_without_levels() -> None:
    names = ("EX_LTP", "EX_ALL_OFFERS")
    few, many = (resolve_fields(MarketDataFilter(fields=names, ladder_levels=levels)) for levels in (1, 10))
    assert few == many
