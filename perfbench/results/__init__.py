"""Saved runs on disk: an append-only journal while measuring, one JSON document afterwards.

Loads, finds, merges; computes nothing. It is also the name of the Python API, ``perfbench.results.load`` and what it returns, which
``perfbench.report.frames`` implements and which is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perfbench.report.frames.public import ComparisonRow, Rows, Run, SampleRow, TotalRow, load

__all__ = ["ComparisonRow", "Rows", "Run", "SampleRow", "TotalRow", "load"]


def __getattr__(name: str) -> Any:
    """A name of the Python API; commands that load modules of this package do not pay for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from perfbench.report.frames import public  # noqa: PLC0415 - see above

    return getattr(public, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
