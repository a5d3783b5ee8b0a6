"""Parsers of option values of the exchange: durations, shares, speeds, users and faults.

All of them raise UsageProblem with the option and an example.
"""

from __future__ import annotations

import math

from perfbench.cli import parse
from perfbench.errors import UsageProblem
from perfbench.exchange.api.fault_injection import DEFAULT_FAULT_KINDS, FAULT_KINDS
from perfbench.exchange.network.round_trip import MAX_ROUND_TRIP
from perfbench.util.suggest import suggest_name

MAX_SPEED = "max"
OFFSET = parse.build_duration_parser(signed=True, examples="-1800s, -30m or 2h")
DURATION = parse.build_duration_parser()
SHARE = parse.build_share_parser(maximum=1.0)


def parse_offset(option: str, text: str) -> float:
    """Parse a signed offset such as ``-30m``, ``2h`` or ``1.5s`` to seconds."""
    return parse.parse_option(option, text, OFFSET)


def parse_duration(option: str, text: str) -> float:
    """Parse a duration with its unit to seconds: ``20`` may be meant as milliseconds."""
    return parse.parse_option(option, text, DURATION)


def parse_round_trip(option: str, text: str) -> float:
    """Parse a round-trip time to seconds; longer than MAX_ROUND_TRIP is refused, because nobody would wait for an answer."""
    seconds = parse_duration(option, text)
    if seconds > MAX_ROUND_TRIP:
        raise UsageProblem(
            f"{option} {text}: longer than the exchange waits for an answer", hint=f"write {MAX_ROUND_TRIP:g}s or less"
        )
    return seconds


def parse_time_range(option: str, text: str | None) -> tuple[float, float] | None:
    """Parse ``10s..20s`` to seconds."""
    if text is None:
        return None
    begin, dots, end = text.partition("..")
    if not dots:
        raise UsageProblem(f"{option} {text}: not a range", hint="write a range such as 10s..20s")
    first, last = parse_duration(option, begin), parse_duration(option, end)
    if first >= last:
        raise UsageProblem(f"{option} {text}: ends before it begins", hint="write a range such as 10s..20s")
    return first, last


def parse_share(option: str, text: str) -> float:
    """Parse a share such as ``10%`` or ``0.1``."""
    return parse.parse_option(option, text, SHARE)


def parse_speed(option: str, text: str) -> float:
    """Parse a speed; ``max`` is infinite."""
    if text == MAX_SPEED:
        return math.inf
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise UsageProblem(f"{option} {text}: not a speed", hint=f"write a positive number such as 60, or {MAX_SPEED}")
    return number


def parse_fault_kinds(names: list[str] | None) -> tuple[str, ...]:
    """Parse the names of faults; without names the default ones."""
    for name in names or ():
        if name not in FAULT_KINDS:
            raise UsageProblem(
                f"--fault {name}: no fault of that name{suggest_name(name, FAULT_KINDS, list_all=False)}",
                hint=f"choose {', '.join(FAULT_KINDS)}",
            )
    return tuple(names or DEFAULT_FAULT_KINDS)


def parse_users(values: list[str] | None) -> dict[str, str] | None:
    """Parse NAME:PASSWORD values to passwords by name; None if there are none."""
    passwords: dict[str, str] = {}
    for text in values or ():
        name, colon, password = text.partition(":")
        if not (name and colon and password):
            raise UsageProblem("--user: not a name and a password", hint="write NAME:PASSWORD")
        if passwords.get(name, password) != password:
            raise UsageProblem(f"--user {name}: has two passwords", hint="name each user once")
        passwords[name] = password
    return passwords or None
