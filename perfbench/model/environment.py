"""Environments, packages, checkouts and the machine."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.util import formatting
from perfbench.worker.pass_messages import Package


@dataclass(frozen=True, slots=True)
class Checkout:
    """A source folder from which a snapshot was built: its commit (empty outside git), and whether it was modified."""

    path: str
    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter and its installed packages.

    ``name`` is the spec as the user wrote it, ``python`` the path of the interpreter, ``version`` its Python version.
    ``packages`` are all installed distributions; ``demanded`` are names and versions that a worker must import.
    ``recipe`` names how it was resolved, empty where nothing was. ``build`` is ``t`` for a Python without the GIL, ``pypy`` for
    PyPy, else empty. ``variables`` and ``flags`` are those that the interpreter is started with.
    """

    name: str
    python: str
    version: str = ""
    packages: tuple[Package, ...] = ()
    demanded: tuple[tuple[str, str], ...] = ()
    recipe: str = ""
    sources: tuple[Checkout, ...] = ()
    build: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def named_packages(self) -> tuple[tuple[str, str], ...]:
        """Names and versions of the packages that the spec and the needs name: releases first, then checkouts, then needs."""
        return self.demanded


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that measured, as saved with a run."""

    system: str
    cpu: str
    cores: int
    memory_bytes: int
    python: str
    load: float
    pinned: bool


def describe_processor(machine: Machine) -> str:
    """``AMD EPYC, 2 cores``."""
    return f"{machine.cpu}, {formatting.format_plural(machine.cores, 'core')}"


__all__ = ["Checkout", "Environment", "Machine", "Package", "describe_processor"]
