"""Environments, packages, checkouts and the machine."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.util import formatting


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution: its name, its version, and the file that a worker really imported (empty if nobody did)."""

    name: str
    version: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder of sources of which a snapshot was built: its commit (empty outside git), and whether it had changes on top."""

    path: str
    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter and what is installed there.

    ``name`` is the spec as the user wrote it, ``python`` the path of the interpreter, ``version`` that of its Python.
    ``packages`` is all that is installed; ``demanded`` are names and versions of which a worker may import no other.
    ``recipe`` says how it was resolved, empty where nothing was.
    """

    name: str
    python: str
    version: str = ""
    packages: tuple[Package, ...] = ()
    demanded: tuple[tuple[str, str], ...] = ()
    recipe: str = ""
    sources: tuple[Checkout, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """What is worth keeping of the machine that measured."""

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
