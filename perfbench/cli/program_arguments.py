"""Arguments of the user's own program: what stands after a bare ``--`` of a command that measures."""

from __future__ import annotations

from collections.abc import Sequence

import typer

PROGRAM_ARGUMENTS_KEY = "perfbench.program_arguments"
"""Key of the arguments of the program in Typer's context."""

MEASURING_COMMANDS = ("run", "compare", "gate", "profile", "sweep", "calibrate", "advise")
"""Commands whose ``--`` begins the arguments of a program; elsewhere it ends the options, as usual."""

SEPARATOR = "--"
OPTION_BEFORE_COMMAND = "--config"


def split_program_arguments(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The arguments of perfbench as they were typed, and those of the program."""
    if SEPARATOR not in arguments:
        return list(arguments), ()
    end = arguments.index(SEPARATOR)
    if _find_command(arguments[:end]) not in MEASURING_COMMANDS:
        return list(arguments), ()
    return list(arguments[:end]), tuple(arguments[end + 1 :])


def _find_command(arguments: Sequence[str]) -> str:
    """The first argument that is neither an option nor the value of the one option before a command; empty without one."""
    before = ("", *arguments)
    words = (word for word, previous in zip(arguments, before, strict=False) if previous != OPTION_BEFORE_COMMAND)
    return next((word for word in words if not word.startswith("-")), "")


def read_program_arguments(ctx: typer.Context) -> tuple[str, ...]:
    """The arguments of the program."""
    arguments: tuple[str, ...] = ctx.meta.get(PROGRAM_ARGUMENTS_KEY, ())
    return arguments
