"""The digest of an output: parts are remembered by identity, and objects that are changed in place do not deceive it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.worker import output_digest
from perfbench.worker.scenario_api import ScenarioError, Work

Part = Callable[[Any, Callable[[Any], Any]], Any]


def fields(runner: dict[str, int]) -> dict[str, int]:
    return dict(runner)


def canonical(update: list[dict[str, int]], part: Part, undone: frozenset[str]) -> list[Any]:
    return [part(runner, fields) for runner in update]


def changed_in_place() -> Iterator[list[dict[str, int]]]:
    """The same two objects in every update, one of them with another content each time."""
    one, two = {"id": 1, "price": 0}, {"id": 2, "price": 5}
    for number in range(200):
        one["price"] = number
        yield [one, two]


def made_anew() -> Iterator[list[dict[str, int]]]:
    for number in range(200):
        yield [{"id": 1, "price": number}, {"id": 2, "price": 5}]


def test_objects_that_are_changed_in_place_give_the_digest_of_their_content() -> None:
    one, two = (output_digest.digest_output(call, canonical) for call in (changed_in_place, made_anew))
    assert one.digest == two.digest
    assert one.updates == two.updates == 200


def test_every_change_of_a_part_changes_the_digest() -> None:
    def one_other() -> Iterator[list[dict[str, int]]]:
        for number, update in enumerate(made_anew()):
            yield [{**update[0], "price": -1}, update[1]] if number == 117 else update

    assert (
        output_digest.digest_output(one_other, canonical).digest
        != output_digest.digest_output(made_anew, canonical).digest
    )


def test_objects_that_are_changed_in_place_do_not_deceive_the_digests_with_changes_undone() -> None:
    def undoing(update: list[dict[str, int]], part: Part, undone: frozenset[str]) -> list[Any]:
        def doubled(runner: dict[str, int]) -> dict[str, int]:
            return {**runner, "price": runner["price"] * (2 if "double" in undone else 1)}

        return [part(runner, doubled) for runner in update]

    sets = [frozenset({"double"}), frozenset()]
    one, two = (output_digest.digest_output(call, undoing, undone=sets) for call in (changed_in_place, made_anew))
    assert one == two
    assert one.undone[0] != one.digest == one.undone[1]


def written(value: Any) -> str:
    return output_digest.encode_canonical_json(value).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (-(0.1 + 0.2), "-0.3"),
        (1.0000000000001, "1"),
        (1.000000000001, "1"),
        (1.00000000001, "1.00000000001"),
        (123456789.012345, "123456789.012"),
        (0.000012345678901234, "1.23456789012e-05"),
        (1e22, "1e+22"),
        (1.2345678901234567e-7, "1.23456789012e-07"),
        (-0.0, "0"),
        (-0.05, "-0.05"),
        (2.0, "2"),
        (100.0, "100"),
        (2.05, "2.05"),
        (12345678901234567, "12345678901234567"),
        (1600000000000, "1600000000000"),
        (True, "true"),
        (float("nan"), '"NaN"'),
        ([float("inf"), -float("inf"), "Infinity", "NaN"], '["Infinity","-Infinity","Infinity","NaN"]'),
        ("0.30000000000000004", '"0.30000000000000004"'),
        ({"a 1.0, -0.0": "é 2.0] NaN"}, '{"a 1.0, -0.0":"\\u00e9 2.0] NaN"}'),
        ('say "1.0" \\', '"say \\"1.0\\" \\\\"'),
    ],
)
def test_numbers_have_one_spelling_at_12_significant_digits(value: Any, text: str) -> None:
    assert written(value) == text
    assert written([value, 0.5, value]) == f"[{text},0.5,{text}]"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_as_its_12_significant_digits(number: float) -> None:
    assert float(written(number)) == float(f"{number:.12g}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_everything_but_floats_is_written_as_it_is(value: Any) -> None:
    assert json.loads(written(value)) == value
    assert written(value) == json.dumps(value, sort_keys=True, separators=(",", ":"))


def test_the_last_bit_of_a_float_is_no_difference_and_the_twelfth_digit_is() -> None:
    def prices(*values: Any) -> Callable[[], Iterator[Any]]:
        return lambda: iter([{"price": value} for value in values])

    reference = output_digest.digest_output(prices(0.3, 2, 1234.56)).digest
    assert output_digest.digest_output(prices(0.1 + 0.2, 2.0, math.nextafter(1234.56, 0))).digest == reference
    assert output_digest.digest_output(prices(0.3, 2, 1234.56000001)).digest != reference
    (shown,) = output_digest.iterate_items(prices(0.1 + 0.2), None, 0, 0)
    assert shown.value == {"price": 0.3}


def test_an_infinite_price_can_be_digested_and_shown() -> None:
    def update() -> Iterator[Any]:
        return iter([{"near": float("nan"), "far": float("inf")}])

    def as_text() -> Iterator[Any]:
        return iter([{"near": "NaN", "far": "Infinity"}])

    assert output_digest.digest_output(update).digest == output_digest.digest_output(as_text).digest
    (shown,) = output_digest.iterate_items(update, None, 0, 0)
    assert shown.value == {"near": "NaN", "far": "Infinity"}


def test_items_that_are_no_units_of_work_are_digested_beside_the_amount() -> None:
    def call(amount: int, *orders: int) -> Callable[[], Work]:
        return lambda: Work(amount, output=list(orders), per_unit=False)

    first, second, other = (
        output_digest.digest_output(made) for made in (call(700, 1, 2), call(300, 1, 2), call(700, 1))
    )
    assert (first.updates, second.updates) == (700, 300)
    assert first.digest == second.digest != other.digest
    assert len(first.blocks) == 1
    assert [item.value for item in output_digest.iterate_items(call(700, 1, 2), None, 1, 5)] == [2]


def test_items_of_units_of_work_must_be_as_many() -> None:
    with pytest.raises(ScenarioError, match="has 2 items for 3 units of work"):
        output_digest.digest_output(lambda: Work(3, output=[1, 2]))


@pytest.mark.parametrize(
    ("seconds", "kept"), [(1.5, 1.5), (None, None), (0.0, None), (-1.0, None), (math.nan, None), (math.inf, None)]
)
def test_seconds_of_a_mode_that_times_itself_go_along_if_a_pass_can_take_them(
    seconds: float | None, kept: float | None
) -> None:
    """A timed pass refuses the others with the reason; the check pass is no place for that."""
    assert output_digest.digest_output(lambda: Work(3, seconds=seconds, output=[1, 2, 3])).seconds == kept
