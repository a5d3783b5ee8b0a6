"""Parsers of option values of the exchange: durations, shares, speeds, users and faults.

All of them raise UsageProblem with the option and an example.
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
    """Parse a signed offset such as ``-30m``, ``2h`` or ``1.5s`` to seconds."""
    return _parse_seconds(option, text, -math.inf, "-1800s, -30m or 2h")


def parse_duration(option: str, text: str) -> float:
    """Parse a duration to seconds."""
    return _parse_seconds(option, text, 0.0, "20ms or 1.5s")


def _parse_seconds(option: str, text: str, minimum: float, examples: str) -> float:
    match = DURATION_PATTERN.fullmatch(text.strip())
    number = float(match[1]) * UNIT_SECONDS[match[2]] if match else math.nan
    if not number >= minimum:
        raise UsageProblem(f"{option} {text}: expected a duration such as {examples}")
    return number


def parse_time_range(option: str, text: str | None) -> tuple[float, float] | None:
    """Parse ``10s..20s`` to seconds."""
    if text is None:
        return None
    begin, dots, end = text.partition("..")
    if not dots:
        raise UsageProblem(f"{option} {text}: expected a range such as 10s..20s")
    return parse_duration(option, begin), parse_duration(option, end)


def parse_share(option: str, text: str) -> float:
    """Parse a share such as ``10%`` or ``0.1``."""
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise UsageProblem(f"{option} {text}: expected a share such as 10% or 0.1")
    return number


def parse_speed(option: str, text: str) -> float:
    """Parse a speed; ``max`` is infinite."""
    if text == MAX_SPEED:
        return math.inf
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise UsageProblem(f"{option} {text}: expected a positive number such as 60, or {MAX_SPEED}")
    return number


def parse_fault_kinds(names: list[str] | None) -> tuple[str, ...]:
    """Parse the names of faults; without names the default ones."""
    for name in names or ():
        if name not in FAULT_KINDS:
            raise UsageProblem(f"--fault {name}: choose {', '.join(FAULT_KINDS)}{suggest_name(name, FAULT_KINDS)}")
    return tuple(names or DEFAULT_FAULT_KINDS)


def parse_users(values: list[str] | None) -> dict[str, str] | None:
    """Parse NAME:PASSWORD values to passwords by name; None if there are none."""
    passwords = {}
    for text in values or ():
        name, colon, password = text.partition(":")
        if not (name and colon and password):
            raise UsageProblem("--user: expected NAME:PASSWORD")
        passwords[name] = password
    return passwords or None
