"""Position of every update of a market file: line, market time, markets; and in-play and close of the markets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.errors import DataProblem
from perfbench.model import Market
from perfbench.util.files import build_read_problem

IN_PLAY, CLOSE = "in-play", "close"
CLOSED_STATUS = "CLOSED"


@dataclass(frozen=True, slots=True)
class UpdatePosition:
    """An update: its line in the file (from 1), its publish time in milliseconds since 1970, and its content.

    ``runners`` is the number of changed runners; ``definition``: whether it has a market definition.
    """

    line: int
    publish_time: int
    markets: tuple[str, ...]
    size_bytes: int
    runners: int
    definition: bool


class _Definition(msgspec.Struct):
    inPlay: bool | None = None  # noqa: N815 - Betfair's name
    status: str | None = None


class _Change(msgspec.Struct):
    id: str
    marketDefinition: _Definition | None = None  # noqa: N815 - Betfair's name
    rc: list[object] | None = None


class _Line(msgspec.Struct):
    op: str | None = None
    pt: int | None = None
    mc: list[_Change] | None = None


_LINE_DECODER = msgspec.json.Decoder(_Line)


def list_updates(market: Market) -> tuple[UpdatePosition, ...]:
    """Every update of a file in the order of a replay: lines with market changes. Raises DataProblem."""
    return tuple(
        UpdatePosition(
            line=number,
            publish_time=line.pt or 0,
            markets=tuple(change.id for change in line.mc or ()),
            size_bytes=size,
            runners=sum(len(change.rc or ()) for change in line.mc or ()),
            definition=any(change.marketDefinition is not None for change in line.mc or ()),
        )
        for number, size, line in _read_updates(market)
    )


def find_turning_points(market: Market) -> tuple[tuple[int, str], ...]:
    """The numbers of the updates (from 0) at which a market of the file goes ``in-play`` or closes, in order.

    A market that is in-play from its first definition on has no such update. Raises DataProblem.
    """
    definitions: dict[str, _Definition] = {}
    turning_points = []
    for number, (_, _, line) in enumerate(_read_updates(market)):
        for change in line.mc or ():
            now = change.marketDefinition
            if now is None:
                continue
            before = definitions.get(change.id, _Definition(now.inPlay))
            definitions[change.id] = now
            if now.inPlay and not before.inPlay:
                turning_points.append((number, IN_PLAY))
            if now.status == CLOSED_STATUS != before.status:
                turning_points.append((number, CLOSE))
    return tuple(turning_points)


def _read_updates(market: Market) -> Iterator[tuple[int, int, _Line]]:
    """The number (from 1), the bytes and the content of each line that a replay yields as an update."""
    number = 0
    try:
        with Path(market.path).open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                if raw.strip():
                    line = _decode_line(raw)
                    if line.op == "mcm" and line.mc:
                        yield number, len(raw), line
    except OSError as error:
        raise build_read_problem(DataProblem, market.name, error) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise DataProblem(f"{market.name}, line {number}: {error}", hint="fix or delete the line") from error


def _decode_line(raw: bytes) -> _Line:
    """Decode a line; like an inspection, accept what Python's json accepts beyond the standard."""
    try:
        return _LINE_DECODER.decode(raw)
    except msgspec.MsgspecError:
        return msgspec.convert(json.loads(raw), _Line)
