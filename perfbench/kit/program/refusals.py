"""Reasons to refuse a program, remembered: a program may catch an exception, and its strategies' are caught by flumine."""

from __future__ import annotations

from typing import List

from perfbench.worker.scenario_api import ProgramError

_first: List[ProgramError] = []


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
