"""The soak of 24 virtual hours: what leaks and what does not, told from a real listener, and what growth says of made-up curves."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from support.command_line import perfbench
from support.scenarios import scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import OutputDigest, PassMeasurement, Ready, Request

SMALL: dict[str, Any] = {"markets_per_hour": 2, "updates": 15, "books": 20}
UPDATES = 24 * 2 * 15
LEAKS = {"never_closed": 1, "closed": 0, "dropped_early": 0, "books_in_list": 1, "advised_deque": 0}
MARKETS_LEFT = {"never_closed": 48, "closed": 17, "dropped_early": 1, "books_in_list": 17, "advised_deque": 17}
"""All of the day; those that closed within the last eight hours, and the newest; that alone."""

MIB = 1 << 20
HOUR = 3_600_000

linux = pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with a removal, starting prices and an in-play part."""
    path = tmp_path_factory.mktemp("market") / "1.100000021"
    write_market(Recipe(seed=21, runners=12, updates=600, bsp=True, in_play=True, removal=True), path)
    return path


def worker(task: str, mode: str, market: Path, **more: Any) -> WorkerProcess:
    request = Request(task, str(scenario_path("soak")), mode, str(market), {**SMALL, **more})
    return WorkerProcess(Environment("here", sys.executable), request, hash_seed=0, timeout=100)


def soaked(mode: str, market: Path, **more: Any) -> PassMeasurement:
    """One pass of the mode, alone in its process."""
    with worker("time", mode, market, **more) as pass_:
        pass_.expect(Ready)
        pass_.go()
        answer = pass_.expect(PassMeasurement)
        pass_.end()
    return answer


def digested(mode: str, market: Path) -> OutputDigest:
    with worker("check", mode, market) as check:
        answer = check.expect(OutputDigest)
        check.end()
    return answer


# The verdict --------------------------------------------------------------------------------------------------------------


@linux
def test_markets_that_never_close_and_books_in_a_list_leak_and_nothing_else_does(market: Path) -> None:
    for mode, leak in LEAKS.items():
        answer = soaked(mode, market)
        numbers, leaks = answer.numbers, bool(leak)
        assert answer.work == UPDATES
        assert numbers["leak"] == leaks, mode
        assert numbers["leak_bytes_per_hour"] == (numbers["growth_bytes_per_hour"] if leaks else 0), mode
        assert numbers["growth_low"] <= numbers["growth_bytes_per_hour"] <= numbers["growth_high"]
        assert ("hours_until_limit" in numbers) == leaks
        hours = [numbers[f"rss_hour_{hour:02d}"] for hour in range(25)]
        assert hours[-1] == numbers["end_rss_bytes"]
        assert (hours[-1] - hours[12] > MIB) == leaks
        assert numbers["markets_in_memory"] == MARKETS_LEFT[mode]


def test_claims_are_about_leaks_and_name_no_better_mode(shipped: Callable[[str], Any]) -> None:
    """A bounded side has nothing that could be bettered; that markets should close is a question of perfbench."""
    soak = shipped("soak")
    assert [(claim.before, claim.after, claim.source) for claim in soak.CLAIMS] == [
        ("never_closed", "closed", "perfbench"),
        ("books_in_list", "advised_deque", "community notes"),
    ]
    assert {(claim.metric, claim.bounded, claim.better) for claim in soak.CLAIMS} == {("leak_bytes_per_hour", True, "")}
    assert soak.METRICS["growth_bytes_per_hour"].floor == pytest.approx(MIB / 7)


def test_advised_deque_holds_the_last_thousand_books(
    shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    soak, kept = shipped("soak"), []
    monkeypatch.setattr(soak, "_soaked", lambda _, take: kept.append(take.__self__))
    soak.advised_deque(None)
    (books,) = kept
    books.extend(range(1_500))
    assert (type(books), books.maxlen, books[0], books[-1]) == (deque, 1000, 500, 1499)


@linux
def test_all_modes_get_the_same_books(market: Path) -> None:
    answers = [digested(mode, market) for mode in LEAKS]
    assert {answer.updates for answer in answers} == {UPDATES}
    assert len({answer.digest for answer in answers}) == 1


@linux
@pytest.mark.slow
def test_the_command_line_soaks_markets_of_the_generator_too(tmp_path: Path, market: Path) -> None:
    options = [f"--set={name}={value}" for name, value in {**SMALL, "source": "generator"}.items() if name != "books"]
    modes = ("--mode", "never_closed", "--mode", "closed")
    done = perfbench("run", "soak", "--data", market, "--quiet", "--rounds", "1", *modes, *options, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  closed .+ yes$", done.stdout, re.MULTILINE)
    document = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    for measurement in document["measurements"]:
        mode = measurement["case"]["mode"]
        assert {sample["numbers"]["leak"] for sample in measurement["samples"]} == {LEAKS[mode]}


@linux
def test_limit_within_the_day_is_read_off_the_curve_and_a_later_limit_extrapolated(market: Path) -> None:
    first = soaked("never_closed", market).numbers
    middle = round(first["rss_hour_12"] / 1e6)
    hours = [
        soaked("never_closed", market, limit_mb=float(limit)).numbers["hours_until_limit"] for limit in (middle, 500)
    ]
    assert 10 < hours[0] < 14
    assert hours[1] == pytest.approx(24 + (500e6 - first["end_rss_bytes"]) / first["growth_bytes_per_hour"], rel=0.1)


def test_full_and_lightweight_soak_agree_on_every_book(market: Path, shipped: Callable[[str], Any]) -> None:
    session, templates = shipped("_day"), shipped("_day")
    day = session.Day(templates.of_file(str(market), 15), 2, 18)
    said = []
    for lightweight in (False, True):
        record = session.Record(day.amount)
        session.listen(day, record, lambda _: None, lightweight=lightweight, closing=True)
        said.append(list(record.items()))
    assert said[0] == said[1]
    assert len(said[0]) == day.amount == 18 * 2 * 15
    assert len({item[0] for item in said[0]}) == 36
    assert all(item[3] > 0 for item in said[0])


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("hours=6", "hours=6: growth needs at least 18 hours"),
        ("markets_per_hour=0", "markets_per_hour=0, updates=15: 1 to 60, 3 or more"),
        ("updates=2", "markets_per_hour=2, updates=2: 1 to 60, 3 or more"),
        ("source=exchange", "source=exchange: use market or generator"),
    ],
)
def test_invalid_day_is_one_line(market: Path, shipped: Callable[[str], Any], setting: str, line: str) -> None:
    name, _, value = setting.partition("=")
    values: dict[str, Any] = {"markets_per_hour": 2, "updates": 15, name: value if name == "source" else int(value)}
    with pytest.raises(Exception, match=re.escape(line)):
        shipped("soak").soak(str(market), **values)


def test_a_list_for_which_the_machine_has_no_room_is_not_available_here(
    market: Path, shipped: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    soak = shipped("soak")
    made = soak.soak(str(market), markets_per_hour=2, updates=15)
    monkeypatch.setattr(shipped("perfbench.kit.memory"), "available", lambda: 100 * MIB)
    with pytest.raises(Exception, match="720 market books in a list need"):
        soak.books_in_list(made)


# The library drops a closed market only when a new one comes ---------------------------------------------------------------


@pytest.fixture
def connection(shipped: Callable[[str], Any]) -> Any:
    return shipped("_day").Connection(lightweight=True)


def image(number: int, hour: float, shipped: Callable[[str], Any], status: str = "OPEN") -> Any:
    session = shipped("_day")
    definition = f'{{"status":"{status}","runners":[{{"id":7,"sortPriority":1,"status":"ACTIVE"}}]}}'
    change = '{{"id":"1.{}","img":{},"marketDefinition":{},"rc":[{{"id":7,"ltp":2.5}}]}}'
    return session.Update(
        session.MIDNIGHT + round(hour * HOUR), change.format(number, str(status == "OPEN").lower(), definition)
    )


def test_a_closed_market_stays_until_a_new_image_comes_after_eight_hours(
    connection: Any, shipped: Callable[[str], Any]
) -> None:
    connection.update(image(1, 0, shipped))
    connection.update(image(1, 1, shipped, "CLOSED"))
    for hour in range(2, 24):
        connection.heartbeat(image(1, hour, shipped).published)
    assert connection.cached == 1  # nothing new came, so nothing was dropped
    connection.update(image(2, 24, shipped))
    assert connection.cached == 1
    connection.update(image(2, 25, shipped, "CLOSED"))
    connection.update(image(3, 32.9, shipped))
    assert connection.cached == 2  # closed, and not old enough
    connection.update(image(4, 33.1, shipped))
    assert connection.cached == 2


def test_a_market_that_never_closes_stays_however_old(connection: Any, shipped: Callable[[str], Any]) -> None:
    connection.update(image(1, 0, shipped))
    connection.update(image(1, 1, shipped, "SUSPENDED"))
    connection.update(image(2, 240, shipped))
    assert connection.cached == 2


# Markets cut short ----------------------------------------------------------------------------------------------------------


def books(lines: list[str], shipped: Callable[[str], Any]) -> list[dict[str, Any]]:
    """The books of changes that are sent as live ones, without the id of the stream."""
    session = shipped("_day")
    connection = session.Connection(lightweight=True)
    return [connection.update(session.Update(session.MIDNIGHT + place, line)) for place, line in enumerate(lines)]


@pytest.mark.parametrize("ladder", ["full", "levels"])
def test_a_market_taken_over_by_its_image_has_the_books_of_the_whole_market(
    tmp_path: Path, shipped: Callable[[str], Any], ladder: Any
) -> None:
    path = tmp_path / "market"
    write_market(Recipe(seed=5, runners=5, updates=300, bsp=True, in_play=True, removal=True, ladder=ladder), path)
    lines = [json.dumps(json.loads(line)["mc"][0]) for line in path.read_text().splitlines()]
    (template,) = shipped("_day").of_file(str(path), 22)
    cut = books(['{"id":"1.1",' + change for _, change in template.changes], shipped)
    whole = books(lines, shipped)[139:160]  # an image of 140, twenty more
    assert [book["status"] for book in cut] == ["OPEN"] * 21 + ["CLOSED"]
    for book, other in zip(cut, whole, strict=False):
        assert in_order(book["runners"]) == in_order(other["runners"])
        assert book["marketDefinition"] == other["marketDefinition"]


def in_order(runners: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(runners, key=lambda runner: runner["selectionId"])


def test_markets_of_an_event_are_interleaved_and_each_has_its_own_id(
    tmp_path: Path, shipped: Callable[[str], Any]
) -> None:
    session, path = shipped("_day"), tmp_path / "event"
    write_market(Recipe(seed=13, runners=4, updates=300, markets=3), path)
    found = shipped("_day").of_file(str(path), 10)
    assert len(found) == 3
    updates = list(session.Day(found, 12, 18).updates(True))
    ids = [json.loads(update.change)["id"] for update in updates]
    assert len(set(ids)) == 12 * 18
    assert {ids.count(market) for market in set(ids)} == {10}
    times = [update.published for update in updates]
    assert times == sorted(times)


def test_market_of_days_is_compressed_to_an_hour_and_an_open_market_is_closed(
    tmp_path: Path, shipped: Callable[[str], Any]
) -> None:
    definition = {"status": "OPEN", "runners": [{"id": 7, "sortPriority": 1, "status": "ACTIVE"}]}
    changes = [{"id": "1.5", "marketDefinition": definition}, *[{"id": "1.5", "rc": [{"id": 7, "ltp": 2}]}] * 9]
    lines = [json.dumps({"op": "mcm", "pt": day * 24 * HOUR, "mc": [change]}) for day, change in enumerate(changes)]
    (tmp_path / "days").write_text("\n".join(lines))
    (template,) = shipped("_day").of_file(str(tmp_path / "days"), 100)
    offsets = [offset for offset, _ in template.changes]
    assert len(offsets) == 11
    assert offsets == sorted(offsets)
    assert offsets[-1] == HOUR
    assert '"status":"CLOSED"' in template.changes[-1][1]
    assert '"status":"SUSPENDED"' in template.unsettled


def test_a_file_without_definitions_is_not_available(tmp_path: Path, shipped: Callable[[str], Any]) -> None:
    (tmp_path / "bare").write_text('{"op":"mcm","pt":1,"mc":[{"id":"1.5","rc":[{"id":7,"ltp":2}]}]}\n')
    with pytest.raises(Exception, match="bare has no marketDefinition: choose another file"):
        shipped("_day").of_file(str(tmp_path / "bare"), 20)


# Growth -------------------------------------------------------------------------------------------------------------------


Shape = Callable[[float], float]
"""MiB by the hour of the day."""


def curve(shape: Shape, noise: float, hours: int = 24) -> list[int]:
    chance = random.Random(7)
    samples = range(6 * hours + 1)
    return [round(MIB * (40 + shape(sample / 6) + chance.gauss(0, noise))) for sample in samples]


def filled_after(hours: float) -> Shape:
    return lambda hour: 4 * min(hour, hours)


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize(
    ("shape", "leak"),
    [
        pytest.param(lambda hour: 0, False, id="flat"),
        pytest.param(filled_after(8), False, id="a plateau after a warm-up"),
        pytest.param(filled_after(14), False, id="a plateau within the half that is judged"),
        pytest.param(filled_after(20), False, id="a plateau within the last quarter"),
        pytest.param(lambda hour: 10 * (hour > 17), False, id="one step"),
        pytest.param(lambda hour: 30 * (1 - math.exp(-hour / 3)), False, id="settling"),
        pytest.param(lambda hour: 5 * (6 * hour % 6 > 4), False, id="a peak every hour"),
        pytest.param(lambda hour: hour % 4, False, id="a saw"),
        pytest.param(lambda hour: -hour, False, id="falling"),
        pytest.param(lambda hour: hour, True, id="linear"),
        pytest.param(lambda hour: 0.25 * hour, True, id="slowly linear"),
        pytest.param(lambda hour: filled_after(8)(hour) + hour / 2, True, id="linear behind a warm-up"),
        pytest.param(lambda hour: 3 * (hour // 3), True, id="a staircase"),
        pytest.param(lambda hour: hour * hour / 10, True, id="ever faster"),
    ],
)
def test_growth_separates_a_leak_from_bounded_memory(
    shipped: Callable[[str], Any], shape: Shape, leak: bool, noise: float
) -> None:
    assert shipped("perfbench.kit.growth").growth(curve(shape, noise), 6).leak is leak


@pytest.mark.statistical
def test_the_interval_holds_the_slope_about_as_often_as_it_promises(shipped: Callable[[str], Any]) -> None:
    growth, chance, held = shipped("perfbench.kit.growth").growth, random.Random(3), 0
    for _ in range(400):
        rss = [round(MIB * (40 + 0.3 * hour + chance.gauss(0, 0.3))) for hour in range(24)]
        found = growth(rss, 1)
        held += found.low <= 0.3 * MIB <= found.high
    assert 0.92 <= held / 400 <= 0.99


def test_the_interval_is_that_of_the_textbook(shipped: Callable[[str], Any]) -> None:
    chance = random.Random(11)
    rss = [chance.gauss(50e6 + 1e6 * hour, 1e6) for hour in range(24)]
    found = shipped("perfbench.kit.growth").growth(rss, 1)
    slope, _, low, high = stats.theilslopes(rss[12:], alpha=0.95)
    assert (found.per_hour, found.low, found.high) == pytest.approx((slope, low, high))


def test_growth_below_an_arena_is_not_a_leak(shipped: Callable[[str], Any]) -> None:
    found = shipped("perfbench.kit.growth").growth(curve(lambda hour: hour / 20, 0.0), 6)
    assert 0 < found.low < found.floor
    assert found.leak is False


def test_too_few_hours_are_refused(shipped: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="14 hours are too few to measure growth: at least 15"):
        shipped("perfbench.kit.growth").growth(curve(lambda hour: hour, 0.0, hours=14), 6)


def test_a_limit_is_met_on_the_curve_or_as_growth_goes_on_or_never(shipped: Callable[[str], Any]) -> None:
    module = shipped("perfbench.kit.growth")
    leaking, flat = curve(lambda hour: hour, 0.0), curve(lambda hour: 0, 0.0)
    grown, rested = module.growth(leaking, 6), module.growth(flat, 6)
    assert module.hours_until(50 * MIB, leaking, 6, grown) == 10
    assert module.hours_until(140 * MIB, leaking, 6, grown) == pytest.approx(100)
    assert module.hours_until(140 * MIB, flat, 6, rested) is None
    assert module.hours_until(30 * MIB, flat, 6, rested) == 0
