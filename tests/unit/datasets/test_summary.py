"""Counts of a market file: runners by selection and handicap, images, runners that leave a definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from perfbench.datasets.description import MarketDescription
from perfbench.datasets.inspection import inspect_market

Message = dict[str, Any]

FIELDS = {
    "betDelay": 0, "bettingType": "ODDS", "bspMarket": False, "bspReconciled": False, "complete": True, "crossMatching": True,
    "discountAllowed": True, "eventId": "1", "eventTypeId": "1", "inPlay": False, "marketBaseRate": 5,
    "marketTime": "2026-06-01T11:00:00.000Z", "numberOfActiveRunners": 2, "numberOfWinners": 1, "persistenceEnabled": True,
    "regulators": ["MR_INT"], "runnersVoidable": False, "status": "OPEN", "timezone": "GMT", "turnInPlayEnabled": True,
    "version": 1,
}  # fmt: skip


def definition(*runners: Message, **fields: Any) -> Message:
    listed = [{"status": "ACTIVE", "sortPriority": n, **runner} for n, runner in enumerate(runners, 1)]
    return {**FIELDS, "runners": listed, **fields}


def message(pt: int, *runners: Message, market: str = "1.1", **change: Any) -> Message:
    return {"op": "mcm", "pt": pt, "mc": [{"id": market, "rc": list(runners), **change}]}


def described(folder: Path, *messages: Message) -> MarketDescription:
    path = folder / "market"
    path.write_text("".join(json.dumps(one) + "\n" for one in messages))
    return inspect_market(path, "market")


HANDICAPS = [step / 4 for step in range(-16, 17)]
ASIAN = definition(*({"id": team, "hc": handicap * side} for handicap in HANDICAPS for team, side in ((7, 1), (8, -1))))


def test_runner_is_a_selection_with_its_handicap(tmp_path: Path) -> None:
    changes = [message(2 + n, {"id": 7, "hc": handicap, "ltp": 2}) for n, handicap in enumerate(HANDICAPS)]
    market = described(tmp_path, message(1, marketDefinition=ASIAN), *changes)
    assert market.runners == 66
    assert market.irregularities == ()


def test_change_of_a_handicap_that_no_definition_has_is_named_with_its_line(tmp_path: Path) -> None:
    market = described(
        tmp_path,
        message(1, marketDefinition=ASIAN),
        message(2, {"id": 7, "hc": 1.0}),
        message(3, {"id": 7, "hc": 9.25}),
    )
    (irregularity,) = market.irregularities
    assert irregularity.startswith(
        "changes of runners that no definition has: 1 (first: runner 7 with handicap 9.25 in line 3)"
    )


def test_missing_handicap_is_zero_and_counts_once(tmp_path: Path) -> None:
    market = described(
        tmp_path,
        message(1, marketDefinition=definition({"id": 7}, {"id": 8, "hc": 0.0})),
        message(2, {"id": 7, "hc": 0}, {"id": 8}),
        message(3, {"id": 7}, {"id": 7, "hc": -0.0}),
    )
    assert market.runners == 2
    assert market.runners_changed == 1
    assert market.irregularities == ()


def test_runners_of_all_definitions_are_counted_and_the_one_that_leaves_is_named(tmp_path: Path) -> None:
    market = described(
        tmp_path,
        message(1, marketDefinition=definition({"id": 7}, {"id": 8})),
        message(2, marketDefinition=definition({"id": 7}, {"id": 9}, version=2)),
        message(3, {"id": 8, "ltp": 3}),
    )
    assert (market.runners, market.definitions) == (3, 2)
    assert market.irregularities == (
        "runners that a later definition leaves out: 1 (first: runner 8 in line 2); readers keep their last books",
    )


def test_new_image_forgets_the_runners_before_it(tmp_path: Path) -> None:
    market = described(
        tmp_path,
        message(1, marketDefinition=definition({"id": 7}, {"id": 8})),
        message(2, img=True, marketDefinition=definition({"id": 7})),
        message(3, {"id": 8, "ltp": 3}),
    )
    assert market.runners == 2
    assert [text.partition(";")[0] for text in market.irregularities] == [
        "changes of runners that no definition has: 1 (first: runner 8 in line 3)",
        "new images in mid-file: 1 (first: line 2)",
    ]


def test_new_image_without_a_definition_is_a_warning(tmp_path: Path) -> None:
    market = described(tmp_path, message(1, marketDefinition=definition({"id": 7})), message(2, img=True))
    (warning,) = market.warnings
    assert warning.startswith("new images in mid-file without a definition: 1 (first: line 2)")


def test_definition_without_a_field_of_full_mode_is_named(tmp_path: Path) -> None:
    short = definition({"id": 7})
    del short["betDelay"], short["version"]
    market = described(tmp_path, message(1, marketDefinition=short))
    assert market.warnings == ("definitions without a field that full mode needs: 1 (first: `betDelay` in line 1)",)


def test_runner_twice_in_a_definition_is_a_warning(tmp_path: Path) -> None:
    market = described(tmp_path, message(1, marketDefinition=definition({"id": 7}, {"id": 7, "hc": 0})))
    assert market.runners == 1
    assert market.warnings == ("definitions that have a runner twice: 1 (first: line 1); readers keep the last",)


def test_market_recorded_twice_in_a_file_is_seen_by_its_time(tmp_path: Path) -> None:
    once = [message(1, marketDefinition=definition({"id": 7})), message(2, {"id": 7, "ltp": 2})]
    market = described(tmp_path, *once, *once)
    assert market.market_ids == ("1.1",)
    assert market.warnings == ("the time goes back 1 times (first: line 3); sort the file",)
