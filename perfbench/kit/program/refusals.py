"""Reasons to refuse a program, remembered: a program may catch an exception, and its strategies' are caught by flumine."""

from __future__ import annotations

from typing import List

from perfbench.worker.scenario_api import ProgramError

CHANGE_HINT = "write a new file, by a relative path or in tempfile.gettempdir()"

_first: List[ProgramError] = []


def build_refusal(path: str, place: str = "") -> ProgramError:
    """The error of a program that would change a file of the user's.

    :param place: where in its own files it would, such as `` at my_backtest.py:12``.
    """
    return ProgramError("changes {}{}: perfbench changes none of your files".format(path, place), CHANGE_HINT)


def refuse(error: ProgramError) -> ProgramError:
    """Remember an error for the end of the program's run, if it is the first; returns it to be raised."""
    if not _first:
        _first.append(error)
    return error


def raise_remembered() -> None:
    """Raise the first error that was remembered, if there is one, and forget it."""
    if _first:
        raise _first.pop()


def forget_refusals() -> None:
    """Forget the errors of an earlier run."""
    _first.clear()
