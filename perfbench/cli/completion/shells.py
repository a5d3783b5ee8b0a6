"""The protocol of the shells: the words that bash, zsh and fish send, and the answers that they read.

The scripts that ``--show-completion`` prints are those of Typer; this module answers their calls in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perfbench.cli.completion.line import complete_words
from perfbench.cli.completion.lookups import Candidate

VARIABLE = "_PERFBENCH_COMPLETE"
"""The environment variable in which the script of a shell says what it wants: ``complete_bash``."""


def answer_shell(variables: Mapping[str, str]) -> tuple[str, int] | None:
    """The text for the shell and the exit code; None for what Typer answers, such as the script itself."""
    instruction, _, shell = variables.get(VARIABLE, "").partition("_")
    if instruction != "complete" or shell not in ("bash", "zsh", "fish"):
        return None
    words = _read_words(shell, variables)
    cut = len(words[-1]) - len(words[-1].rpartition("=")[2])  # bash completes what follows the sign
    try:
        candidates = complete_words(words)
    except Exception:  # a traceback in the middle of a line that is being typed helps nobody
        candidates = []
    if shell == "bash":
        return "\n".join(filter(None, (value[cut:] for value, _ in candidates))), 0
    if shell == "zsh":
        return _format_for_zsh(candidates), 0
    if variables.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return "", 0 if candidates else 1
    return "\n".join(f"{value}\t{text}" if text else value for value, text in candidates), 0


def _read_words(shell: str, variables: Mapping[str, str]) -> list[str]:
    """The words after the program's name, the last of which is completed; it may be empty."""
    if shell == "bash":
        words = variables.get("COMP_WORDS", "").split("\n")
        try:
            end = int(variables.get("COMP_CWORD", ""))
        except ValueError:
            return [""]
        return _join_assignments([*words[1 : max(0, end) + 1], *[""] * min(1, end + 1 - len(words))]) or [""]
    line = variables.get("_TYPER_COMPLETE_ARGS", "")
    words = _split_line(line)[1:]
    return words if words and not line.endswith(" ") else [*words, ""]


def _split_line(line: str) -> list[str]:
    """The words of a line that may end within quotation marks."""
    words: list[str] = []
    word, quote, begun = "", "", False
    for character in line:
        if quote:
            quote, word = ("", word) if character == quote else (quote, word + character)
        elif character in "'\"":
            quote, begun = character, True
        elif character.isspace():
            words += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + character, True
    return [*words, word] if begun else words


def _join_assignments(words: Sequence[str]) -> list[str]:
    """The words as they were typed: bash makes three of ``--export=json``."""
    joined: list[str] = []
    is_open = False
    for word in words:
        is_sign = bool(word) and not word.strip("=")
        if joined and (is_sign or is_open):
            joined[-1] += word
        else:
            joined.append(word)
        is_open = is_sign
    return joined


def _format_for_zsh(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return "_files"
    lines = (f'"{_escape(value)}"' + (f':"{_escape(text)}"' if text else "") for value, text in candidates)
    return "_arguments '*: :((" + "\n".join(lines) + "))'"


def _escape(text: str) -> str:
    for character, escaped in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", r"\\:")):
        text = text.replace(character, escaped)
    return text
