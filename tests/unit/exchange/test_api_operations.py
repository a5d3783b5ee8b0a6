"""Operations of the API in this process: lists, filters, books, order lists and the moments of orders."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.exchange_api import (
    FAVOURITE,
    MARKET,
    ME,
    OPENING,
    OUTSIDER,
    Api,
    definition,
    error_code,
    ladders,
    limit,
)

from perfbench.exchange.account.heartbeats import Heartbeats
from perfbench.exchange.account.sessions import MAX_LOGINS, MAX_SESSIONS, LoginError, Sessions
from perfbench.exchange.api.instructions import PlaceOrders, ReplaceInstruction, ReplaceOrders
from perfbench.exchange.api.operations import OPERATION_PARAMETERS, UNSUPPORTED_OPERATIONS, Caller
from perfbench.exchange.api.order_operations import OrderExecutor
from perfbench.exchange.matching.instructions import LimitOrder, PlaceInstruction

CLOSED = definition(status="CLOSED", statuses=("WINNER", "LOSER"))
BOOK: dict[str, Any] = {"marketIds": [MARKET], "priceProjection": {"priceData": ["EX_BEST_OFFERS"]}}


@pytest.mark.parametrize(
    ("operation", "entry"),
    [
        ("listEventTypes", {"eventType": {"id": "7", "name": "Horse Racing"}, "marketCount": 1}),
        ("listMarketTypes", {"marketType": "WIN", "marketCount": 1}),
        ("listCountries", {"countryCode": "GB", "marketCount": 1}),
        ("listVenues", {"venue": "Ascot", "marketCount": 1}),
    ],
)
def test_lists_count_the_markets(tmp_path: Path, operation: str, entry: dict[str, Any]) -> None:
    api = Api(tmp_path, OPENING, CLOSED)
    assert api.call(operation, filter={}) == [entry]
    assert api.call(operation, filter={"eventTypeIds": ["1"]}) == []
    api.advance()
    assert api.call(operation, filter={}) == [], "a closed market is not listed"


def test_events_competitions_and_time_ranges_are_listed(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    (event,) = api.call("listEvents", filter={})
    assert (event["event"]["name"], event["marketCount"]) == ("Ascot 1st Jan", 1)
    assert api.call("listCompetitions", filter={}) == []
    (period,) = api.call("listTimeRanges", filter={}, granularity="DAYS")
    begin, end = (datetime.fromisoformat(period["timeRange"][name].replace("Z", "+00:00")) for name in ("from", "to"))
    assert end - begin == timedelta(days=1)
    assert begin <= read_market_time(api) < end
    assert error_code(api.call("listTimeRanges", filter={}, granularity="YEARS")) == "INVALID_INPUT_DATA"


def read_market_time(api: Api) -> datetime:
    (entry,) = api.call("listMarketCatalogue", filter={}, maxResults=1, marketProjection=["MARKET_START_TIME"])
    return datetime.fromisoformat(entry["marketStartTime"].replace("Z", "+00:00"))


def test_start_time_is_on_the_wall_clock_and_can_be_filtered(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    distance = read_market_time(api) - datetime.now(timezone.utc)
    assert timedelta(0) < distance < timedelta(hours=1), "the file's marketTime is some minutes after its first update"
    now = datetime.now(timezone.utc).isoformat()
    for period, count in (({"from": now}, 1), ({"to": now}, 0)):
        assert len(api.call("listMarketCatalogue", filter={"marketStartTime": period}, maxResults=9)) == count


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"textQuery": "ascot"}, 1),
        ({"textQuery": "As*Jan"}, 1),
        ({"textQuery": "Epsom"}, 0),
        ({"textQuery": "[a]scot"}, 0),
        ({"raceTypes": ["NO_VALUE"]}, 1),
        ({"raceTypes": ["Flat"]}, 0),
        ({"betDelayModels": ["PASSIVE"]}, 0),
        ({"withOrders": ["EXECUTABLE"]}, 1),
        ({"withOrders": ["EXECUTION_COMPLETE"]}, 0),
        ({"marketStartTime": {"from": None, "to": None}}, 1),
        ({"venues": []}, 1),
    ],
    ids=str,
)
def test_filter_field_restricts_the_markets(tmp_path: Path, wanted: dict[str, Any], count: int) -> None:
    api = Api(tmp_path, OPENING)
    api.place_accepted(price=4.0)
    assert len(api.call("listMarketCatalogue", filter=wanted, maxResults=9)) == count


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("listEvents", {"filter": {"competitionIds": ["1"]}}),
        ("listEvents", {"filter": {"exchangeIds": ["1"]}}),
        ("listEvents", {"filter": {"withOrders": ["EXPIRED"]}}),
        ("listEvents", {"filter": {"marketName": "Win"}}),
        ("listMarketCatalogue", {"filter": {}, "maxResults": 1, "marketProjection": ["EVERYTHING"]}),
        ("listMarketCatalogue", {"filter": {}, "maxResults": 1, "sort": "RANDOM"}),
        ("listMarketBook", {**BOOK, "currencyCode": "EUR"}),
        ("listMarketBook", {**BOOK, "priceProjection": {"rolloverStakes": True}}),
        ("listMarketBook", {**BOOK, "priceProjection": {"exBestOffersOverrides": {"rollupModel": "PAYOUT"}}}),
        ("listMarketBook", {**BOOK, "priceProjection": {"exBestOffersOverrides": {"rollupLiabilityFactor": 5}}}),
        ("listMarketBook", {**BOOK, "priceProjection": {"exBestOffersOverrides": {"bestPricesDepth": 11}}}),
        ("listMarketBook", {**BOOK, "matchProjection": "SOME"}),
        ("listMarketBook", {**BOOK, "orderProjection": "SOME"}),
        ("listMarketBook", {**BOOK, "colour": "red"}),
        ("listCurrentOrders", {"orderBy": "BY_SIZE"}),
        ("listCurrentOrders", {"sortDir": "SIDEWAYS"}),
        ("listCurrentOrders", {"fromRecord": -1}),
        ("listClearedOrders", {"betStatus": "SETTLED", "groupBy": "SPORT"}),
        ("listClearedOrders", {"betStatus": "LAPSED", "groupBy": "MARKET"}),
        ("listClearedOrders", {"betStatus": "SETTLED", "side": "BOTH"}),
        ("listClearedOrders", {"betStatus": "WON"}),
        ("placeOrders", {"marketId": MARKET, "instructions": [limit(betTargetType="PAYOUT", betTargetSize=9.0)]}),
        ("placeOrders", {"marketId": MARKET, "instructions": [limit(timeInForce="TOMORROW")]}),
        ("placeOrders", {"marketId": MARKET, "instructions": [limit()], "customerStrategyRef": "x" * 16}),
        ("placeOrders", {"marketId": MARKET, "instructions": [limit()], "customerRef": "a b"}),
    ],
    ids=lambda value: str(value)[:80],
)
def test_unknown_or_unsupported_value_is_refused_by_name(
    tmp_path: Path, operation: str, parameters: dict[str, Any]
) -> None:
    api = Api(tmp_path, OPENING)
    answer = api.call(operation, **parameters)
    assert error_code(answer) == "INVALID_INPUT_DATA"
    assert answer["detail"]["APINGException"]["errorDetails"]


@pytest.mark.parametrize("operation", sorted(UNSUPPORTED_OPERATIONS))
def test_operation_that_is_not_served_is_refused_by_name(tmp_path: Path, operation: str) -> None:
    answer = Api(tmp_path, OPENING).call(operation, "account")
    assert answer["detail"]["text"] == f"{operation} is not served by this exchange"
    assert not any(operation in operations for operations in OPERATION_PARAMETERS.values())


def list_prices(api: Api, side: str = "availableToBack", **projection: Any) -> list[tuple[float, float]]:
    price_projection = {"priceData": ["EX_BEST_OFFERS"], **projection}
    (book,) = api.call("listMarketBook", marketIds=[MARKET], priceProjection=price_projection)
    return [(offer["price"], offer["size"]) for offer in book["runners"][0]["ex"][side]]


def test_best_offers_are_rolled_up_as_requested(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    assert list_prices(api) == [(3.0, 10.0), (2.98, 50.0), (2.86, 1.2)]
    overrides: dict[str, Any] = {"rollupModel": "NONE", "bestPricesDepth": 4}
    assert list_prices(api, exBestOffersOverrides=overrides)[2:] == [(2.9, 0.4), (2.88, 0.5)]
    overrides = {"rollupModel": "STAKE", "rollupLimit": 20}
    assert list_prices(api, exBestOffersOverrides=overrides) == [(2.98, 60.0)]
    assert list_prices(api, priceData=["EX_ALL_OFFERS"])[2:] == [(2.9, 0.4), (2.88, 0.5), (2.86, 0.3)]


def test_virtual_offers_are_those_of_the_file(tmp_path: Path) -> None:
    virtual = {"rc": [{"id": FAVOURITE, "atb": [[3.0, 10.0]], "bdatb": [[0, 3.1, 7.0]]}]}
    api = Api(tmp_path, {**definition(), **virtual})
    assert list_prices(api, virtualise=True) == [(3.1, 7.0)]
    assert list_prices(api, virtualise=False) == [(3.0, 10.0)]
    assert list_prices(Api(tmp_path, OPENING), virtualise=True)[0] == (3.0, 10.0), "this file has none"


def test_runner_book_has_one_runner_and_says_that_data_are_delayed(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    (book,) = api.call("listRunnerBook", marketId=MARKET, selectionId=OUTSIDER)
    assert [runner["selectionId"] for runner in book["runners"]] == [OUTSIDER]
    assert (book["numberOfRunners"], book["isMarketDataDelayed"]) == (2, False)
    assert api.call("listRunnerBook", marketId=MARKET, selectionId=99) == []
    api.caller = Caller(ME, delayed=True)
    (book,) = api.call("listMarketBook", **BOOK)
    assert book["isMarketDataDelayed"] is True


def test_book_lists_orders_and_matches_as_requested(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    api.place(limit(size=12.0, price=2.98), customerStrategyRef="a")
    api.place(limit(size=4.0, price=2.98), customerStrategyRef="b")
    waiting = api.place_accepted(price=4.0)

    def list_runner(**options: Any) -> dict[str, Any]:
        (book,) = api.call("listMarketBook", **{**BOOK, "orderProjection": "ALL", **options})
        runner: dict[str, Any] = book["runners"][0]
        return runner

    whole = list_runner()
    assert [(m["price"], m["size"]) for m in whole["matches"]] == [(2.98, 6.0), (3.0, 10.0)]
    assert len(whole["orders"]) == 3
    (match,) = list_runner(matchProjection="ROLLED_UP_BY_AVG_PRICE")["matches"]
    assert (match["size"], match["price"]) == (16.0, pytest.approx((3.0 * 10 + 2.98 * 6) / 16))
    assert len(list_runner(matchProjection="NO_ROLLUP")["matches"]) == 3
    by_strategy = list_runner(partitionMatchedByStrategyRef=True)["matchesByStrategy"]
    assert [(m["price"], m["size"]) for m in by_strategy["b"]] == [(2.98, 4.0)]
    assert "matches" not in list_runner(includeOverallPosition=False)
    assert [o["sizeMatched"] for o in list_runner(customerStrategyRefs=["b"])["orders"]] == [4.0]
    assert [o["betId"] for o in list_runner(betIds=[waiting])["orders"]] == [waiting]
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    assert [o["betId"] for o in list_runner(matchedSince=later)["orders"]] == [waiting], "it is executable"
    (book,) = api.call("listMarketBook", **BOOK)
    assert "orders" not in book["runners"][0]


def test_current_orders_are_sorted_and_restricted_by_the_time_of_their_order(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    waiting, matched = api.place_accepted(price=4.0), api.place_accepted(price=3.0)

    def list_ids(**options: Any) -> list[str]:
        return [order["betId"] for order in api.call("listCurrentOrders", **options)["currentOrders"]]

    assert list_ids() == list_ids(orderBy="BY_BET") == list_ids(orderBy="BY_MARKET") == [waiting, matched]
    assert list_ids(sortDir="LATEST_TO_EARLIEST") == [matched, waiting]
    assert list_ids(orderBy="BY_MATCH_TIME") == [matched]
    assert list_ids(orderBy="BY_SETTLED_TIME") == list_ids(orderBy="BY_VOID_TIME") == []
    tomorrow = {"from": (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()}
    assert list_ids(dateRange=tomorrow) == []
    assert list_ids(orderProjection="EXECUTABLE") == [waiting]
    (order, _) = api.call("listCurrentOrders", includeItemDescription=True)["currentOrders"]
    assert order["currentItemDescription"] == {"marketVersion": {"version": 7}}


def test_settled_orders_keep_the_time_of_the_closure_and_can_be_grouped(tmp_path: Path) -> None:
    api = Api(tmp_path, {**OPENING, "rc": [*OPENING["rc"], *ladders([[9.0, 50.0]], [], OUTSIDER)["rc"]]}, CLOSED)
    api.place_accepted(size=10.0)
    api.place_accepted("LAY", 3.05, 5.0)
    api.place_accepted("BACK", 9.0, 2.0, OUTSIDER)
    api.place_accepted(price=900.0, size=3.0)
    api.advance()

    def list_cleared(**options: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.call("listClearedOrders", betStatus="SETTLED", **options)["clearedOrders"]
        return found

    first, again = list_cleared(), list_cleared()
    assert first == again
    assert [order["profit"] for order in first] == [20.0, -10.25, -2.0]
    assert [order["betOutcome"] for order in first] == ["WON", "LOST", "LOST"]
    settled = datetime.fromisoformat(first[0]["settledDate"].replace("Z", "+00:00"))
    assert list_cleared(settledDateRange={"from": (settled + timedelta(seconds=1)).isoformat()}) == []
    assert len(list_cleared(settledDateRange={"from": settled.isoformat(), "to": settled.isoformat()})) == 3
    for group_by in ("EVENT_TYPE", "EVENT", "MARKET"):
        (group,) = list_cleared(groupBy=group_by)
        assert (group["betCount"], group["profit"], group["commission"]) == (3, 7.75, 0.39)
    assert [(g["side"], g["selectionId"], g["profit"]) for g in list_cleared(groupBy="SIDE")] == [
        ("BACK", FAVOURITE, 20.0),
        ("LAY", FAVOURITE, -10.25),
        ("BACK", OUTSIDER, -2.0),
    ]
    assert [g["profit"] for g in list_cleared(groupBy="RUNNER")] == [9.75, -2.0]
    assert [g["profit"] for g in list_cleared(groupBy="STRATEGY")] == [7.75]
    assert list_cleared(eventIds=["1"]) == list_cleared(eventTypeIds=["1"]) == []
    assert len(list_cleared(runnerIds=[{"marketId": MARKET, "selectionId": OUTSIDER}])) == 1
    (described, *_) = list_cleared(includeItemDescription=True)
    assert described["itemDescription"]["eventDesc"] == "Ascot 1st Jan"
    (lapsed,) = api.call("listClearedOrders", betStatus="LAPSED")["clearedOrders"]
    assert (lapsed["sizeCancelled"], "betOutcome" in lapsed) == (3.0, False)


def test_statement_has_an_entry_per_settled_market_with_the_balance_after_it(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING, CLOSED)
    api.place_accepted(size=10.0)
    assert api.call("getAccountStatement", "account")["accountStatement"] == []
    api.advance()
    (entry,) = api.call("getAccountStatement", "account")["accountStatement"]
    assert (entry["refId"], entry["amount"], entry["balance"]) == (MARKET, 19.0, 1019.0)
    assert api.call("getAccountStatement", "account", includeItem="POKER_ROOM")["accountStatement"] == []
    future = {"from": (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()}
    assert api.call("getAccountStatement", "account", itemDateRange=future)["accountStatement"] == []
    for wrong in ({"includeItem": "SOME"}, {"wallet": "AUSTRALIAN"}):
        assert error_code(api.call("getAccountStatement", "account", **wrong)) == "INVALID_INPUT_DATA"
    funds = api.call("getAccountFunds", "account")
    assert (funds["availableToBetBalance"], funds["exposureLimit"]) == (1019.0, -10_000.0)
    assert api.call("listCurrencyRates", "account") == [{"currencyCode": "GBP", "rate": 1.0}]
    assert error_code(api.call("listCurrencyRates", "account", fromCurrency="EUR")) == "INVALID_INPUT_DATA"
    assert api.call("getAccountDetails", "account")["currencyCode"] == "GBP"


def test_profit_and_loss_is_that_of_the_matched_bets(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING, CLOSED)
    assert api.call("listMarketProfitAndLoss", marketIds=[MARKET]) == []
    api.place_accepted(size=10.0)
    api.place_accepted(price=900.0)
    (found,) = api.call("listMarketProfitAndLoss", marketIds=[MARKET])
    assert found["profitAndLosses"] == [
        {"selectionId": FAVOURITE, "ifWin": 20.0},
        {"selectionId": OUTSIDER, "ifWin": -10.0},
    ]
    (net,) = api.call("listMarketProfitAndLoss", marketIds=[MARKET], netOfCommission=True)
    assert (net["commissionApplied"], net["profitAndLosses"][0]["ifWin"]) == (5.0, 19.0)
    api.advance()
    assert api.call("listMarketProfitAndLoss", marketIds=[MARKET]) == []
    assert len(api.call("listMarketProfitAndLoss", marketIds=[MARKET], includeSettledBets=True)) == 1
    many = [str(number) for number in range(251)]
    assert error_code(api.call("listMarketProfitAndLoss", marketIds=many)) == "REQUEST_SIZE_EXCEEDS_LIMIT"


def test_profit_and_loss_of_a_market_with_several_winners_has_both_results(tmp_path: Path) -> None:
    api = Api(tmp_path, {**OPENING, **definition(numberOfWinners=2)})
    api.place_accepted(size=10.0)
    (found,) = api.call("listMarketProfitAndLoss", marketIds=[MARKET])
    assert found["profitAndLosses"][0] == {"selectionId": FAVOURITE, "ifWin": 20.0, "ifLose": -10.0}


def test_navigation_menu_leads_to_the_market(tmp_path: Path) -> None:
    menu = Api(tmp_path, OPENING).dispatcher.build_navigation_menu()
    (event_type,) = menu["children"]
    (event,) = event_type["children"]
    (market,) = event["children"]
    assert (menu["type"], event_type["name"], event["name"], market["id"]) == (
        "GROUP",
        "Horse Racing",
        "Ascot 1st Jan",
        MARKET,
    )


# Moments ----------------------------------------------------------------------------------------------------------------------

IN_PLAY = {**OPENING, **definition(inPlay=True, betDelay=5)}


class Delay:
    """A bet delay during which the next change happens. ``seen``: open orders when it began."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.seen: list[int] = []
        self.started: list[Any] = []

    async def wait(self, market_id: str) -> None:
        assert market_id == MARKET
        self.seen.append(len(self._api.order_manager.list_open_orders(ME)))
        self._api.advance()

    def executor(self) -> OrderExecutor:
        return OrderExecutor(self._api.order_manager, ME, self.wait, self.started.append)


def request_limit(price: float = 3.0, size: float = 2.0) -> PlaceInstruction:
    return PlaceInstruction(
        order_type="LIMIT", selection_id=FAVOURITE, side="BACK", limit_order=LimitOrder(price=price, size=size)
    )


def test_replace_cancels_before_the_bet_delay_and_places_after_it(tmp_path: Path) -> None:
    api = Api(tmp_path, IN_PLAY, ladders([[4.0, 50.0]], []))
    (outcome,) = api.order_manager.place_orders(ME, MARKET, [request_limit(4.0)])[1]
    assert outcome.order is not None
    delay = Delay(api)
    change = ReplaceInstruction(bet_id=outcome.order.bet_id, new_price=3.9)
    report = asyncio.run(delay.executor().replace_orders(ReplaceOrders(market_id=MARKET, instructions=(change,))))
    assert delay.seen == [0], "the old order cannot be matched meanwhile"
    (replaced,) = report["instructionReports"]
    assert replaced["cancelInstructionReport"]["sizeCancelled"] == 2.0
    assert replaced["placeInstructionReport"]["sizeMatched"] == 2.0, "at the offers after the delay"
    assert api.order(outcome.order.bet_id)["sizeMatched"] == 0.0


def test_order_on_a_market_that_is_suspended_during_the_delay_lapses(tmp_path: Path) -> None:
    api = Api(tmp_path, IN_PLAY, definition(status="SUSPENDED", inPlay=True))
    request = PlaceOrders(market_id=MARKET, instructions=(request_limit(),))
    report = asyncio.run(Delay(api).executor().place_orders(request))
    (placed,) = report["instructionReports"]
    assert (placed["status"], placed["orderStatus"], placed["sizeMatched"]) == ("SUCCESS", "EXECUTION_COMPLETE", 0.0)
    assert api.order(placed["betId"])["sizeLapsed"] == 2.0
    assert api.order_manager.journal[0].lapse_reason == "MKT_SUSPENDED"  # type: ignore[union-attr]


def test_invalid_order_is_rejected_before_the_delay(tmp_path: Path) -> None:
    delay = Delay(Api(tmp_path, IN_PLAY))
    for asynchronous in (False, True):
        request = PlaceOrders(market_id=MARKET, instructions=(request_limit(3.01),), async_=asynchronous)
        report = asyncio.run(delay.executor().place_orders(request))
        assert report["errorCode"] == "BET_ACTION_ERROR"
    assert (delay.seen, delay.started) == ([], [])


def test_asynchronous_orders_are_pending_until_the_delay_is_over(tmp_path: Path) -> None:
    api = Api(tmp_path, IN_PLAY, ladders([[4.0, 50.0]], []))
    delay = Delay(api)

    async def place_and_replace() -> None:
        place = PlaceOrders(market_id=MARKET, instructions=(request_limit(900.0),), async_=True)
        report = await delay.executor().place_orders(place)
        assert report["instructionReports"][0]["orderStatus"] == "PENDING"
        assert api.order_manager.list_orders(ME) == []
        await delay.started.pop()
        (order,) = api.order_manager.list_orders(ME)
        change = ReplaceInstruction(bet_id=order.bet_id, new_price=800.0)
        report = await delay.executor().replace_orders(
            ReplaceOrders(market_id=MARKET, instructions=(change,), async_=True)
        )
        assert report["instructionReports"][0]["placeInstructionReport"]["orderStatus"] == "PENDING"
        await delay.started.pop()

    asyncio.run(place_and_replace())
    assert [order.price for order in api.order_manager.list_open_orders(ME)] == [800.0]


def test_missing_heartbeat_cancels_unmatched_orders(tmp_path: Path) -> None:
    api = Api(tmp_path, OPENING)
    bet_id = api.place_accepted(price=4.0)

    def beat(seconds: int) -> Any:
        return api.call("heartbeat", "heartbeat", preferredTimeoutSeconds=seconds)

    assert beat(5) == {"actionPerformed": "NONE", "actualTimeoutSeconds": 10}
    assert beat(999)["actualTimeoutSeconds"] == 300
    assert error_code(beat(-1)) == "INVALID_INPUT_DATA"
    api.dispatcher.cancel_without_heartbeat(0.0)
    assert api.order(bet_id)["status"] == "EXECUTABLE"
    api.dispatcher.cancel_without_heartbeat(1e12)
    assert api.order(bet_id)["sizeCancelled"] == 2.0
    assert beat(0) == {"actionPerformed": "ALL_BETS_CANCELLED", "actualTimeoutSeconds": 0}
    assert beat(0)["actionPerformed"] == "NONE"


def test_heartbeat_reports_bets_that_could_not_be_cancelled() -> None:
    heartbeats = Heartbeats()
    heartbeats.register(ME, 10, 0.0)
    assert heartbeats.take_expired(9.9) == []
    assert heartbeats.take_expired(10.0) == [ME]
    assert heartbeats.take_expired(10.0) == []
    heartbeats.note_cancellation(ME, complete=False)
    assert heartbeats.register(ME, 10, 11.0).action == "SOME_BETS_NOT_CANCELLED"


# Sessions ---------------------------------------------------------------------------------------------------------------------


def log_in(sessions: Sessions, user: str = ME) -> str:
    found = sessions.log_in(user, "secret")
    assert isinstance(found, str)
    return found


def test_token_is_valid_only_after_a_login_where_one_is_required() -> None:
    assert Sessions().is_valid("any"), "an exchange without an API has no login"
    sessions = Sessions(login_required=True)
    assert not sessions.is_valid("any")
    session = log_in(sessions)
    assert (sessions.is_valid(session), sessions.get_account(session)) == (True, ME)
    assert sessions.log_out(session)
    assert not sessions.is_valid(session)
    assert sessions.log_in(ME, "") is LoginError.WRONG_CREDENTIALS


def test_logins_of_a_user_are_limited_and_sessions_stay_valid() -> None:
    sessions = Sessions(login_required=True)
    first, *_ = [log_in(sessions) for _ in range(MAX_LOGINS)]
    assert sessions.log_in(ME, "secret") is LoginError.TOO_MANY
    assert sessions.is_valid(first)
    log_in(sessions, "somebody else")


def test_number_of_sessions_is_bounded_and_expired_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: moment[0])
    sessions = Sessions(login_required=True)
    tokens = [log_in(sessions, str(number)) for number in range(MAX_SESSIONS + 1)]
    assert (sessions.is_valid(tokens[0]), sessions.is_valid(tokens[-1])) == (False, True)
    assert sessions.keep_alive(tokens[1])
    moment[0] = 11 * 3600.0
    assert sessions.keep_alive(tokens[1])
    moment[0] = 13 * 3600.0
    assert (sessions.is_valid(tokens[1]), sessions.is_valid(tokens[2])) == (True, False)
    log_in(sessions)
    assert len(sessions._sessions) == 2, "renewed and new"
