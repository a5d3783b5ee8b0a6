"""Orders on a replayed market: what is matched and when, what becomes of the rest, and what it wins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perfbench.exchange.matching.instructions import (
    LimitOnCloseOrder,
    LimitOrder,
    MarketOnCloseOrder,
    MarketVersion,
    PlaceInstruction,
)
from perfbench.exchange.matching.order import Order
from perfbench.exchange.matching.order_manager import InstructionOutcome, MarketClosed, OrderManager
from perfbench.exchange.matching.price_ladder import is_on_ladder
from perfbench.exchange.replay.timeline import build_timeline
from perfbench.exchange.stream.order_cache import OrderCache, OrderStreamOptions

MARKET = "1.100000081"
FAVOURITE, OUTSIDER = 11, 12
ME = "me"


def definition(**said: Any) -> dict[str, Any]:
    statuses = said.pop("statuses", ("ACTIVE", "ACTIVE"))
    prices = said.pop("bsp", (None, None))
    runners = [
        {"id": runner, "status": status, "sortPriority": number, **({"bsp": price} if price else {})}
        for number, (runner, status, price) in enumerate(zip((FAVOURITE, OUTSIDER), statuses, prices, strict=True), 1)
    ]
    return {
        "status": "OPEN",
        "inPlay": False,
        "bspMarket": True,
        "turnInPlayEnabled": True,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "marketBaseRate": 5.0,
        "bettingType": "ODDS",
        "marketTime": "2026-01-01T12:00:00.000Z",
        "version": 7,
        "runners": runners,
        **said,
    }


def book(backs: list[list[float]], lays: list[list[float]], runner: int = FAVOURITE) -> dict[str, Any]:
    """What can be backed and laid."""
    return {"rc": [{"id": runner, "atb": backs, "atl": lays}]}


def turned(**said: Any) -> dict[str, Any]:
    return {"marketDefinition": definition(**said)}


OPENING = {**turned(), **book([[3.0, 10.0], [2.98, 50.0]], [[3.05, 20.0]])}
QUIET: dict[str, Any] = {"rc": [{"id": OUTSIDER, "ltp": 9.0}]}


class Exchange:
    """A desk on a market of a few changes, which comes to one after the other when it is told to."""

    def __init__(self, folder: Path, *changes: dict[str, Any], funds: float = 1000.0) -> None:
        path = folder / MARKET
        lines = [
            json.dumps({"op": "mcm", "pt": 1000 * number, "mc": [{"id": MARKET, **change}]}) + "\n"
            for number, change in enumerate([*changes, QUIET])
        ]
        path.write_text("".join(lines))
        self.desk = OrderManager(build_timeline([(MARKET, path)]), funds)
        self.position = 0
        self.go_on()

    def go_on(self) -> None:
        """Let the next change happen."""
        self.position += 1
        self.desk.advance(self.position)

    def place(
        self, side: str, price: float, size: float, *, runner: int = FAVOURITE, **said: Any
    ) -> InstructionOutcome:
        wish = PlaceInstruction(
            order_type="LIMIT",
            selection_id=runner,
            side=side,
            limit_order=LimitOrder(price=price, size=size, **said),
        )
        error, (outcome,) = self.desk.place(ME, MARKET, [wish])
        return outcome if outcome.error != "ERROR_IN_ORDER" else InstructionOutcome(error=error)

    def placed(self, side: str, price: float, size: float, **said: Any) -> str:
        """The bet id of an order that was taken."""
        outcome = self.place(side, price, size, **said)
        assert outcome.order is not None, outcome.error
        return outcome.order.bet

    def at_start(self, side: str, liability: float, price: float | None = None) -> InstructionOutcome:
        """An order at the starting price."""
        limited = LimitOnCloseOrder(liability=liability, price=price) if price else None
        wish = PlaceInstruction(
            order_type="LIMIT_ON_CLOSE" if price else "MARKET_ON_CLOSE",
            selection_id=FAVOURITE,
            side=side,
            limit_on_close_order=limited,
            market_on_close_order=None if price else MarketOnCloseOrder(liability=liability),
        )
        _, (outcome,) = self.desk.place(ME, MARKET, [wish])
        return outcome

    def order(self, bet: str) -> Order:
        return self.desk.matchers[MARKET].orders[bet]


def test_an_order_takes_what_is_offered_at_its_price_or_a_better_one_the_best_first(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    back = exchange.order(exchange.placed("BACK", 2.98, 25.0))
    assert (back.fills, back.remaining, back.executable) == (((2.98, 15.0), (3.0, 10.0)), 0.0, False)
    assert back.average == pytest.approx((3.0 * 10 + 2.98 * 15) / 25)
    lay = exchange.order(exchange.placed("LAY", 3.1, 30.0))
    assert (lay.fills, lay.remaining, lay.executable) == (((3.05, 20.0),), 10.0, True)


def test_an_offer_is_taken_once_until_the_file_renews_it(tmp_path: Path) -> None:
    smaller, more, gone = (book([[3.0, size]], []) for size in (4.0, 12.0, 0.0))
    exchange = Exchange(tmp_path, OPENING, smaller, more, gone, book([[3.0, 6.0]], []))
    assert exchange.order(exchange.placed("BACK", 3.0, 8.0)).matched == 8.0
    second = exchange.placed("BACK", 3.0, 8.0)
    assert exchange.order(second).matched == 2.0, "8 of the 10 pounds are taken"
    exchange.go_on()
    assert exchange.order(second).matched == 2.0, "the 4 that are left of them are not new money"
    exchange.go_on()
    assert exchange.order(second).matched == 8.0, "8 of the 12 are new; it wanted 6"
    third = exchange.placed("BACK", 3.0, 5.0)
    assert exchange.order(third).matched == 2.0
    exchange.go_on()
    exchange.go_on()
    assert exchange.order(third).matched == 5.0, "an offer that was gone is new when it comes back"


def test_what_is_left_waits_behind_others_and_gets_half_of_the_change_of_traded_volume(tmp_path: Path) -> None:
    traded = [{"rc": [{"id": FAVOURITE, "trd": [[3.05, volume]]}]} for volume in (30.0, 60.0, 100.0)]
    exchange = Exchange(tmp_path, OPENING, *traded)
    bet = exchange.placed("BACK", 3.05, 12.0)
    assert (exchange.order(bet).matched, exchange.order(bet).ahead) == (0.0, 20.0)
    exchange.go_on()
    assert (exchange.order(bet).matched, exchange.order(bet).ahead) == (0.0, 5.0), "15 pounds went to those before it"
    exchange.go_on()
    assert (exchange.order(bet).fills, exchange.order(bet).ahead) == (((3.05, 10.0),), 0.0), "5 to them, 10 to it"
    exchange.go_on()
    assert (exchange.order(bet).fills, exchange.order(bet).executable) == (((3.05, 12.0),), False)


def test_trades_at_a_worse_price_for_others_fill_it_at_its_own_and_are_given_once(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, {"rc": [{"id": FAVOURITE, "trd": [[3.2, 20.0], [2.9, 99.0]]}]})
    first, second = exchange.placed("BACK", 3.05, 8.0), exchange.placed("BACK", 3.1, 8.0)
    exchange.go_on()
    assert exchange.order(first).fills == ((3.05, 8.0),)
    assert exchange.order(second).fills == ((3.1, 2.0),), "2 of the 10 pounds were left"


def test_nothing_is_matched_while_the_market_is_suspended(tmp_path: Path) -> None:
    crossed = book([[3.2, 50.0]], [])
    exchange = Exchange(tmp_path, OPENING, turned(status="SUSPENDED"), crossed, {**turned(), **crossed})
    bet = exchange.placed("BACK", 3.1, 5.0)
    exchange.go_on()
    assert exchange.place("BACK", 3.1, 5.0).error == "MARKET_SUSPENDED"
    exchange.go_on()
    assert exchange.order(bet).matched == 0.0
    assert exchange.desk.cancel(ME, MARKET, bet).error == "MARKET_NOT_OPEN_FOR_BETTING"
    exchange.go_on()
    assert exchange.order(bet).fills == ((3.2, 5.0),)


def test_at_the_turn_in_play_an_order_lapses_persists_or_goes_to_the_starting_price(tmp_path: Path) -> None:
    off = turned(inPlay=True, bspReconciled=True, bsp=(4.0, 20.0))
    exchange = Exchange(tmp_path, OPENING, off, book([[5.0, 50.0]], []))
    lapse, persist = exchange.placed("BACK", 4.5, 2.0), exchange.placed("BACK", 4.5, 3.0, persistence_type="PERSIST")
    back = exchange.placed("BACK", 4.5, 4.0, persistence_type="MARKET_ON_CLOSE")
    lay = exchange.placed("LAY", 2.5, 6.0, persistence_type="MARKET_ON_CLOSE")
    exchange.go_on()
    assert (exchange.order(lapse).lapsed, exchange.order(lapse).executable) == (2.0, False)
    assert exchange.order(persist).executable
    assert exchange.order(back).fills == ((4.0, 4.0),)
    assert exchange.order(lay).fills == ((4.0, 3.0),), "it risks 6 × 1.5, which is 3 × 3"
    exchange.go_on()
    assert exchange.order(persist).fills == ((5.0, 3.0),)


def test_orders_at_the_starting_price_are_matched_there_or_lapse(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, turned(inPlay=True, bspReconciled=True, bsp=(4.0, 20.0)))
    orders = [
        exchange.at_start(*wish).order
        for wish in (("BACK", 10.0), ("LAY", 30.0), ("BACK", 10.0, 4.1), ("LAY", 30.0, 4.1))
    ]
    bets = [order.bet for order in orders if order]
    assert exchange.desk.cancel(ME, MARKET, bets[0]).error == "BET_TAKEN_OR_LAPSED", "they cannot be cancelled"
    exchange.go_on()
    assert [exchange.order(bet).fills for bet in bets] == [((4.0, 10.0),), ((4.0, 10.0),), (), ((4.0, 10.0),)]
    assert not any(exchange.order(bet).executable for bet in bets)
    assert exchange.at_start("BACK", 10.0).error == "MARKET_NOT_OPEN_FOR_BSP_BETTING"


def test_orders_on_a_runner_that_is_removed_are_void(tmp_path: Path) -> None:
    exchange = Exchange(
        tmp_path,
        OPENING,
        turned(statuses=("REMOVED", "ACTIVE")),
        turned(status="CLOSED", statuses=("REMOVED", "WINNER")),
    )
    bet = exchange.placed("BACK", 3.0, 15.0)
    exchange.go_on()
    order = exchange.order(bet)
    assert (order.voided, order.matched, order.executable) == (15.0, 0.0, False)
    assert exchange.place("BACK", 3.0, 5.0).error == "RUNNER_REMOVED"
    exchange.go_on()
    assert exchange.desk.funds(ME).available == 1000.0


@pytest.mark.parametrize(
    ("statuses", "balance"),
    [
        (("WINNER", "LOSER"), 1000 + 10 * 2.0 * 0.95),
        (("LOSER", "WINNER"), 1000 - 10.0),
        (("WINNER", "WINNER"), 1000 + 10 * 0.5 * 0.95),
    ],
    ids=["won", "lost", "dead heat"],
)
def test_a_market_that_closes_pays_less_commission_and_lets_the_rest_lapse(
    tmp_path: Path, statuses: tuple[str, str], balance: float
) -> None:
    exchange = Exchange(tmp_path, OPENING, turned(status="CLOSED", statuses=statuses))
    exchange.placed("BACK", 3.0, 10.0)
    waiting = exchange.placed("LAY", 1.5, 10.0)
    exchange.go_on()
    assert exchange.order(waiting).lapsed == 10.0
    assert exchange.desk.funds(ME).available == pytest.approx(balance)
    assert exchange.desk.funds(ME).exposure == 0.0
    assert exchange.place("BACK", 3.0, 10.0).error == "MARKET_NOT_OPEN_FOR_BETTING"
    assert exchange.desk.journal[-1] == MarketClosed(MARKET)


def test_funds_are_what_can_still_be_lost(tmp_path: Path) -> None:
    exchange = Exchange(
        tmp_path, {**OPENING, "rc": [*OPENING["rc"], *book([[10.0, 50.0]], [], OUTSIDER)["rc"]]}, funds=100.0
    )
    exchange.placed("BACK", 3.0, 10.0)
    assert (exchange.desk.funds(ME).exposure, exchange.desk.funds(ME).available) == (10.0, 90.0)
    exchange.placed("LAY", 3.05, 10.0)
    assert exchange.desk.funds(ME).exposure == pytest.approx(0.5), "3.05 was laid and 3.0 backed"
    exchange.placed("LAY", 2.0, 30.0)
    assert exchange.desk.funds(ME).exposure == pytest.approx(30.5), "unmatched, it may lose 30 if the favourite wins"
    exchange.placed("BACK", 10.0, 20.0, runner=OUTSIDER)
    assert exchange.desk.funds(ME).exposure == pytest.approx(50.5)
    assert exchange.place("BACK", 10.0, 60.0, runner=OUTSIDER).error == "INSUFFICIENT_FUNDS"
    assert exchange.place("BACK", 10.0, 40.0, runner=OUTSIDER).order is not None
    assert exchange.desk.funds("somebody else").available == 100.0


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"price": 3.03}, "INVALID_ODDS"),
        ({"price": 1.0}, "INVALID_ODDS"),
        ({"price": float("nan")}, "INVALID_ODDS"),
        ({"size": 0.5}, "INVALID_BET_SIZE"),
        ({"size": 10.001}, "INVALID_BET_SIZE"),
        ({"size": -5.0}, "INVALID_BET_SIZE"),
        ({"side": "SIDEWAYS"}, "INVALID_BID_TYPE"),
        ({"runner": 99}, "INVALID_RUNNER"),
        ({"persistence_type": "FOREVER"}, "INVALID_PERSISTENCE_TYPE"),
        ({"time_in_force": "TOMORROW"}, "TIME_IN_FORCE_CONFLICT"),
        ({"min_fill_size": 5.0}, "UNEXPECTED_MIN_FILL_SIZE"),
        ({"time_in_force": "FILL_OR_KILL", "min_fill_size": 50.0}, "INVALID_MIN_FILL_SIZE"),
    ],
    ids=str,
)
def test_an_order_that_cannot_be_is_refused_by_its_code(tmp_path: Path, wish: dict[str, Any], error: str) -> None:
    exchange = Exchange(tmp_path, OPENING)
    assert exchange.place(**{"side": "BACK", "price": 3.05, "size": 10.0, **wish}).error == error
    assert exchange.desk.orders(ME) == []


def test_a_small_stake_is_taken_if_it_would_pay_ten_pounds(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    assert exchange.place("BACK", 100.0, 0.1).order is not None
    assert exchange.place("BACK", 90.0, 0.1).error == "INVALID_BET_SIZE"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"marketType": "EACH_WAY"}, "PERMISSION_DENIED"),
        ({"bettingType": "LINE"}, "PERMISSION_DENIED"),
        ({"status": "INACTIVE"}, "MARKET_NOT_OPEN_FOR_BETTING"),
    ],
)
def test_markets_that_take_no_bets_say_why(tmp_path: Path, said: dict[str, Any], error: str) -> None:
    assert Exchange(tmp_path, turned(**said)).place("BACK", 3.0, 10.0).error == error


def test_an_order_for_an_earlier_version_of_the_market_is_refused(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    wish = PlaceInstruction(
        order_type="LIMIT", selection_id=FAVOURITE, side="BACK", limit_order=LimitOrder(price=3.0, size=2.0)
    )
    assert exchange.desk.place(ME, MARKET, [wish], MarketVersion(version=6))[0] == "INVALID_MARKET_VERSION"
    assert exchange.desk.place(ME, MARKET, [wish], MarketVersion(version=7))[0] is None
    assert exchange.desk.place(ME, "1.9", [wish])[0] == "INVALID_MARKET_ID"


def test_either_all_orders_of_a_request_are_placed_or_none(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    good, bad = (
        PlaceInstruction(
            order_type="LIMIT", selection_id=FAVOURITE, side="BACK", limit_order=LimitOrder(price=price, size=2.0)
        )
        for price in (3.0, 3.01)
    )
    error, outcomes = exchange.desk.place(ME, MARKET, [good, bad])
    assert (error, [outcome.error for outcome in outcomes]) == ("BET_ACTION_ERROR", ["ERROR_IN_ORDER", "INVALID_ODDS"])
    assert exchange.desk.orders(ME) == []


@pytest.mark.parametrize(("size", "least", "matched"), [(12.0, None, 0.0), (12.0, 10.0, 10.0), (9.0, None, 9.0)])
def test_fill_or_kill_takes_enough_at_once_or_nothing_and_never_waits(
    tmp_path: Path, size: float, least: float | None, matched: float
) -> None:
    exchange = Exchange(tmp_path, OPENING)
    order = exchange.order(exchange.placed("BACK", 3.0, size, time_in_force="FILL_OR_KILL", min_fill_size=least))
    assert (order.matched, order.cancelled, order.executable) == (matched, size - matched, False)


def test_an_order_is_cancelled_in_part_or_in_whole_once(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    bet = exchange.placed("BACK", 4.0, 10.0)
    assert exchange.desk.cancel(ME, MARKET, bet, 4.0).size == 4.0
    assert exchange.order(bet).remaining == 6.0
    assert exchange.desk.cancel("somebody else", MARKET, bet).error == "INVALID_BET_ID"
    assert exchange.desk.cancel(ME, "1.9", bet).error == "INVALID_BET_ID"
    assert exchange.desk.cancel(ME, None, bet).size == 6.0
    assert exchange.desk.cancel(ME, MARKET, bet).error == "BET_TAKEN_OR_LAPSED"


def test_what_an_order_does_in_play_can_be_changed(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, turned(inPlay=True))
    bet = exchange.placed("BACK", 4.0, 10.0)
    assert exchange.desk.persist(ME, MARKET, bet, "LAPSE").error == "NO_ACTION_REQUIRED"
    assert exchange.desk.persist(ME, MARKET, bet, "SOMETIMES").error == "INVALID_PERSISTENCE_TYPE"
    assert exchange.desk.persist(ME, MARKET, bet, "PERSIST").error is None
    exchange.go_on()
    assert exchange.order(bet).executable


def test_the_order_stream_tells_what_has_changed_and_an_image_what_is_there(tmp_path: Path) -> None:
    exchange = Exchange(
        tmp_path, OPENING, turned(inPlay=True), turned(status="CLOSED", inPlay=True, statuses=("WINNER", "LOSER"))
    )
    told, journal = OrderCache(ME, OrderStreamOptions(by_strategy=True)), exchange.desk.journal
    exchange.placed("BACK", 3.0, 15.0)
    (change,) = told.follow(journal)
    (runner,) = change["orc"]
    assert (change["id"], runner["id"], runner["mb"], runner["smc"]) == (
        MARKET,
        FAVOURITE,
        [[3.0, 10.0]],
        {"": {"mb": [[3.0, 10.0]]}},
    )
    assert {key: runner["uo"][0][key] for key in ("side", "status", "p", "s", "sm", "sr")} == {
        "side": "B", "status": "E", "p": 3.0, "s": 15.0, "sm": 10.0, "sr": 5.0,
    }  # fmt: skip
    (image,) = told.image()
    assert image["fullImage"]
    assert image["orc"][0]["uo"] == runner["uo"]
    seen = len(journal)
    exchange.go_on()
    (change,) = told.follow(journal[seen:])
    assert (change["orc"][0]["uo"][0]["status"], change["orc"][0]["uo"][0]["sl"]) == ("EC", 5.0)
    assert "mb" not in change["orc"][0], "nothing more was matched"
    (image,) = told.image()
    assert "uo" not in image["orc"][0]
    assert image["orc"][0]["mb"] == [[3.0, 10.0]]
    seen = len(journal)
    exchange.go_on()
    assert told.follow(journal[seen:]) == [{"accountId": 0, "id": MARKET, "closed": True, "orc": []}]
    assert told.image() == []
    assert OrderCache("somebody else", OrderStreamOptions()).follow(journal) == []
    assert OrderCache(ME, OrderStreamOptions(strategies=frozenset({"mine"}))).follow(journal) == []


@pytest.mark.parametrize(
    ("price", "classic", "finest"),
    [(1.01, True, True), (2.02, True, True), (2.01, False, True), (3.05, True, True), (3.02, False, True),
     (1000.0, True, True), (1010.0, False, False), (1.0, False, False), (51.0, False, True), (2.005, False, False)],
)  # fmt: skip
def test_prices_are_those_of_the_ladder(price: float, classic: bool, finest: bool) -> None:
    assert (is_on_ladder(price, "CLASSIC"), is_on_ladder(price, "FINEST")) == (classic, finest)
