"""One market in place of the files of a program: which streams keep it, and which are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perfbench.kit.program.markets import MarketReplacement, describe_plain
from perfbench.kit.program.processes import RecordFolder
from perfbench.worker.scenario_api import ProgramError

GIVEN = "/given/1.5"


class Stream:
    """A market stream as flumine 3 has it."""

    def __init__(self, path: str, number: int = 0, **settings: Any) -> None:
        self.file_path = path
        self.stream_id = number
        self.operation = "marketSubscription"
        self._listener = SimpleNamespace(inplay=None, seconds_to_start=None, **settings)

    def create_generator(self) -> None:
        """What makes it a market stream."""


class Strategy:
    def __init__(self, *streams: Stream, **values: Any) -> None:
        self.streams = list(streams)
        self.historic_stream_ids: set[int] = set()
        vars(self).update(values)


class Other(Strategy):
    """Another class of strategies."""


class Framework:
    def __init__(self, *strategies: Strategy) -> None:
        streams = {id(stream): stream for strategy in strategies for stream in strategy.streams}
        self.streams = Container("_streams", list(streams.values()))
        self.strategies = Container("_strategies", list(strategies))

    def files(self) -> list[str]:
        return [stream.file_path for stream in self.streams]


class Container:
    """A list behind an attribute, as flumine's ``Streams`` and ``Strategies`` have it."""

    def __init__(self, name: str, values: list[Any]) -> None:
        self._name = name
        setattr(self, name, values)

    def __iter__(self) -> Any:
        return iter(getattr(self, self._name))


@pytest.fixture
def replacement(tmp_path: Path) -> MarketReplacement:
    return MarketReplacement(GIVEN, RecordFolder(str(tmp_path / "records")))


def run_all(replacement: MarketReplacement, frameworks: Sequence[Framework]) -> list[Framework]:
    """The simulations that are left to run."""
    return [framework for framework in frameworks if replacement.replace_in(framework)]


def test_first_of_many_files_stands_for_all(replacement: MarketReplacement) -> None:
    framework = Framework(Strategy(*(Stream(f"data/1.{number}") for number in range(100))))
    assert replacement.replace_in(framework)
    assert framework.files() == [GIVEN]


def test_simulations_of_other_files_are_not_run(replacement: MarketReplacement) -> None:
    frameworks = [Framework(Strategy(Stream(f"data/1.{number}"))) for number in range(100)]
    (left,) = run_all(replacement, frameworks)
    assert left is frameworks[0]
    assert left.files() == [GIVEN]


def test_several_simulations_of_a_file_all_run(replacement: MarketReplacement) -> None:
    frameworks = [Framework(Strategy(Stream("data/1.1"))) for _ in range(11)]
    assert len(run_all(replacement, frameworks)) == 11


def test_other_classes_values_listeners_and_settings_run_on_their_own(replacement: MarketReplacement) -> None:
    makers: list[Callable[[Stream], Strategy]] = [
        Strategy,
        Other,
        lambda stream: Strategy(stream, context={"stake": 2.0}),
        lambda stream: Strategy(stream, context={"stake": 3.0}),
        lambda stream: Strategy(Stream(stream.file_path, lightweight=True)),
    ]
    frameworks = [Framework(make(Stream(f"data/1.{number}"))) for number in range(3) for make in makers]
    assert len(run_all(replacement, frameworks)) == 5


def test_path_and_name_of_the_file_are_no_part_of_a_strategy(replacement: MarketReplacement) -> None:
    frameworks = [
        Framework(
            Strategy(Stream(f"data/1.{number}.bz2"), context={"file": f"data/1.{number}.bz2", "id": f"1.{number}"})
        )
        for number in range(10, 20)
    ]
    assert len(run_all(replacement, frameworks)) == 1


def test_strategy_for_each_file_is_run_once_and_the_others_are_left_out(replacement: MarketReplacement) -> None:
    framework = Framework(*(Strategy(Stream(f"data/1.{number}", number), number=1) for number in range(10)))
    assert replacement.replace_in(framework)
    assert framework.files() == [GIVEN]
    assert len(list(framework.strategies)) == 1


def test_strategy_that_is_used_again_keeps_its_signature_although_it_has_changed(
    replacement: MarketReplacement,
) -> None:
    strategy = Strategy(Stream("data/1.1"))
    first = Framework(strategy)
    assert replacement.replace_in(first)
    vars(strategy)["placed"] = 15
    strategy.streams = [Stream("data/1.2")]
    assert not replacement.replace_in(Framework(strategy))


def test_shared_stream_is_replaced_for_all_of_its_strategies(replacement: MarketReplacement) -> None:
    streams = [Stream("data/1.1"), Stream("data/1.2")]
    framework = Framework(Strategy(*streams), Other(*streams))
    assert replacement.replace_in(framework)
    assert framework.files() == [GIVEN]
    assert [len(strategy.streams) for strategy in framework.strategies] == [1, 1]


def test_processes_agree_on_the_file_that_stands_for_all(tmp_path: Path) -> None:
    records = RecordFolder(str(tmp_path / "records"))
    frameworks = [Framework(Strategy(Stream(f"data/1.{number}"))) for number in range(4)]
    left = [framework for framework in frameworks if MarketReplacement(GIVEN, records).replace_in(framework)]
    assert left == frameworks[:1]


def test_file_of_an_old_release_is_its_market_filter(replacement: MarketReplacement) -> None:
    stream = Stream("data/1.1")
    stream.market_filter = stream.__dict__.pop("file_path")  # type: ignore[attr-defined]
    assert replacement.replace_in(Framework(Strategy(stream)))
    assert vars(stream)["market_filter"] == GIVEN


def test_simulation_without_a_file_that_could_be_replaced_is_an_error(replacement: MarketReplacement) -> None:
    with pytest.raises(ProgramError, match="reads no market file that --data could replace"):
        replacement.replace_in(Framework(Strategy()))
    stream = Stream("data/1.1")
    del stream.file_path
    with pytest.raises(ProgramError, match="the stream Stream has no `file_path`"):
        replacement.replace_in(Framework(Strategy(stream)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 2, "a": [1, None, True]}, "{'a': [1, None, True], 'b': 2}"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (object(), "object"),
        ([object(), "data/1.5 and 1.5"], "[object, '{market} and {market}']"),
        (Path("data/1.5"), "'{market}'"),
        ([[[[[1]]]]], "[[[[list]]]]"),
    ],
)
def test_plain_values_are_described_alike_in_every_process(value: object, text: str) -> None:
    assert describe_plain(value, "data/1.5") == text
