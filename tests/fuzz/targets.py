"""The targets of the fuzzer: what generates inputs, and what checks one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

TARGETS = (
    "market_files",
    "archives",
    "corpora",
    "saved_runs",
    "journals",
    "worker_answers",
    "specs",
    "configuration",
    "exchange_api",
    "exchange_stream",
)
"""Modules beside this one with ``generate(seed, count)`` and ``check(data)``."""

CORPUS = Path(__file__).resolve().parents[1] / "data" / "fuzz_corpus"
"""Inputs that once failed, in a folder for each target."""


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of input: its seeded generator, and a check that returns the outcome of an input and raises whatever is wrong."""

    name: str
    generate: Callable[[int, int], Iterator[bytes]]
    check: Callable[[bytes], str]


def load_target(name: str) -> Target:
    """The target of this name. Raises KeyError for an unknown one."""
    if name not in TARGETS:
        raise KeyError(name)
    module = import_module(f"fuzz.{name}")
    return Target(name, module.generate, module.check)


def list_corpus(name: str) -> list[Path]:
    """The files of the corpus of a target."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())
