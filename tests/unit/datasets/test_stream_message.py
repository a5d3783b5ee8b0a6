"""Lines of a market file: every reader takes them in the same way, or they are refused with file and line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfbench.datasets.description import MarketDescription
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.inspection import inspect_market
from perfbench.errors import DataProblem

LINES = [line.encode() for line in stream_lines(Recipe(seed=7, runners=3, updates=40))]
PLAIN = b"".join(LINES)
MARKET = json.loads(LINES[0])["mc"][0]["id"]


def described(folder: Path, data: bytes) -> MarketDescription:
    path = folder / "market"
    path.write_bytes(data)
    return inspect_market(path, "market")


def refusal(folder: Path, data: bytes) -> str:
    """The cause of a refusal."""
    with pytest.raises(DataProblem) as caught:
        described(folder, data)
    assert caught.value.hint
    return caught.value.cause


def with_line(number: int, line: bytes) -> bytes:
    """The market with one more line, which gets this number."""
    return b"".join([*LINES[: number - 1], line, *LINES[number - 1 :]])


def replaced(number: int, old: bytes, new: bytes) -> bytes:
    lines = [*LINES]
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    return b"".join(lines)


NAMED_BYTES: dict[str, tuple[bytes, str]] = {
    "mark at the start": (codecs.BOM_UTF8 + PLAIN, "market, line 1 begins with a byte order mark"),
    "mark inside": (with_line(21, codecs.BOM_UTF8 + LINES[20]), "market, line 21 begins with a byte order mark"),
    "mark alone": (with_line(5, codecs.BOM_UTF8 + b"\n"), "market, line 5 begins with a byte order mark"),
    "UTF-16 with a mark": (PLAIN.decode().encode("utf-16"), "market is UTF-16; readers expect UTF-8"),
    "UTF-16, big end first": (PLAIN.decode().encode("utf-16-be"), "market is UTF-16; readers expect UTF-8"),
    "UTF-16, little end first": (PLAIN.decode().encode("utf-16-le"), "market is UTF-16; readers expect UTF-8"),
    "UTF-32": (PLAIN.decode().encode("utf-32"), "market is UTF-32; readers expect UTF-8"),
    "UTF-32 without a mark": (PLAIN.decode().encode("utf-32-le"), "market is UTF-32; readers expect UTF-8"),
    "UTF-16 behind UTF-8": (PLAIN + PLAIN.decode().encode("utf-16-be"), "market, line 41 is UTF-16"),
    "Latin-1 in a name": (replaced(1, b'"name":"', b'"name":"Caf\xe9 '), "market, line 1 is not UTF-8 (byte 0xe9 at "),
    "Latin-1 in a field that nobody decodes": (replaced(9, b'"clk":"', b'"clk":"\xe9'), "market, line 9 is not UTF-8"),
    "surrogate as bytes": (replaced(9, b'"clk":"', b'"clk":"\xed\xa0\x80'), "market, line 9 is not UTF-8"),
    "half a surrogate pair": (replaced(9, b'"clk":"', b'"clk":"\\ud83d'), "market, line 9 is not JSON (\\ud83d, which"),
    "NUL": (replaced(9, b'"clk":"', b'"clk":"\x00'), "market, line 9 has NUL or control bytes"),
    "line of NUL": (with_line(9, bytes(512) + b"\n"), "market, line 9 is NUL bytes, as left by a recorder"),
    "carriage returns only": (PLAIN.replace(b"\n", b"\r"), "market, line 1 has a carriage return inside"),
    "carriage return inside": (replaced(9, b",", b",\r"), "market, line 9 has a carriage return inside"),
    "carriage return twice": (replaced(9, b"\n", b"\r\r\n"), "market, line 9 has a carriage return inside"),
    "NaN": (replaced(1, b'"marketBaseRate":5.0', b'"marketBaseRate":NaN'), "market, line 1 is not JSON (NaN, which"),
    "Infinity": (replaced(9, b'"pt":', b'"x":-Infinity,"pt":'), "market, line 9 is not JSON (-Infinity, which"),
    "number beyond a float": (replaced(9, b'"pt":', b'"x":1e999,"pt":'), "line 9 has a number that readers take differently"),
    "integer beyond 64 bits": (replaced(9, b'"pt":', b'"x":1' + b"0" * 20 + b',"pt":'), "line 9 has a number that readers"),
    "integer of 5,000 digits": (replaced(9, b'"pt":', b'"x":1' + b"0" * 5000 + b',"pt":'), "line 9 has a number that reade"),
    "publish time beyond every date": (replaced(9, b'"pt":', b'"pt":999'), "market, line 9 is not a stream message ("),
    "deep nesting": (with_line(9, b'{"op":"mcm","x":' + b"[" * 99_999 + b"\n"), "market, line 9 is nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "cause"), NAMED_BYTES.values(), ids=NAMED_BYTES)
def test_line_that_readers_take_differently_is_refused_with_its_number(tmp_path: Path, data: bytes, cause: str) -> None:
    assert cause in refusal(tmp_path, data)


def test_line_ends_of_windows_and_none_at_the_end_are_taken_as_they_are_by_readers(tmp_path: Path) -> None:
    plain = described(tmp_path, PLAIN)
    for data in (PLAIN.replace(b"\n", b"\r\n"), PLAIN.removesuffix(b"\n"), PLAIN.removesuffix(b"\n") + b"\r"):
        same = described(tmp_path, data)
        assert (same.updates, same.lines, same.warnings) == (plain.updates, plain.lines, ())


def test_digits_within_a_text_and_exact_integers_are_no_odd_numbers(tmp_path: Path) -> None:
    fields = (
        b'"a":"1e999","b":"' + b"9" * 400 + b'","c":18446744073709551615,"d":-9223372036854775808,"e":0.' + b"1" * 40
    )
    assert described(tmp_path, replaced(9, b'"pt":', fields + b',"pt":')).updates == 40


ODD_VALUES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "time as a text": lambda line: line.update(pt=str(line["pt"])),
    "time as a fraction": lambda line: line.update(pt=line["pt"] + 0.5),
    "time before 1970": lambda line: line.update(pt=-1),
    "operation as a number": lambda line: line.update(op=1),
    "changes as an object": lambda line: line.update(mc={"id": MARKET}),
    "changes of nothing": lambda line: line.update(mc=None),
    "market id as a number": lambda line: line["mc"][0].update(id=1.9),
    "market id as an object": lambda line: line["mc"][0].update(id={}),
    "runner changes of nothing": lambda line: line["mc"][0].update(rc=None),
    "runner id as a text": lambda line: line["mc"][0]["rc"][0].update(id="1"),
    "runner id as an object": lambda line: line["mc"][0]["rc"][0].update(id={"id": 1}),
    "huge runner id": lambda line: line["mc"][0]["rc"][0].update(id=10**30),
    "handicap as a text": lambda line: line["mc"][0]["rc"][0].update(hc="0.5"),
    "prices as texts": lambda line: line["mc"][0]["rc"][0].update(atb=[["1.5", "2"]]),
    "price without size": lambda line: line["mc"][0]["rc"][0].update(atb=[[1.5]]),
    "prices of nothing": lambda line: line["mc"][0]["rc"][0].update(atl=None),
    "level without size": lambda line: line["mc"][0]["rc"][0].update(batb=[[0, 1.5]]),
    "last price as a text": lambda line: line["mc"][0]["rc"][0].update(ltp="1.5"),
    "starting price as a text": lambda line: line["mc"][0]["rc"][0].update(spn="1.5"),
    "volume as a text": lambda line: line["mc"][0].update(tv="12"),
    "definition of nothing": lambda line: line["mc"][0].update(marketDefinition=None),
    "definition without runners": lambda line: line["mc"][0].update(marketDefinition={"status": "OPEN"}),
    "runners of texts": lambda line: line["mc"][0].update(marketDefinition={"runners": ["1"]}),
    "runner of a definition with an object as id": lambda line: line["mc"][0].update(marketDefinition={"runners": [{"id": []}]}),
    "name of a runner as an object": lambda line: line["mc"][0].update(marketDefinition={"runners": [{"id": 1, "name": {}}]}),
    "in-play as a text": lambda line: line["mc"][0].update(marketDefinition={"runners": [], "inPlay": "yes"}),
    "start as a number": lambda line: line["mc"][0].update(marketDefinition={"runners": [], "marketTime": 1}),
    "unknown change type": lambda line: line.update(ct="NEWS"),
    "change type of nothing": lambda line: line.update(ct=None),
    "heartbeat with changes": lambda line: line.update(ct="HEARTBEAT"),
    "no operation": lambda line: line.pop("op"),
    "no publish time": lambda line: line.pop("pt"),
}  # fmt: skip


@pytest.mark.parametrize("change", ODD_VALUES.values(), ids=ODD_VALUES)
def test_value_of_another_type_is_refused_with_its_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    line = json.loads(LINES[19])
    assert line["mc"][0]["rc"]
    change(line)
    assert refusal(tmp_path, b"".join([*LINES[:19], json.dumps(line).encode() + b"\n", *LINES[20:]])).startswith(
        "market, line 20 "
    )


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-Infinity", None, 1.5])
def test_starting_prices_that_betfair_writes_as_texts_are_taken(tmp_path: Path, price: Any) -> None:
    line = json.loads(LINES[19])
    line["mc"][0]["rc"][0]["spn"] = price
    data = b"".join([*LINES[:19], json.dumps(line).encode() + b"\n", *LINES[20:]])
    assert described(tmp_path, data).updates == 40


# Messages beside the changes of the market -----------------------------------------------------------------------------


def test_failure_of_the_stream_is_refused_at_its_line_before_any_pass(tmp_path: Path) -> None:
    failure = b'{"op":"status","statusCode":"FAILURE","errorCode":"TIMEOUT","connectionClosed":true}\n'
    assert refusal(tmp_path, with_line(21, failure)) == (
        "market, line 21 is a status message FAILURE (TIMEOUT), at which readers end"
    )
    assert "line 1 is a status message FAILURE" in refusal(tmp_path, with_line(1, failure))
    assert "line 41 is a status message FAILURE" in refusal(tmp_path, with_line(41, failure))


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        (b"\n", "blank lines: 1 (first: line 21); betfairlightweight yields the books before them again"),
        (b" \t\r\n", "blank lines: 1 (first: line 21); betfairlightweight yields the books before them again"),
        (b'{"op":"mcm","ct":"HEARTBEAT","clk":"A"}\n', "lines without market changes: 1 (first: line 21); "),
        (b'{"op":"mcm","pt":1780306992400,"mc":[]}\n', "lines without market changes: 1 (first: line 21); "),
        (b'{"op":"status","statusCode":"SUCCESS"}\n', "messages about the connection: 1 (first: line 21); "),
        (b'{"op":"connection","connectionId":"1"}\n', "messages about the connection: 1 (first: line 21); "),
        (b'{"op":"rcm","pt":1,"rc":[]}\n', "lines of other operations: 1 (first: `rcm` in line 21); "),
    ],
)  # fmt: skip
def test_line_without_changes_is_counted_by_its_kind(tmp_path: Path, line: bytes, warning: str) -> None:
    one = described(tmp_path, with_line(21, line))
    assert (one.updates, one.lines) == (40, 41)
    assert [text for text in one.warnings if text.startswith(warning)], one.warnings


def test_order_changes_among_market_changes_are_refused_at_their_line(tmp_path: Path) -> None:
    line = b'{"op":"ocm","pt":1,"oc":[]}\n'
    assert refusal(tmp_path, with_line(21, line)) == "market, line 21 is of an order stream (ocm)"
    assert refusal(tmp_path, line) == "market is an order stream (line 1: ocm), not a market stream"
    assert refusal(tmp_path, b'{"op":"rcm","pt":1}\n') == "market is a race stream (line 1: rcm), not a market stream"
