"""Order matching, validation and settlement on a replayed market."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfbench.exchange.account.wallet import AccountFunds
from perfbench.exchange.matching.instructions import (
    LimitOnCloseOrder,
    LimitOrder,
    MarketOnCloseOrder,
    MarketVersion,
    PlaceInstruction,
)
from perfbench.exchange.matching.order import Order
from perfbench.exchange.matching.order_manager import InstructionOutcome, MarketClosed, OrderManager, Rejection
from perfbench.exchange.matching.placement import AcceptedOrders
from perfbench.exchange.matching.price_ladder import is_on_ladder
from perfbench.exchange.replay.timeline import build_timeline
from perfbench.exchange.stream.order_cache import OrderCache, OrderStreamOptions

MARKET = "1.100000081"
FAVOURITE, OUTSIDER = 11, 12
ME = "me"


def definition(**fields: Any) -> dict[str, Any]:
    statuses = fields.pop("statuses", ("ACTIVE", "ACTIVE"))
    prices = fields.pop("bsp", (None, None))
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
        **fields,
    }


def book(backs: list[list[float]], lays: list[list[float]], runner: int = FAVOURITE) -> dict[str, Any]:
    """Build a change of a runner's full ladders."""
    return {"rc": [{"id": runner, "atb": backs, "atl": lays}]}


def definition_change(**fields: Any) -> dict[str, Any]:
    return {"marketDefinition": definition(**fields)}


OPENING = {**definition_change(), **book([[3.0, 10.0], [2.98, 50.0]], [[3.05, 20.0]])}
QUIET: dict[str, Any] = {"rc": [{"id": OUTSIDER, "ltp": 9.0}]}


class Exchange:
    """Order manager on a market of a few changes, which are applied one at a time."""

    def __init__(self, folder: Path, *changes: dict[str, Any], funds: float = 1000.0) -> None:
        path = folder / MARKET
        lines = [
            json.dumps({"op": "mcm", "pt": 1000 * number, "mc": [{"id": MARKET, **change}]}) + "\n"
            for number, change in enumerate([*changes, QUIET])
        ]
        path.write_text("".join(lines))
        self.order_manager = OrderManager(build_timeline([(MARKET, path)]), funds)
        self.position = 0
        self.advance()

    def advance(self) -> None:
        """Apply the next change."""
        self.position += 1
        self.order_manager.advance(self.position)

    def place(
        self, side: str, price: float, size: float, *, runner: int = FAVOURITE, **fields: Any
    ) -> InstructionOutcome:
        instruction = PlaceInstruction(
            order_type="LIMIT",
            selection_id=runner,
            side=side,
            limit_order=LimitOrder(price=price, size=size, **fields),
        )
        error_code, (outcome,) = self.order_manager.place_orders(ME, MARKET, [instruction])
        return outcome if outcome.error_code != "ERROR_IN_ORDER" else InstructionOutcome(error_code=error_code)

    def place_accepted(self, side: str, price: float, size: float, **fields: Any) -> str:
        """Place an order that must be accepted, and return its bet id."""
        outcome = self.place(side, price, size, **fields)
        assert outcome.order is not None, outcome.error_code
        return outcome.order.bet_id

    def place_at_starting_price(self, side: str, liability: float, price: float | None = None) -> InstructionOutcome:
        """Place an order at the starting price."""
        limit_on_close = LimitOnCloseOrder(liability=liability, price=price) if price else None
        instruction = PlaceInstruction(
            order_type="LIMIT_ON_CLOSE" if price else "MARKET_ON_CLOSE",
            selection_id=FAVOURITE,
            side=side,
            limit_on_close_order=limit_on_close,
            market_on_close_order=None if price else MarketOnCloseOrder(liability=liability),
        )
        _, (outcome,) = self.order_manager.place_orders(ME, MARKET, [instruction])
        return outcome

    def order(self, bet_id: str) -> Order:
        return self.order_manager.matchers[MARKET].orders[bet_id]


def test_order_takes_offers_at_its_price_or_better_best_first(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    back = exchange.order(exchange.place_accepted("BACK", 2.98, 25.0))
    assert (back.fills, back.size_remaining, back.executable) == (((2.98, 15.0), (3.0, 10.0)), 0.0, False)
    assert back.average_price == pytest.approx((3.0 * 10 + 2.98 * 15) / 25)
    lay = exchange.order(exchange.place_accepted("LAY", 3.1, 30.0))
    assert (lay.fills, lay.size_remaining, lay.executable) == (((3.05, 20.0),), 10.0, True)


def test_offer_is_taken_once_until_the_file_renews_it(tmp_path: Path) -> None:
    smaller, more, gone = (book([[3.0, size]], []) for size in (4.0, 12.0, 0.0))
    exchange = Exchange(tmp_path, OPENING, smaller, more, gone, book([[3.0, 6.0]], []))
    assert exchange.order(exchange.place_accepted("BACK", 3.0, 8.0)).size_matched == 8.0
    second = exchange.place_accepted("BACK", 3.0, 8.0)
    assert exchange.order(second).size_matched == 2.0, "8 of the 10 pounds are taken"
    exchange.advance()
    assert exchange.order(second).size_matched == 2.0, "the 4 that are left of them are not new money"
    exchange.advance()
    assert exchange.order(second).size_matched == 8.0, "8 of the 12 are new; it wanted 6"
    third = exchange.place_accepted("BACK", 3.0, 5.0)
    assert exchange.order(third).size_matched == 2.0
    exchange.advance()
    exchange.advance()
    assert exchange.order(third).size_matched == 5.0, "an offer that was gone is new when it comes back"


def test_remainder_queues_behind_others_and_gets_half_of_the_change_of_traded_volume(tmp_path: Path) -> None:
    traded = [{"rc": [{"id": FAVOURITE, "trd": [[3.05, volume]]}]} for volume in (30.0, 60.0, 100.0)]
    exchange = Exchange(tmp_path, OPENING, *traded)
    bet_id = exchange.place_accepted("BACK", 3.05, 12.0)
    assert (exchange.order(bet_id).size_matched, exchange.order(bet_id).queue_ahead) == (0.0, 20.0)
    exchange.advance()
    assert (exchange.order(bet_id).size_matched, exchange.order(bet_id).queue_ahead) == (0.0, 5.0), (
        "15 pounds went to those before it"
    )
    exchange.advance()
    assert (exchange.order(bet_id).fills, exchange.order(bet_id).queue_ahead) == (((3.05, 10.0),), 0.0), (
        "5 to them, 10 to it"
    )
    exchange.advance()
    assert (exchange.order(bet_id).fills, exchange.order(bet_id).executable) == (((3.05, 12.0),), False)


def test_trades_at_better_prices_fill_an_order_at_its_own_price_once(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, {"rc": [{"id": FAVOURITE, "trd": [[3.2, 20.0], [2.9, 99.0]]}]})
    first, second = exchange.place_accepted("BACK", 3.05, 8.0), exchange.place_accepted("BACK", 3.1, 8.0)
    exchange.advance()
    assert exchange.order(first).fills == ((3.05, 8.0),)
    assert exchange.order(second).fills == ((3.1, 2.0),), "2 of the 10 pounds were left"


def test_suspended_market_matches_nothing(tmp_path: Path) -> None:
    crossed = book([[3.2, 50.0]], [])
    exchange = Exchange(
        tmp_path, OPENING, definition_change(status="SUSPENDED"), crossed, {**definition_change(), **crossed}
    )
    bet_id = exchange.place_accepted("BACK", 3.1, 5.0)
    exchange.advance()
    assert exchange.place("BACK", 3.1, 5.0).error_code == "MARKET_SUSPENDED"
    exchange.advance()
    assert exchange.order(bet_id).size_matched == 0.0
    assert exchange.order_manager.cancel_order(ME, MARKET, bet_id).error_code == "MARKET_NOT_OPEN_FOR_BETTING"
    exchange.advance()
    assert exchange.order(bet_id).fills == ((3.2, 5.0),)


def test_orders_lapse_persist_or_move_to_starting_price_when_market_turns_in_play(tmp_path: Path) -> None:
    in_play = definition_change(inPlay=True, bspReconciled=True, bsp=(4.0, 20.0))
    exchange = Exchange(tmp_path, OPENING, in_play, book([[5.0, 50.0]], []))
    lapse, persist = (
        exchange.place_accepted("BACK", 4.5, 2.0),
        exchange.place_accepted("BACK", 4.5, 3.0, persistence_type="PERSIST"),
    )
    back = exchange.place_accepted("BACK", 4.5, 4.0, persistence_type="MARKET_ON_CLOSE")
    lay = exchange.place_accepted("LAY", 2.5, 6.0, persistence_type="MARKET_ON_CLOSE")
    exchange.advance()
    assert (exchange.order(lapse).size_lapsed, exchange.order(lapse).executable) == (2.0, False)
    assert exchange.order(persist).executable
    assert exchange.order(back).fills == ((4.0, 4.0),)
    assert exchange.order(lay).fills == ((4.0, 3.0),), "it risks 6 × 1.5, which is 3 × 3"
    exchange.advance()
    assert exchange.order(persist).fills == ((5.0, 3.0),)


def test_starting_price_orders_are_matched_at_it_or_lapse(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, definition_change(inPlay=True, bspReconciled=True, bsp=(4.0, 20.0)))
    orders = [
        exchange.place_at_starting_price(*instruction).order
        for instruction in (("BACK", 10.0), ("LAY", 30.0), ("BACK", 10.0, 4.1), ("LAY", 30.0, 4.1))
    ]
    bet_ids = [order.bet_id for order in orders if order]
    assert exchange.order_manager.cancel_order(ME, MARKET, bet_ids[0]).error_code == "BET_TAKEN_OR_LAPSED", (
        "they cannot be cancelled"
    )
    exchange.advance()
    assert [exchange.order(bet_id).fills for bet_id in bet_ids] == [((4.0, 10.0),), ((4.0, 10.0),), (), ((4.0, 10.0),)]
    assert not any(exchange.order(bet_id).executable for bet_id in bet_ids)
    assert exchange.place_at_starting_price("BACK", 10.0).error_code == "MARKET_NOT_OPEN_FOR_BSP_BETTING"


def test_removed_runner_voids_what_is_matched_and_lapses_what_is_not(tmp_path: Path) -> None:
    exchange = Exchange(
        tmp_path,
        OPENING,
        definition_change(statuses=("REMOVED", "ACTIVE")),
        definition_change(status="CLOSED", statuses=("REMOVED", "WINNER")),
    )
    bet_id, unmatched = exchange.place_accepted("BACK", 3.0, 15.0), exchange.place_accepted("LAY", 2.0, 4.0)
    at_starting_price = exchange.place_at_starting_price("BACK", 5.0).order
    assert at_starting_price
    exchange.advance()
    order = exchange.order(bet_id)
    assert (order.size_voided, order.size_lapsed, order.size_matched, order.executable) == (10.0, 5.0, 0.0, False)
    assert order.voided_at is not None
    assert order.lapsed_at is not None
    assert (exchange.order(unmatched).size_voided, exchange.order(unmatched).size_lapsed) == (0.0, 4.0)
    assert not exchange.order(at_starting_price.bet_id).executable
    assert exchange.place("BACK", 3.0, 5.0).error_code == "RUNNER_REMOVED"
    exchange.advance()
    assert exchange.order_manager.get_funds(ME).available == 1000.0
    assert exchange.order(bet_id) is order


@pytest.mark.parametrize(
    ("statuses", "balance"),
    [
        (("WINNER", "LOSER"), 1000 + 10 * 2.0 * 0.95),
        (("LOSER", "WINNER"), 1000 - 10.0),
        (("WINNER", "WINNER"), 1000 + 10 * 0.5 * 0.95),
    ],
    ids=["won", "lost", "dead heat"],
)
def test_closed_market_pays_net_of_commission_and_lapses_open_orders(
    tmp_path: Path, statuses: tuple[str, str], balance: float
) -> None:
    exchange = Exchange(tmp_path, OPENING, definition_change(status="CLOSED", statuses=statuses))
    exchange.place_accepted("BACK", 3.0, 10.0)
    waiting = exchange.place_accepted("LAY", 1.5, 10.0)
    exchange.advance()
    assert exchange.order(waiting).size_lapsed == 10.0
    assert exchange.order_manager.get_funds(ME).available == pytest.approx(balance)
    assert exchange.order_manager.get_funds(ME).exposure == 0.0
    assert exchange.place("BACK", 3.0, 10.0).error_code == "MARKET_NOT_OPEN_FOR_BETTING"
    assert exchange.order_manager.journal[-1] == MarketClosed(MARKET)


def test_exposure_is_the_largest_possible_loss(tmp_path: Path) -> None:
    exchange = Exchange(
        tmp_path, {**OPENING, "rc": [*OPENING["rc"], *book([[10.0, 50.0]], [], OUTSIDER)["rc"]]}, funds=100.0
    )
    exchange.place_accepted("BACK", 3.0, 10.0)
    assert (exchange.order_manager.get_funds(ME).exposure, exchange.order_manager.get_funds(ME).available) == (
        10.0,
        90.0,
    )
    exchange.place_accepted("LAY", 3.05, 10.0)
    assert exchange.order_manager.get_funds(ME).exposure == pytest.approx(0.5), "3.05 was laid and 3.0 backed"
    exchange.place_accepted("LAY", 2.0, 30.0)
    assert exchange.order_manager.get_funds(ME).exposure == pytest.approx(30.5), (
        "unmatched, it may lose 30 if the favourite wins"
    )
    exchange.place_accepted("BACK", 10.0, 20.0, runner=OUTSIDER)
    assert exchange.order_manager.get_funds(ME).exposure == pytest.approx(50.5)
    assert exchange.place("BACK", 10.0, 60.0, runner=OUTSIDER).error_code == "INSUFFICIENT_FUNDS"
    assert exchange.place("BACK", 10.0, 40.0, runner=OUTSIDER).order is not None
    assert exchange.order_manager.get_funds("somebody else").available == 100.0


@pytest.mark.parametrize(
    ("instruction", "error_code"),
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
        ({"time_in_force": "FILL_OR_KILL", "persistence_type": "PERSIST"}, "UNEXPECTED_PERSISTENCE_TYPE"),
        ({"time_in_force": "FILL_OR_KILL", "min_fill_size": 0.5}, "INVALID_MIN_FILL_SIZE"),
        ({"min_fill_size": 5.0}, "UNEXPECTED_MIN_FILL_SIZE"),
        ({"time_in_force": "FILL_OR_KILL", "min_fill_size": 50.0}, "INVALID_MIN_FILL_SIZE"),
    ],
    ids=str,
)
def test_invalid_order_is_rejected_with_its_error_code(
    tmp_path: Path, instruction: dict[str, Any], error_code: str
) -> None:
    exchange = Exchange(tmp_path, OPENING)
    assert exchange.place(**{"side": "BACK", "price": 3.05, "size": 10.0, **instruction}).error_code == error_code
    assert exchange.order_manager.list_orders(ME) == []


def test_small_stake_is_accepted_if_it_would_pay_ten_pounds(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    assert exchange.place("BACK", 100.0, 0.1).order is not None
    assert exchange.place("BACK", 90.0, 0.1).error_code == "INVALID_BET_SIZE"


@pytest.mark.parametrize(
    ("fields", "error_code"),
    [
        ({"marketType": "EACH_WAY"}, "PERMISSION_DENIED"),
        ({"bettingType": "LINE"}, "PERMISSION_DENIED"),
        ({"status": "INACTIVE"}, "MARKET_NOT_OPEN_FOR_BETTING"),
    ],
)
def test_market_that_accepts_no_bets_returns_its_error_code(
    tmp_path: Path, fields: dict[str, Any], error_code: str
) -> None:
    assert Exchange(tmp_path, definition_change(**fields)).place("BACK", 3.0, 10.0).error_code == error_code


def build_limit(
    side: str = "BACK", price: float = 3.0, size: float = 2.0, runner: int = FAVOURITE, **fields: Any
) -> PlaceInstruction:
    return PlaceInstruction(
        order_type="LIMIT",
        selection_id=runner,
        side=side,
        limit_order=LimitOrder(price=price, size=size, **fields),
    )


def test_order_for_an_earlier_market_version_is_accepted_and_lapses(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    error_code, (outcome,) = exchange.order_manager.place_orders(ME, MARKET, [build_limit()], MarketVersion(version=6))
    assert (error_code, outcome.error_code) == (None, None)
    order = outcome.order
    assert order is not None
    assert (order.size_matched, order.size_lapsed, order.lapse_reason) == (0.0, 2.0, "MKT_VERSION")
    assert exchange.order_manager.journal == [order], "the order stream shows it"
    assert exchange.order_manager.get_funds(ME).exposure == 0.0
    for version in (7, 8):
        _, (outcome,) = exchange.order_manager.place_orders(ME, MARKET, [build_limit()], MarketVersion(version=version))
        assert outcome.order is not None
        assert outcome.order.size_matched == 2.0
    for version in (-1, 10**12):
        error_code, _ = exchange.order_manager.place_orders(ME, MARKET, [build_limit()], MarketVersion(version=version))
        assert error_code == "INVALID_MARKET_VERSION"
    assert exchange.order_manager.place_orders(ME, "1.9", [build_limit()])[0] == "INVALID_MARKET_ID"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (definition_change(status="SUSPENDED"), "MKT_SUSPENDED"),
        (definition_change(status="INACTIVE"), "MKT_INVALID"),
        (definition_change(status="CLOSED", statuses=("WINNER", "LOSER")), "MKT_UNKNOWN"),
        (definition_change(statuses=("REMOVED", "ACTIVE")), "RNR_UNKNOWN"),
        (definition_change(version=8), "MKT_VERSION"),
        (definition_change(inPlay=True), "SP_IN_PLAY"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_accepted_order_lapses_with_its_reason_if_the_market_changes_before_it_is_matched(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    exchange = Exchange(tmp_path, OPENING, change)
    on_close = PlaceInstruction(
        order_type="MARKET_ON_CLOSE",
        selection_id=FAVOURITE,
        side="BACK",
        market_on_close_order=MarketOnCloseOrder(liability=10.0),
    )
    accepted = exchange.order_manager.accept_orders(
        ME, MARKET, [on_close if reason == "SP_IN_PLAY" else build_limit()], MarketVersion(version=7)
    )
    assert isinstance(accepted, AcceptedOrders)
    assert exchange.order_manager.get_funds(ME).exposure > 0.0, "it is reserved"
    assert exchange.order_manager.list_orders(ME) == []
    exchange.advance()
    (outcome,) = exchange.order_manager.execute_orders(accepted)
    assert outcome.order is not None
    assert (outcome.order.lapse_reason, outcome.order.status) == (reason, "EXECUTION_COMPLETE")
    assert exchange.order_manager.get_funds(ME) == AccountFunds(1000.0, 0.0)


@pytest.mark.parametrize(
    ("instructions", "delayed"),
    [
        ([build_limit(price=4.0)], False),
        ([build_limit("LAY", 2.0)], False),
        ([build_limit(price=3.0)], True),
        ([build_limit("LAY", 3.05)], True),
        ([build_limit(price=4.0), build_limit(price=3.0)], True),
        ([build_limit(price=4.0, time_in_force="FILL_OR_KILL")], True),
    ],
)
def test_passive_model_spares_the_bet_delay_of_orders_that_cannot_match_immediately(
    tmp_path: Path, instructions: list[PlaceInstruction], delayed: bool
) -> None:
    passive = {**definition_change(inPlay=True, betDelay=5, betDelayModels=["PASSIVE"])}
    exchange = Exchange(tmp_path, {**OPENING, **passive}, definition_change(inPlay=True, betDelay=5))
    accepted = exchange.order_manager.accept_orders(ME, MARKET, instructions)
    assert isinstance(accepted, AcceptedOrders)
    assert exchange.order_manager.is_delayed(accepted) == delayed
    rejected = exchange.order_manager.accept_orders(ME, MARKET, [build_limit(persistence_type="PERSIST")])
    assert isinstance(rejected, Rejection)
    assert rejected.outcomes[0].error_code == "INVALID_PERSISTENCE_TYPE"
    exchange.advance()
    assert exchange.order_manager.is_delayed(accepted), "without the model every order waits"


@pytest.mark.parametrize(
    ("back", "lay", "overlapping"), [(3.0, 3.0, True), (3.0, 3.1, True), (3.1, 3.0, False)]
)  # fmt: skip
def test_back_and_lay_of_a_request_must_not_match_each_other(
    tmp_path: Path, back: float, lay: float, overlapping: bool
) -> None:
    exchange = Exchange(tmp_path, OPENING)
    others = [build_limit("LAY", 9.0, runner=OUTSIDER)]
    instructions = [build_limit("BACK", back), build_limit("LAY", lay), *others]
    _, outcomes = exchange.order_manager.place_orders(ME, MARKET, instructions)
    codes = ["INVALID_BACK_LAY_COMBINATION"] * 2 + ["ERROR_IN_ORDER"] if overlapping else [None] * 3
    assert [outcome.error_code for outcome in outcomes] == codes


def test_exposure_limit_bounds_the_exposure_of_a_winning_account(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, funds=50.0)
    assert exchange.order_manager.exposure_limit == 10_000.0
    exchange.order_manager.exposure_limit = 20.0
    assert exchange.place("BACK", 4.0, 20.0).order is not None
    assert exchange.place("BACK", 4.0, 1.0).error_code == "INSUFFICIENT_FUNDS"
    assert Exchange(tmp_path, OPENING, funds=50_000.0).order_manager.exposure_limit == 50_000.0


@pytest.mark.parametrize(
    ("reason", "lapses"), [("Goal", True), ("VAR_CHECK", True), ("Third Party Unavailable", False), (None, False)]
)
def test_suspension_for_a_material_event_lapses_unmatched_orders_that_do_not_persist(
    tmp_path: Path, reason: str | None, lapses: bool
) -> None:
    in_play = {**OPENING, **definition_change(inPlay=True)}
    exchange = Exchange(tmp_path, in_play, definition_change(inPlay=True, status="SUSPENDED", suspendReason=reason))
    lapsing = exchange.place_accepted("BACK", 4.0, 2.0)
    persisting = exchange.place_accepted("BACK", 4.0, 3.0, persistence_type="PERSIST")
    exchange.advance()
    assert exchange.order(lapsing).size_lapsed == (2.0 if lapses else 0.0)
    assert exchange.order(persisting).executable


def test_cost_of_an_update_does_not_depend_on_the_number_of_finished_orders(tmp_path: Path) -> None:
    """Orders that are looked at during an update and a placement, counted after few and after 20,000 finished ones."""
    updates = [book([[3.0, 10.0 + number]], []) for number in range(4)]
    exchange = Exchange(tmp_path, OPENING, *updates, funds=1e6)
    counts = []
    for finished in (10, 20_000):
        for _ in range(finished // 10):
            _, outcomes = exchange.order_manager.place_orders(ME, MARKET, [build_limit(price=900.0)] * 10)
            for outcome in outcomes:
                assert outcome.order is not None
                exchange.order_manager.cancel_order(ME, MARKET, outcome.order.bet_id)
        waiting = exchange.place_accepted("BACK", 900.0, 2.0)
        counts.append(count_calls(exchange.advance))
        counts.append(count_calls(lambda: exchange.place("BACK", 900.0, 2.0)))
        counts.append(count_calls(lambda: exchange.order_manager.get_funds(ME)))
        exchange.order_manager.cancel_order(ME, MARKET, waiting)
        for order in exchange.order_manager.list_open_orders(ME):
            exchange.order_manager.cancel_order(ME, MARKET, order.bet_id)
    assert counts[:3] == counts[3:]
    assert len(exchange.order_manager.list_orders(ME)) > 20_000


def test_customer_reference_is_a_duplicate_for_a_minute_at_constant_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: moment[0])
    references = Exchange(tmp_path, OPENING).order_manager.customer_references
    assert references.register(ME, "first")
    assert references.register("somebody else", "first")
    few = count_calls(lambda: references.register(ME, "second"))
    for number in range(1000):
        moment[0] += 0.001
        references.register(ME, str(number))
    assert count_calls(lambda: references.register(ME, "last")) == few
    moment[0] = 60.0
    assert not references.register(ME, "first")
    moment[0] = 60.5
    assert references.register(ME, "first")
    assert not references.register(ME, "999")


def count_calls(function: Callable[[], object]) -> int:
    """Return the number of Python and C calls during a call."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def test_request_places_all_its_orders_or_none(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    good, bad = (
        PlaceInstruction(
            order_type="LIMIT", selection_id=FAVOURITE, side="BACK", limit_order=LimitOrder(price=price, size=2.0)
        )
        for price in (3.0, 3.01)
    )
    error_code, outcomes = exchange.order_manager.place_orders(ME, MARKET, [good, bad])
    assert (error_code, [outcome.error_code for outcome in outcomes]) == (
        "BET_ACTION_ERROR",
        ["ERROR_IN_ORDER", "INVALID_ODDS"],
    )
    assert exchange.order_manager.list_orders(ME) == []


@pytest.mark.parametrize(
    ("size", "min_fill_size", "matched"), [(12.0, None, 0.0), (12.0, 10.0, 10.0), (9.0, None, 9.0)]
)
def test_fill_or_kill_matches_its_minimum_immediately_or_nothing(
    tmp_path: Path, size: float, min_fill_size: float | None, matched: float
) -> None:
    exchange = Exchange(tmp_path, OPENING)
    order = exchange.order(
        exchange.place_accepted("BACK", 3.0, size, time_in_force="FILL_OR_KILL", min_fill_size=min_fill_size)
    )
    assert (order.size_matched, order.size_cancelled, order.executable) == (matched, size - matched, False)
    assert order.status == ("EXECUTION_COMPLETE" if matched else "EXPIRED")


def test_order_is_cancelled_partly_then_entirely_but_only_once(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING)
    bet_id = exchange.place_accepted("BACK", 4.0, 10.0)
    assert exchange.order_manager.cancel_order(ME, MARKET, bet_id, 4.0).size_cancelled == 4.0
    assert exchange.order(bet_id).size_remaining == 6.0
    assert exchange.order_manager.cancel_order("somebody else", MARKET, bet_id).error_code == "INVALID_BET_ID"
    assert exchange.order_manager.cancel_order(ME, "1.9", bet_id).error_code == "INVALID_BET_ID"
    assert exchange.order_manager.cancel_order(ME, None, bet_id).size_cancelled == 6.0
    assert exchange.order_manager.cancel_order(ME, MARKET, bet_id).error_code == "BET_TAKEN_OR_LAPSED"


def test_persistence_of_an_order_can_be_changed(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, OPENING, definition_change(inPlay=True))
    bet_id = exchange.place_accepted("BACK", 4.0, 10.0)
    assert exchange.order_manager.update_persistence(ME, MARKET, bet_id, "LAPSE").error_code == "NO_ACTION_REQUIRED"
    assert (
        exchange.order_manager.update_persistence(ME, MARKET, bet_id, "SOMETIMES").error_code
        == "INVALID_PERSISTENCE_TYPE"
    )
    assert exchange.order_manager.update_persistence(ME, MARKET, bet_id, "PERSIST").error_code is None
    exchange.advance()
    assert exchange.order(bet_id).executable


def test_order_cache_returns_changes_and_images(tmp_path: Path) -> None:
    exchange = Exchange(
        tmp_path,
        OPENING,
        definition_change(inPlay=True),
        definition_change(status="CLOSED", inPlay=True, statuses=("WINNER", "LOSER")),
    )
    cache, journal = OrderCache(ME, OrderStreamOptions(partition_by_strategy=True)), exchange.order_manager.journal
    exchange.place_accepted("BACK", 3.0, 15.0)
    (change,) = cache.apply_entries(journal)
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
    (image,) = cache.image()
    assert image["fullImage"]
    assert image["orc"][0]["uo"] == runner["uo"]
    read_count = len(journal)
    exchange.advance()
    (change,) = cache.apply_entries(journal[read_count:])
    assert (change["orc"][0]["uo"][0]["status"], change["orc"][0]["uo"][0]["sl"]) == ("EC", 5.0)
    assert "mb" not in change["orc"][0], "nothing more was matched"
    (image,) = cache.image()
    assert "uo" not in image["orc"][0]
    assert image["orc"][0]["mb"] == [[3.0, 10.0]]
    read_count = len(journal)
    exchange.advance()
    assert cache.apply_entries(journal[read_count:]) == [{"id": MARKET, "closed": True, "orc": []}]
    assert cache.image() == []
    assert OrderCache("somebody else", OrderStreamOptions()).apply_entries(journal) == []
    assert OrderCache(ME, OrderStreamOptions(strategies=frozenset({"mine"}))).apply_entries(journal) == []


@pytest.mark.parametrize(
    ("price", "classic", "finest"),
    [(1.01, True, True), (2.02, True, True), (2.01, False, True), (3.05, True, True), (3.02, False, True),
     (1000.0, True, True), (1010.0, False, False), (1.0, False, False), (51.0, False, True), (2.005, False, False)],
)  # fmt: skip
def test_prices_are_checked_against_the_price_ladder(price: float, classic: bool, finest: bool) -> None:
    assert (is_on_ladder(price, "CLASSIC"), is_on_ladder(price, "FINEST")) == (classic, finest)
