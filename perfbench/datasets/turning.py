"""Where a market turns: at which update of its replay it goes in-play, and at which it closes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from perfbench.errors import DataProblem
from perfbench.model import Market

IN_PLAY, CLOSE = "in-play", "close"
CLOSED = "CLOSED"


class _Definition(msgspec.Struct):
    inPlay: bool | None = None  # noqa: N815 - Betfair's name
    status: str | None = None


class _Change(msgspec.Struct):
    id: str
    marketDefinition: _Definition | None = None  # noqa: N815 - Betfair's name


class _Line(msgspec.Struct):
    op: str | None = None
    mc: list[_Change] | None = None


_LINE = msgspec.json.Decoder(_Line)


def turning_points(market: Market) -> tuple[tuple[int, str], ...]:
    """The numbers of the updates (from 0) at which a market of the file goes ``in-play`` or comes to its ``close``, in order.

    An update is a line with market changes, as a replay yields them. Raises DataProblem if the file cannot be read.
    """
    try:
        with Path(market.path).open("rb") as file:
            return tuple(_points(_updates(file)))
    except OSError as error:
        raise DataProblem(
            f"{market.name} cannot be read: {error.strerror}; check the file and its permissions"
        ) from error


def _points(updates: Iterator[list[_Change]]) -> Iterator[tuple[int, str]]:
    """A market that is in-play from its first definition on does not turn."""
    known: dict[str, _Definition] = {}
    for number, changes in enumerate(updates):
        for change in changes:
            now = change.marketDefinition
            if now is None:
                continue
            before = known.get(change.id, _Definition(now.inPlay))
            known[change.id] = now
            if now.inPlay and not before.inPlay:
                yield number, IN_PLAY
            if now.status == CLOSED != before.status:
                yield number, CLOSE


def _updates(lines: Iterator[bytes]) -> Iterator[list[_Change]]:
    for raw in lines:
        if raw.strip():
            line = _decoded(raw)
            if line.op == "mcm" and line.mc:
                yield line.mc


def _decoded(raw: bytes) -> _Line:
    """What Python's json takes beyond the standard is taken here too, as in an inspection."""
    try:
        return _LINE.decode(raw)
    except msgspec.MsgspecError:
        return msgspec.convert(json.loads(raw), _Line)
