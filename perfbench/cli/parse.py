"""Values of options: durations, shares, sizes, lists and assignments, in one grammar for flags, variables and files.

A parser raises ``ValueProblem``, which names neither the option nor where its value comes from; whoever calls it does.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import typer

from perfbench.errors import UsageProblem

Parsed = TypeVar("Parsed")

ENVIRONMENT_NAMES_KEY = "perfbench.environments"

NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DURATION_PATTERN = re.compile(rf"([+-]?{NUMBER})\s*(us|µs|ms|s|min|m|h|d|)")
SHARE_PATTERN = re.compile(rf"({NUMBER})\s*(%?)")
SIZE_PATTERN = re.compile(rf"({NUMBER})\s*([kKMG]i?B|B)")

UNIT_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
UNIT_BYTES = {"B": 1, "k": 1000, "K": 1000, "M": 1000**2, "G": 1000**3}
BINARY_BYTES = {"k": 1024, "K": 1024, "M": 1024**2, "G": 1024**3}

MAX_SECONDS = 1e9
"""About 32 years: the limit of every duration, which the waits of the operating system can bear."""


class ValueProblem(ValueError):
    """A value that cannot be used: ``cause`` follows the option and the value, ``hint`` says what to write."""

    def __init__(self, cause: str, hint: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint


class InvalidValue(typer.BadParameter):
    """A ValueProblem on its way through Typer, which adds the option."""

    def __init__(self, text: str, problem: ValueProblem) -> None:
        super().__init__(f"{text}: {problem.cause}" if text else problem.cause)
        self.hint = problem.hint


def read_environment_names(ctx: typer.Context) -> tuple[tuple[str, str], ...]:
    """The environment names in the configuration, each with its spec."""
    names: tuple[tuple[str, str], ...] = ctx.meta.get(ENVIRONMENT_NAMES_KEY, ())
    return names


def parse_option(option: str, text: str, parser: Callable[[str], Parsed]) -> Parsed:
    """The value of an option. Raises UsageProblem, which names the option and the text."""
    try:
        return parser(text)
    except ValueProblem as problem:
        raise UsageProblem(f"{option} {text}: {problem.cause}", hint=problem.hint) from None


def build_type(parser: Callable[[str], Parsed]) -> Callable[[str | Parsed], Parsed]:
    """A parser for an option of Typer, which also passes the default through it."""

    def convert(value: str | Parsed) -> Parsed:
        if not isinstance(value, str):
            return value
        try:
            return parser(value)
        except ValueProblem as problem:
            raise InvalidValue(value, problem) from None

    return convert


def build_duration_parser(
    bare: str = "", *, minimum: float = 0.0, signed: bool = False, examples: str = "20ms, 1.5s or 2m"
) -> Callable[[str], float]:
    """A parser of durations to seconds.

    :param bare: the unit of a number without one, such as ``s``; empty if a unit is required.
    :param minimum: in seconds; a ``signed`` duration has none.
    """

    def parse(text: str) -> float:
        match = DURATION_PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueProblem("not a duration", f"write {examples}")
        unit = match[2] or bare
        if not unit and float(match[1]) != 0:
            raise ValueProblem("a duration needs a unit", f"write {text.strip()}ms or {text.strip()}s")
        seconds = float(match[1]) * UNIT_SECONDS.get(unit, 1.0)
        if not signed and seconds < minimum:
            raise ValueProblem("too short", f"write {format_duration(minimum)} or more")
        if not abs(seconds) <= MAX_SECONDS:
            raise ValueProblem("too long", f"write {examples}")
        return seconds

    return parse


def format_duration(seconds: float) -> str:
    """``10s``, ``50ms``: as it is typed."""
    return f"{seconds:g}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:g}ms"


def build_share_parser(minimum: float = 0.0, maximum: float = math.inf) -> Callable[[str], float]:
    """A parser of shares: 0.05 for ``5%`` and for ``0.05``; above 1 only as a percentage, because 5 may mean either."""

    def parse(text: str) -> float:
        match = SHARE_PATTERN.fullmatch(text.strip())
        share = math.nan if match is None else float(match[1]) / (100 if match[2] else 1)
        if match is None or not math.isfinite(share) or (share > 1 and not match[2]):
            raise ValueProblem("not a share", "write a share such as 5% or 0.05")
        if not minimum <= share <= maximum:
            raise ValueProblem("out of range", f"write a share from {100 * minimum:g}% to {100 * maximum:g}%")
        return share

    return parse


def parse_size(text: str) -> float:
    """Bytes of ``200MB``, ``1.5GB`` or ``64MiB``. Raises ValueProblem."""
    match = SIZE_PATTERN.fullmatch(text.strip())
    if match is None or not math.isfinite(float(match[1])):
        raise ValueProblem("not a size", "write a size such as 200MB")
    units = BINARY_BYTES if "i" in match[2] else UNIT_BYTES
    return float(match[1]) * units[match[2][0]]


def split_commas(text: str) -> list[str]:
    """The items of ``a,b``; an item in double quotes may contain commas. Raises ValueProblem."""
    try:
        items = [item.strip() for item in next(csv.reader([text], skipinitialspace=True, strict=True), [])]
    except csv.Error:
        raise ValueProblem("its quotation marks do not match", 'write "a,b" around an item with a comma') from None
    if not all(items) or not items:
        raise ValueProblem("an item is empty", "write items separated by commas, such as a,b")
    return items


def split_names(text: str) -> list[str]:
    """The names of a list. Raises ValueProblem."""
    return split_commas(text)


def split_specs(text: str) -> list[str]:
    """The environment specs of a list: the commas of ``flumine>=2,<3`` and ``package[a,b]`` separate nothing."""
    specs: list[str] = []
    for item in split_commas(text):
        if specs and (specs[-1].count("[") > specs[-1].count("]") or item[0] in "<>=!~"):
            specs[-1] += f",{item}"
        else:
            specs.append(item)
    return specs


def split_paths(text: str) -> list[str]:
    """The paths of a list; the path of a file that exists is one, whatever commas it has. Raises ValueProblem."""
    try:
        exists = os.path.lexists(text)
    except ValueError:
        exists = True  # a NUL: whoever opens it says so
    return [text] if exists else split_commas(text)


def split_assignments(text: str) -> list[str]:
    """The items of ``NAME=VALUE,NAME=VALUE``; what follows a comma without a NAME= belongs to the value before it."""
    items: list[str] = []
    for item in split_commas(text):
        if items and not re.match(r"[\w/.-]+=", item):
            items[-1] += f",{item}"
        else:
            items.append(item)
    return items


def keep_whole(text: str) -> list[str]:
    """A list of this one value, in which a comma has no meaning of its own. Raises ValueProblem for an empty one."""
    if not text.strip():
        raise ValueProblem("an item is empty", "write a value, or leave the option out")
    return [text]


def build_list_callback(split: Callable[[str], list[str]]) -> Callable[[list[str] | None], list[str] | None]:
    """A callback for a repeatable option of Typer, each of whose values may be a list itself."""

    def collect(values: list[str] | None) -> list[str] | None:
        items: list[str] = []
        for value in values or ():
            try:
                items += split(str(value))
            except ValueProblem as problem:
                raise InvalidValue(str(value), problem) from None
        return items or None

    return collect


names_of = build_list_callback(split_names)
specs_of = build_list_callback(split_specs)
paths_of = build_list_callback(split_paths)
assignments_of = build_list_callback(split_assignments)
values_of = build_list_callback(keep_whole)


def folders_of(values: list[Path] | None) -> list[Path] | None:
    """A callback for a repeatable option of folders, each of whose values may be a list itself."""
    return list(map(Path, paths_of(list(map(str, values or ()))) or ())) or None


def join_columns(names: Sequence[str] | None) -> str:
    """The text of ``--columns``; without one the usual columns."""
    return ",".join(names or ("+",))


def parse_assignment(option: str, text: str) -> tuple[str, str]:
    """Name and value of ``NAME=VALUE``. Raises UsageProblem."""
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value):
        raise UsageProblem(f"{option} {text}: not an assignment", hint="write NAME=VALUE")
    return name.strip(), value


def parse_assignments(option: str, texts: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Names and values of a repeatable option. Raises UsageProblem, also for a name with two values."""
    values: dict[str, str] = {}
    for name, value in (parse_assignment(option, text) for text in texts or ()):
        if values.setdefault(name, value) != value:
            raise UsageProblem(
                f"{option} {name}: two values, {values[name]} and {value}", hint="use --sweep to measure both"
            )
    return tuple(values.items())


def parse_sweeps(texts: Sequence[str] | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names and lists of values of ``--sweep``; a name that is repeated has the values of all. Raises UsageProblem."""
    values: dict[str, list[str]] = {}
    for text in texts or ():
        name, listed = parse_assignment("--sweep", text)
        values.setdefault(name, []).extend(parse_option(f"--sweep {name}", listed, split_commas))
    return tuple((name, tuple(dict.fromkeys(items))) for name, items in values.items())
