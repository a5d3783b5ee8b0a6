"""What people write of an exchange, as numbers: times, shares, speeds, who may log in, and how calls fail.

Everything here raises UsageProblem with the option and an example if it cannot be read.
"""

from __future__ import annotations

import math
import re

from perfbench.errors import UsageProblem
from perfbench.exchange.api.fault_injection import DEFAULT_FAULT_KINDS, FAULT_KINDS
from perfbench.util.suggest import suggest_name

DURATION_PATTERN = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(ms|s|m|h|)")
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
MAX_SPEED = "max"


def parse_offset(option: str, text: str) -> float:
    """Seconds of ``-30m``, ``2h``, ``1.5s``."""
    return _parse_seconds(option, text, -math.inf, "-1800s, -30m or 2h")


def parse_duration(option: str, text: str) -> float:
    """Seconds, not below 0."""
    return _parse_seconds(option, text, 0.0, "20ms or 1.5s")


def _parse_seconds(option: str, text: str, least: float, examples: str) -> float:
    found = DURATION_PATTERN.fullmatch(text.strip())
    number = float(found[1]) * UNIT_SECONDS[found[2]] if found else math.nan
    if not number >= least:
        raise UsageProblem(f"{option} {text}: write a time such as {examples}")
    return number


def parse_time_range(option: str, text: str | None) -> tuple[float, float] | None:
    """Seconds from and until of ``10s..20s``."""
    if text is None:
        return None
    begin, dots, end = text.partition("..")
    if not dots:
        raise UsageProblem(f"{option} {text}: write two times such as 10s..20s")
    return parse_duration(option, begin), parse_duration(option, end)


def parse_share(option: str, text: str) -> float:
    """0.1 of ``10%`` and of ``0.1``."""
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise UsageProblem(f"{option} {text}: write a share such as 10% or 0.1")
    return number


def parse_speed(option: str, text: str) -> float:
    """How many times as fast as the clock; infinite for ``max``."""
    if text == MAX_SPEED:
        return math.inf
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise UsageProblem(f"{option} {text}: write a number above 0 such as 60, or {MAX_SPEED}")
    return number


def parse_fault_kinds(names: list[str] | None) -> tuple[str, ...]:
    """The kinds of faults; the usual ones if none is named."""
    for name in names or ():
        if name not in FAULT_KINDS:
            raise UsageProblem(f"--fault {name}: choose {', '.join(FAULT_KINDS)}{suggest_name(name, FAULT_KINDS)}")
    return tuple(names or DEFAULT_FAULT_KINDS)


def parse_users(said: list[str] | None) -> dict[str, str] | None:
    """Passwords by name; None if nobody is named."""
    found = {}
    for text in said or ():
        name, colon, password = text.partition(":")
        if not (name and colon and password):
            raise UsageProblem("--user: write NAME:PASSWORD")
        found[name] = password
    return found or None
