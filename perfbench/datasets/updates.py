"""Where the updates of a market file stand: which line, which time of the market, which markets; and where a market turns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.errors import DataProblem
from perfbench.model import Market

IN_PLAY, CLOSE = "in-play", "close"
CLOSED_STATUS = "CLOSED"


@dataclass(frozen=True, slots=True)
class UpdatePosition:
    """One update: its line in the file (from 1), its publish time in milliseconds since 1970, and what it brings.

    ``runners`` are those that it changes; ``definition``: whether it has a market definition.
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
    """Every update of a file in order, as a replay yields them: lines with market changes. Raises DataProblem."""
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
    """The numbers of the updates (from 0) at which a market of the file goes ``in-play`` or comes to its ``close``, in order.

    A market that is in-play from its first definition on does not turn. Raises DataProblem.
    """
    known: dict[str, _Definition] = {}
    found = []
    for number, (_, _, line) in enumerate(_read_updates(market)):
        for change in line.mc or ():
            now = change.marketDefinition
            if now is None:
                continue
            before = known.get(change.id, _Definition(now.inPlay))
            known[change.id] = now
            if now.inPlay and not before.inPlay:
                found.append((number, IN_PLAY))
            if now.status == CLOSED_STATUS != before.status:
                found.append((number, CLOSE))
    return tuple(found)


def _read_updates(market: Market) -> Iterator[tuple[int, int, _Line]]:
    """The number (from 1), the bytes and the content of each line that a replay makes an update of."""
    number = 0
    try:
        with Path(market.path).open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                if raw.strip():
                    line = _decode_line(raw)
                    if line.op == "mcm" and line.mc:
                        yield number, len(raw), line
    except OSError as error:
        raise DataProblem(
            f"{market.name} cannot be read: {error.strerror}; check the file and its permissions"
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise DataProblem(f"{market.name}, line {number}: {error}; mend or delete the line") from error


def _decode_line(raw: bytes) -> _Line:
    """What Python's json takes beyond the standard is taken here too, as in an inspection."""
    try:
        return _LINE_DECODER.decode(raw)
    except msgspec.MsgspecError:
        return msgspec.convert(json.loads(raw), _Line)
