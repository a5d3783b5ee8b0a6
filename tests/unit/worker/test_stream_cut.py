"""Stream files that are cut: betfairlightweight has the same books from there on, whatever the file holds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from betfairlightweight import APIClient
from betfairlightweight.streaming import StreamListener

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.worker.stream_cut import cut_stream

SAMPLES = Path(__file__).parents[3] / "sample_data"
RECIPES = {
    "plain": Recipe(seed=3, runners=5, updates=600),
    "removal, bsp, in-play": Recipe(seed=4, runners=6, updates=900, bsp=True, in_play=True, removal=True),
    "levels": Recipe(seed=5, runners=5, updates=600, ladder="levels"),
    "two markets": Recipe(seed=6, runners=4, updates=800, markets=2),
    "images": Recipe(seed=7, runners=4, updates=600, images=0.05),
}


def list_books(path: Path) -> list[dict[str, Any]]:
    """Every book of a file, in lightweight mode, without the raw update, copied: the next update changes the book itself.

    betfairlightweight gives the books of all markets at each update; those that did not change are left out.
    """
    api = APIClient("name", "password", "key")
    listener = StreamListener(max_latency=None, lightweight=True)
    stream = api.streaming.create_historical_generator_stream(file_path=str(path), listener=listener)
    copies: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for books in stream.get_generator()():
        for copy in map(without_update, books):
            if last.get(copy["marketId"]) != copy:
                copies.append(copy)
            last[copy["marketId"]] = copy
    return copies


def without_update(book: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in book.items() if key != "streaming_update"}
    copy: dict[str, Any] = json.loads(json.dumps(kept))
    return copy


def write_cut(path: Path, seconds: float, folder: Path) -> Path:
    copy = folder / "cut"
    with path.open("rb") as lines:
        copy.write_bytes(b"".join(cut_stream(lines, seconds)))
    return copy


def seconds_before(book: dict[str, Any]) -> float:
    off = datetime.strptime(book["marketDefinition"]["marketTime"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc
    )
    return off.timestamp() - float(book["publishTime"]) / 1000


def from_the_first_within(books: list[dict[str, Any]], seconds: float) -> Iterator[dict[str, Any]]:
    """The books of each market from the first one on that is this close to the off."""
    begun = set()
    for book in books:
        if book["marketId"] not in begun and seconds_before(book) <= seconds:
            begun.add(book["marketId"])
        if book["marketId"] in begun:
            yield book


@pytest.mark.parametrize(
    ("name", "seconds"),
    [*itertools.product(RECIPES, (1e9, 120.0, 20.0)), ("removal, bsp, in-play", -1.0)],
)
def test_books_are_the_same_from_the_cut_on(name: str, seconds: float, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    write_market(RECIPES[name], whole)
    expected = list(from_the_first_within(list_books(whole), seconds))
    assert expected
    assert list_books(write_cut(whole, seconds, tmp_path)) == expected


@pytest.mark.parametrize("sample", ["sample-win", "sample-match-odds", "sample-event"])
def test_books_of_the_samples_are_the_same_from_the_cut_on(sample: str, tmp_path: Path) -> None:
    books = list_books(SAMPLES / sample)
    seconds = sorted(map(seconds_before, books))[len(books) // 3]
    expected = list(from_the_first_within(books, seconds))
    assert 0 < len(expected) < len(books)
    assert list_books(write_cut(SAMPLES / sample, seconds, tmp_path)) == expected


def test_each_market_begins_with_an_image_and_other_lines_stay_byte_for_byte(tmp_path: Path) -> None:
    write_market(RECIPES["plain"], whole := tmp_path / "whole")
    lines = whole.read_bytes().splitlines(keepends=True)
    first, *others = cut_stream(lines, 60.0)
    assert [change["img"] for change in json.loads(first)["mc"]] == [True]
    assert others == lines[-len(others) :]
    assert json.loads(first)["pt"] == json.loads(lines[-len(others) - 1])["pt"]


def line(published: int, *changes: dict[str, Any]) -> bytes:
    return json.dumps({"op": "mcm", "pt": published, "clk": "a", "mc": list(changes)}).encode() + b"\n"


def definition(off: str | None, status: str = "OPEN") -> dict[str, Any]:
    return {"status": status, **({} if off is None else {"marketTime": off})}


def test_market_without_an_off_and_one_closed_before_it_are_not_lost() -> None:
    no_off = line(1_000, {"id": "1.1", "marketDefinition": definition(None)})
    assert list(cut_stream([no_off], 5.0))
    early = line(1_000, {"id": "1.2", "marketDefinition": definition("1970-01-02T00:00:00.000Z")})
    closed = line(2_000, {"id": "1.2", "marketDefinition": definition("1970-01-02T00:00:00.000Z", "CLOSED")})
    (kept,) = cut_stream([early, closed], 5.0)
    assert json.loads(kept)["mc"][0]["marketDefinition"]["status"] == "CLOSED"


def test_heartbeats_and_lines_before_the_cut_are_left_out() -> None:
    early = line(0, {"id": "1.1", "marketDefinition": definition("1970-01-01T01:00:00.000Z")})
    beat = json.dumps({"op": "mcm", "ct": "HEARTBEAT", "pt": 1}).encode() + b"\n"
    late = line(3_590_000, {"id": "1.1", "rc": [{"id": 5, "ltp": 3.5}]})
    assert len(list(cut_stream([early, beat, late, beat], 60.0))) == 1


def test_last_line_without_an_end_gets_one() -> None:
    early = line(0, {"id": "1.1", "marketDefinition": definition("1970-01-01T00:00:01.000Z")})
    assert all(kept.endswith(b"\n") for kept in cut_stream([early, early.rstrip(b"\n")], 60.0))
