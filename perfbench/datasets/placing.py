"""Where the updates of a market file stand: which line, which time of the market, which markets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.errors import DataProblem
from perfbench.model import Market


@dataclass(frozen=True, slots=True)
class Placed:
    """One update: its line in the file (from 1), its publish time in milliseconds since 1970, and what it brings.

    ``runners`` are those that it changes; ``definition``: whether it has a market definition.
    """

    line: int
    publish_time: int
    markets: tuple[str, ...]
    size_bytes: int
    runners: int
    definition: bool


class _Change(msgspec.Struct):
    id: str = ""
    marketDefinition: msgspec.Raw = msgspec.Raw()  # noqa: N815 - Betfair's name
    rc: list[msgspec.Raw] = []


class _Line(msgspec.Struct):
    op: str = ""
    pt: int = 0
    mc: list[_Change] = []


def updates(market: Market) -> tuple[Placed, ...]:
    """Every update of a file in order, as a replay yields them: lines with market changes. Raises DataProblem."""
    decoder = msgspec.json.Decoder(_Line)
    found = []
    try:
        with Path(market.path).open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                if not raw.strip():
                    continue
                line = decoder.decode(raw)
                if line.op == "mcm" and line.mc:
                    found.append(_placed(number, line, len(raw)))
    except OSError as error:
        raise DataProblem(
            f"{market.name} cannot be read: {error.strerror}; check the file and its permissions"
        ) from error
    except msgspec.MsgspecError as error:
        raise DataProblem(f"{market.name}, line {number}: {error}") from error
    return tuple(found)


def _placed(number: int, line: _Line, size: int) -> Placed:
    return Placed(
        line=number,
        publish_time=line.pt,
        markets=tuple(change.id for change in line.mc),
        size_bytes=size,
        runners=sum(len(change.rc) for change in line.mc),
        definition=any(bytes(change.marketDefinition) for change in line.mc),
    )
