"""The digest of an output: parts are remembered by identity, and objects that are changed in place do not deceive it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from perfbench.worker import checking

Part = Callable[[Any, Callable[[Any], Any]], Any]


def fields(runner: dict[str, int]) -> dict[str, int]:
    return dict(runner)


def canonical(update: list[dict[str, int]], part: Part) -> list[Any]:
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
    one, two = (checking.digest(call, canonical) for call in (changed_in_place, made_anew))
    assert one.digest == two.digest
    assert one.updates == two.updates == 200


def test_every_change_of_a_part_changes_the_digest() -> None:
    def one_other() -> Iterator[list[dict[str, int]]]:
        for number, update in enumerate(made_anew()):
            yield [{**update[0], "price": -1}, update[1]] if number == 117 else update

    assert checking.digest(one_other, canonical).digest != checking.digest(made_anew, canonical).digest
