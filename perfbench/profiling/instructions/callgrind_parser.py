"""Parser of callgrind output: own instructions of each function, and calls.

Format: "Callgrind Format Specification" (https://valgrind.org/docs/manual/cl-format.html). Files and objects are left out:
functions are distinguished by their names alone, those without a symbol by their address. All levels of a recursion are one
function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from perfbench.errors import TrialFailed

INSTRUCTION_EVENT = "Ir"
"""Callgrind's event of an executed instruction."""

COMPRESSED_NAME_PATTERN = re.compile(r"\((\d+)\)(?: (.*))?")
"""A name is written once, with a number that stands for it later ("Name Compression")."""

RECURSION_PATTERN = re.compile(r"'\d+$")
"""Behind the name of a function that is called while it runs already ("Recursion Level")."""


@dataclass(frozen=True, slots=True)
class FunctionNode:
    """A function, by the name that callgrind has for it, and the instructions that it executed itself."""

    name: str
    instructions: int


@dataclass(frozen=True, slots=True)
class CallArc:
    """All calls of one function by another one, and their instructions including all callees."""

    caller: str
    callee: str
    calls: int
    instructions: int


@dataclass(frozen=True, slots=True)
class CallgrindCounts:
    """All that a file counts."""

    total: int
    nodes: tuple[FunctionNode, ...]
    arcs: tuple[CallArc, ...]


def parse_counts(text: str) -> CallgrindCounts:
    """The counts of a file of callgrind. Raises TrialFailed if it counts no instructions or is no such file."""
    reading = _ParserState()
    try:
        for line in text.splitlines():
            reading.take(line)
    except (ValueError, KeyError, IndexError) as error:
        raise TrialFailed(f"callgrind output cannot be parsed: {line[:80]!r}") from error
    if reading.total == 0:
        raise TrialFailed("callgrind counted nothing")
    nodes = tuple(FunctionNode(name, own) for name, own in reading.own.items())
    arcs = tuple(CallArc(*pair, calls, spent) for pair, (calls, spent) in reading.arcs.items())
    return CallgrindCounts(reading.total, nodes, arcs)


@dataclass(slots=True)
class _ParserState:
    """The state of the parser between lines."""

    total: int = 0
    own: dict[str, int] = field(default_factory=dict)
    arcs: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    positions: int = 1
    event: int = 0
    function: str = ""
    callee: str = ""
    calls: int | None = None

    def take(self, line: str) -> None:
        """One more line. Raises ValueError, KeyError or IndexError if it means nothing."""
        if line[:1] in set("0123456789+-*"):
            self._cost(line.split()[self.positions :])
            return
        key, equals, value = line.partition("=")
        if equals and ":" not in key:
            self._body(key, value)
        else:
            self._header(*line.partition(":")[::2])

    def _body(self, key: str, value: str) -> None:
        if key == "fn":
            self.function = self._name(value)
            self.own.setdefault(self.function, 0)
        elif key == "cfn":
            self.callee = self._name(value)
        elif key == "calls":
            self.calls = int(value.split(maxsplit=1)[0])

    def _header(self, key: str, value: str) -> None:
        words = value.split()
        if key == "positions":
            self.positions = len(words)
        elif key == "events":
            self.event = words.index(INSTRUCTION_EVENT)
        elif key in {"summary", "totals"} and len(words) > self.event:
            self.total = self.total or int(words[self.event])

    def _name(self, value: str) -> str:
        match = COMPRESSED_NAME_PATTERN.fullmatch(value)
        if match is None:
            return RECURSION_PATTERN.sub("", value)
        if match[2] is not None:
            self.names[match[1]] = RECURSION_PATTERN.sub("", match[2])
        return self.names[match[1]]

    def _cost(self, costs: list[str]) -> None:
        """Costs that are left out at the end are zero, those of a jump all of them."""
        spent = int(costs[self.event]) if len(costs) > self.event else 0
        if self.calls is None:
            self.own[self.function] += spent
            return
        pair = self.function, self.callee
        calls, before = self.arcs.get(pair, (0, 0))
        self.arcs[pair] = calls + self.calls, before + spent
        self.calls = None
