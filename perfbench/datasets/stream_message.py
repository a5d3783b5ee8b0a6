"""A message of a stream file, decoded so that every reader takes the line in the same way, or refused.

Readers split a file at every line end that Python's text mode knows, decode it as UTF-8 and each line as JSON, with Python's json
or with a stricter decoder (orjson, serde). betfairlightweight silently skips a line that its decoder refuses, so a line that one
of them reads in another way makes a wrong number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from perfbench.datasets import line_problem
from perfbench.errors import DataProblem

LATEST_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999: later ones are no dates for Python."""

LONG_NUMBER = re.compile(rb"[0-9]{19}|[eE]\+?[0-9]{3}")
"""What an integer of more than 64 bits and a number beyond the range of a float have; texts may have it too."""

MAX_REASON = 200
"""Characters of a decoder's reason, which may quote the line."""

INTEGER_RANGE = range(-(2**63), 2**64)
"""The integers that every decoder reads exactly."""

PublishTime = Annotated[int, msgspec.Meta(ge=0, le=LATEST_TIME)]
Identifier = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Price = float | Literal["NaN", "Infinity", "-Infinity"] | None
Ladder = list[tuple[float, float]]
Levels = list[tuple[float, float, float]]
Text = str | None
Number = float | None
Flag = bool | None
Decoded = TypeVar("Decoded")


class RunnerChange(msgspec.Struct):
    """An entry of ``rc``. Fields that perfbench does not use are declared for their types."""

    id: Identifier
    hc: Number = 0
    spn: Price = None
    spf: Price = None
    ltp: Number = None
    tv: Number = None
    trd: Ladder | None = None
    atb: Ladder = []
    atl: Ladder = []
    batb: Levels = []
    batl: Levels = []
    bdatb: Levels = []
    bdatl: Levels = []
    spb: Ladder = []
    spl: Ladder = []

    @property
    def key(self) -> tuple[int, float | None]:
        """The runner: its selection and its handicap, as betfairlightweight tells runners apart."""
        return self.id, self.hc


class MarketChange(msgspec.Struct):
    """An entry of ``mc``. ``marketDefinition`` is its JSON; see ``decode_definition``."""

    id: str
    marketDefinition: msgspec.Raw = msgspec.Raw()  # noqa: N815 - Betfair's name
    rc: list[RunnerChange] = []
    img: Flag = None
    con: Flag = None
    tv: Number = None


class StreamMessage(msgspec.Struct):
    """A message of any operation."""

    op: str | None = None
    pt: PublishTime | None = None
    ct: str = "UPDATE"
    mc: list[MarketChange] = []
    statusCode: Text = None  # noqa: N815
    errorCode: Text = None  # noqa: N815


class RunnerDefinition(msgspec.Struct):
    """An entry of ``runners``."""

    id: Identifier
    hc: Number = 0
    name: Text = None
    status: Text = None
    sortPriority: int | None = None  # noqa: N815
    adjustmentFactor: Number = None  # noqa: N815
    bsp: Price = None
    removalDate: str | int | None = None  # noqa: N815

    @property
    def key(self) -> tuple[int, float | None]:
        """The runner: its selection and its handicap."""
        return self.id, self.hc


class MarketDefinition(msgspec.Struct):
    """A market definition; ``fields`` has all fields, with the unknown ones."""

    runners: list[RunnerDefinition]
    inPlay: Flag = None  # noqa: N815
    status: Text = None
    marketTime: Text = None  # noqa: N815
    suspendTime: Text = None  # noqa: N815
    settledTime: Text = None  # noqa: N815
    openDate: Text = None  # noqa: N815
    name: Text = None
    eventName: Text = None  # noqa: N815
    bettingType: Text = None  # noqa: N815
    marketType: Text = None  # noqa: N815
    venue: Text = None
    countryCode: Text = None  # noqa: N815
    timezone: Text = None
    numberOfWinners: int | None = None  # noqa: N815
    numberOfActiveRunners: int | None = None  # noqa: N815
    version: int | None = None
    betDelay: int | None = None  # noqa: N815
    bspMarket: Flag = None  # noqa: N815
    complete: Flag = None
    crossMatching: Flag = None  # noqa: N815


_MESSAGE = msgspec.json.Decoder(StreamMessage)
_DEFINITION = msgspec.json.Decoder(MarketDefinition)


def decode_message(raw: bytes, number: int, name: str) -> StreamMessage | None:
    """The message of a line with its line end; None for a blank line.

    Raises DataProblem for a line that not every reader takes in the same way.
    """
    line = raw.removesuffix(b"\n").removesuffix(b"\r")
    if b"\r" in line or not line.isascii():
        line_problem.require_plain_text(line, number, name)
    if not line.strip():
        return None
    message = _decode(_MESSAGE.decode, raw, number, name)
    if LONG_NUMBER.search(line):
        _require_common_numbers(line, number, name)
    return message


def decode_definition(change: MarketChange, number: int, name: str) -> tuple[MarketDefinition, dict[str, Any]] | None:
    """The market definition of a change and all its fields; None if it has none. Raises DataProblem."""
    raw = bytes(change.marketDefinition)
    if not raw:
        return None
    definition = _decode(_DEFINITION.decode, raw, number, name, "not a market definition")
    fields: dict[str, Any] = _decode(msgspec.json.decode, raw, number, name)
    return definition, fields


def _decode(
    decode: Callable[[bytes], Decoded], raw: bytes, number: int, name: str, otherwise: str = "not a stream message"
) -> Decoded:
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        raise DataProblem(
            f"{name}, line {number} is {otherwise} ({str(error)[:MAX_REASON]})", hint=line_problem.CHOOSE_HINT
        ) from error
    except RecursionError:
        raise DataProblem(f"{name}, line {number} is nested too deeply", hint=line_problem.CHOOSE_HINT) from None
    except ValueError as error:
        raise line_problem.explain_line(raw, number, name, str(error)) from None


def _require_common_numbers(line: bytes, number: int, name: str) -> None:
    """Raises DataProblem for a number that Python's json takes and other decoders round or refuse."""

    def require_64_bits(digits: str) -> int:
        if len(digits) > len(str(INTEGER_RANGE.stop)) + 1 or int(digits) not in INTEGER_RANGE:
            raise ValueError(digits)
        return 0

    def require_finite(digits: str) -> float:
        if not math.isfinite(float(digits)):
            raise ValueError(digits)
        return 0.0

    try:
        json.loads(line, parse_int=require_64_bits, parse_float=require_finite)
    except RecursionError:
        raise DataProblem(f"{name}, line {number} is nested too deeply", hint=line_problem.CHOOSE_HINT) from None
    except ValueError as error:
        excerpt = line_problem.shorten(str(error))
        raise DataProblem(
            f"{name}, line {number} has a number that readers take differently: {excerpt}",
            hint="correct or delete the line",
        ) from None
