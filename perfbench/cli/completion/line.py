"""The words of a command line, read as a command with its options and arguments, and what may come next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from perfbench.cli.completion.data import COMMANDS, GLOBAL_OPTIONS, WORDS
from perfbench.cli.completion.lookups import LOOKUPS, Candidate

CONFIG_OPTIONS = ("--config",)

LISTED_KINDS = ("mode", "column", "tool", "lever")
"""Kinds of values that may stand in one word, with commas between them."""


def complete_words(words: Sequence[str]) -> list[Candidate]:
    """What may come in place of the last word; nothing where only a file may."""
    *before, last = words or [""]
    command, rest = _find_command(before)
    if not command:
        if rest and rest[-1] in CONFIG_OPTIONS:
            return []
        if last.startswith("-"):
            return _filter(((name, text) for name, (_, text) in GLOBAL_OPTIONS.items()), last)
        return _filter(((name, str(entry["title"])) for name, entry in COMMANDS.items() if " " not in name), last)
    entry = COMMANDS[command]
    if "--" in rest:
        return []
    if entry["words"] and not any(not word.startswith("-") for word in rest):
        return _filter(((name.partition(" ")[2], str(COMMANDS[name]["title"])) for name in entry["words"]), last)
    line = CommandLine(entry, rest)
    kind, is_list = line.find_expected(last)
    if kind is None:
        return _filter(((name, text) for name, (_, _, text) in entry["options"].items()), last)
    return _complete_value(kind, last, line, is_list=is_list)


def _find_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command among these words, and the words after it; without a command all words."""
    place = 0
    while place < len(words) and (words[place].startswith("-") or (place and words[place - 1] in CONFIG_OPTIONS)):
        place += 1
    if place == len(words) or words[place] not in COMMANDS:
        return "", list(words)
    name, rest = words[place], list(words[place + 1 :])
    nested = f"{name} {rest[0]}" if rest else ""
    return (nested, rest[1:]) if nested in COMMANDS else (name, rest)


class CommandLine:
    """The words after a command, read as its options and arguments."""

    def __init__(self, entry: Mapping[str, Any], words: Sequence[str]) -> None:
        self._options: Mapping[str, tuple[str, int, str]] = entry["options"]
        self._kinds: Sequence[str] = entry["arguments"]
        self.values: dict[str, list[str]] = {}
        self.arguments: list[str] = []
        self._open = ""
        self._missing = 0
        for word in words:
            self._read(word)

    def _read(self, word: str) -> None:
        if self._missing:
            self.values.setdefault(self._open, []).append(word)
            self._missing -= 1
            return
        name, is_assigned, value = word.partition("=")
        if name not in self._options:
            self.arguments.append(word)
        elif is_assigned:
            self.values.setdefault(name, []).append(value)
        else:
            self._open, self._missing = name, self._options[name][1]

    def find_expected(self, last: str) -> tuple[str | None, bool]:
        """The kind of value that comes next, and whether several may stand there with commas; None: an option."""
        if self._missing:
            return self._options[self._open][0], True
        name, is_assigned, _ = last.partition("=")
        if is_assigned and name in self._options:
            return self._options[name][0], True
        if last.startswith("-"):
            return None, False
        place = min(len(self.arguments), len(self._kinds) - 1)
        return (self._kinds[place] if self._kinds else "file"), False


def _complete_value(kind: str, last: str, line: CommandLine, *, is_list: bool) -> list[Candidate]:
    option, is_assigned, value = last.partition("=") if last.startswith("--") else ("", "", last)
    front = f"{option}{is_assigned}"
    if kind.startswith("choice:"):
        words: Iterable[Candidate] = ((word, "") for word in kind.partition(":")[2].split("|"))
    elif kind in WORDS:
        words = ((word, "") for word in WORDS[kind])
    else:
        words = LOOKUPS[kind](line) if kind in LOOKUPS else ()
    head, comma, tail = value.rpartition(",") if is_list and kind in LISTED_KINDS else ("", "", value)
    sign = tail[:1] if kind == "column" and tail[:1] in ("+", "-") else ""
    taken = head.split(",")
    fresh = ((word, text) for word, text in words if word not in taken)
    return [(f"{front}{head}{comma}{sign}{word}", text) for word, text in _filter(fresh, tail[len(sign) :])]


def _filter(candidates: Iterable[Candidate], start: str) -> list[Candidate]:
    return [(value, text) for value, text in candidates if value.startswith(start)]
