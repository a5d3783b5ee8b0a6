"""Values of options: one grammar for durations, shares, sizes and lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perfbench.cli import parse
from perfbench.cli.parse import ValueProblem
from perfbench.errors import UsageProblem

seconds = parse.build_duration_parser("s")
with_unit = parse.build_duration_parser()
milliseconds = parse.build_duration_parser("ms", minimum=0.00005)
share = parse.build_share_parser()


@pytest.mark.parametrize(
    ("parser", "text", "expected"),
    [
        (seconds, "20", 20.0),
        (seconds, "1.5", 1.5),
        (seconds, ".5", 0.5),
        (seconds, "1e3", 1000.0),
        (seconds, "20ms", 0.02),
        (seconds, "2m", 120.0),
        (seconds, "2 min", 120.0),
        (seconds, " 90s ", 90.0),
        (seconds, "1h", 3600.0),
        (with_unit, "0", 0.0),
        (with_unit, "20ms", 0.02),
        (milliseconds, "2", 0.002),
        (milliseconds, "500us", 0.0005),
        (milliseconds, "1s", 1.0),
        (parse.build_duration_parser("d"), "2", 172800.0),
        (parse.build_duration_parser(signed=True), "-30m", -1800.0),
        (share, "5%", 0.05),
        (share, "0.05", 0.05),
        (share, "0.5 %", 0.005),
        (share, "0", 0.0),
        (share, "1", 1.0),
        (share, "150%", 1.5),
        (parse.parse_size, "200MB", 200e6),
        (parse.parse_size, "1.5 GB", 1.5e9),
        (parse.parse_size, "64MiB", 64 * 1024**2),
        (parse.parse_size, "10kB", 10_000),
        (parse.parse_size, "512B", 512),
    ],
)
def test_value_is_that_of_its_unit(parser: Callable[[str], float], text: str, expected: float) -> None:
    assert parser(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("parser", "text", "hint"),
    [
        (with_unit, "20", "write 20ms or 20s"),
        (seconds, "soon", "write 20ms, 1.5s or 2m"),
        (seconds, "-1", "write 0s or more"),
        (seconds, "1e400", "write 20ms, 1.5s or 2m"),
        (seconds, "nan", "write 20ms, 1.5s or 2m"),
        (seconds, "٣", "write 20ms, 1.5s or 2m"),
        (milliseconds, "0.01", "write 0.05ms or more"),
        (share, "5", "write a share such as 5% or 0.05"),
        (share, "-5%", "write a share such as 5% or 0.05"),
        (share, "5 per cent", "write a share such as 5% or 0.05"),
        (share, "", "write a share such as 5% or 0.05"),
        (share, "1e400%", "write a share such as 5% or 0.05"),
        (parse.build_share_parser(0.0001, 1.0), "200%", "write a share from 0.01% to 100%"),
        (parse.parse_size, "200", "write a size such as 200MB"),
    ],
)
def test_value_without_a_meaning_is_refused_with_an_example(
    parser: Callable[[str], float], text: str, hint: str
) -> None:
    with pytest.raises(ValueProblem) as caught:
        parser(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("split", "text", "items"),
    [
        (parse.split_names, "lightweight", ["lightweight"]),
        (parse.split_names, "lightweight, full", ["lightweight", "full"]),
        (parse.split_names, '"a,b",c', ["a,b", "c"]),
        (parse.split_specs, "betfairlightweight==2.24.0 python==3.11", ["betfairlightweight==2.24.0 python==3.11"]),
        (parse.split_specs, "here,betfairlightweight==2.24.0", ["here", "betfairlightweight==2.24.0"]),
        (parse.split_specs, "flumine>=2,<3", ["flumine>=2,<3"]),
        (parse.split_specs, "flumine>=2, <3,here", ["flumine>=2,<3", "here"]),
        (parse.split_specs, "package[a,b]==1,here", ["package[a,b]==1", "here"]),
        (parse.split_paths, "a.txt,b.txt", ["a.txt", "b.txt"]),
        (parse.split_paths, '"a,b.txt",c.txt', ["a,b.txt", "c.txt"]),
        (parse.split_paths, "\0", ["\0"]),
        (parse.split_assignments, "csv=a.csv,json=b.json", ["csv=a.csv", "json=b.json"]),
        (parse.split_assignments, "csv=a,b.csv", ["csv=a,b.csv"]),
        (parse.split_assignments, "memory=5%,full/patched=1.8", ["memory=5%", "full/patched=1.8"]),
        (parse.keep_whole, "parameters=every=1,within=5", ["parameters=every=1,within=5"]),
    ],
)
def test_list_is_split_at_its_commas_only(split: Callable[[str], list[str]], text: str, items: list[str]) -> None:
    assert split(text) == items


def test_path_of_a_file_that_exists_is_one_whatever_commas_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b.txt").touch()
    assert parse.split_paths("a,b.txt") == ["a,b.txt"]


@pytest.mark.parametrize("text", ["", ",", "a,,b", "a,", " ", '"a', '"a"b'])
def test_list_with_an_empty_item_or_an_open_quotation_is_refused(text: str) -> None:
    with pytest.raises(ValueProblem):
        parse.split_commas(text)


def test_swept_values_are_collected_over_repetitions_and_may_contain_quoted_commas() -> None:
    assert parse.parse_sweeps(["window=5,10", 'rule="every=1,within=5",x', "window=20"]) == (
        ("window", ("5", "10", "20")),
        ("rule", ("every=1,within=5", "x")),
    )


def test_parameter_with_two_values_is_refused_and_the_sweep_is_named() -> None:
    assert parse.parse_assignments("--set", ["a=1", "b=2", "a=1"]) == (("a", "1"), ("b", "2"))
    with pytest.raises(UsageProblem, match="--set a: two values, 1 and 2") as caught:
        parse.parse_assignments("--set", ["a=1", "a=2"])
    assert caught.value.hint == "use --sweep to measure both"
