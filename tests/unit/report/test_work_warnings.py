"""Warnings about the work of a table: child processes, refused orders, updates of the file that nothing confirms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import runs

from perfbench.model import CPU_SECONDS, WALL_SECONDS, Market, Measurement, Output
from perfbench.report.trust_warnings import describe_table_warnings


def describe(*group: Measurement, metric: str = CPU_SECONDS.name, updates: int = 100) -> list[str]:
    """The warnings of a table without rows, on a market of this many updates."""
    run = replace(runs.run(group), data=(Market("m", "/m", "00", 1, updates, 1),))
    return list(describe_table_warnings([], group, metric, run))


def measured(mode: str = "one", *, child: float = 0.0, updates: int = 100, **numbers: float) -> Measurement:
    """A measurement of three passes."""
    made = runs.measurement(mode, [1.0, 1.0, 1.0])
    metrics = {"child_seconds": child} if child else {}
    samples = tuple(replace(s, metrics={**s.metrics, **metrics}, numbers=numbers) for s in made.samples)
    output = Output("d", updates, 1024, ("d",))
    return replace(made, samples=samples, output=output, case=replace(made.case, data="m"))


def test_seconds_of_child_processes_are_named_where_cpu_seconds_are_compared() -> None:
    assert describe(measured(), measured("two", child=0.25)) == [
        "CPU seconds include those of child processes (two 0.250s); memory does not"
    ]
    assert describe(measured(), measured("two", child=0.25), metric=WALL_SECONDS.name) == []


@pytest.mark.parametrize(
    ("placed", "refused", "said"),
    [
        (0, 240, ["every order was refused (one 240 of 240)"]),
        (100, 300, ["most orders were refused (one 300 of 400)"]),
        (300, 100, []),
        (0, 0, []),
    ],
)
def test_refused_orders_are_a_warning_when_they_are_most(placed: int, refused: int, said: list[str]) -> None:
    assert describe(measured(orders=placed, refused=refused)) == said


def test_only_case_with_fewer_updates_than_the_file_is_a_warning() -> None:
    assert describe(measured(updates=40)) == ["one did 40 of the 100 updates of the file"]
    assert describe(measured(updates=100)) == []
    assert describe(measured(updates=40), measured("two", updates=40)) == []
    assert describe(replace(measured(updates=40), unit="orders")) == []
