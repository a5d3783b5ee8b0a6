"""What tells whether a process on another machine sees the same files, and has the same perfbench."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from perfbench import __version__
from perfbench.model import MeasuringMachine
from perfbench.runner import machine, worker_process
from perfbench.util import paths

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class MachineIdentity:
    """A machine that measures, and the fingerprint of the files that it sees."""

    described: MeasuringMachine
    fingerprint: str


def identify_machine(name: str = "") -> MachineIdentity:
    """The identity of this machine; its name is that of the host unless one is given."""
    facts = machine.describe_machine(worker_process.CAN_PIN)
    return MachineIdentity(MeasuringMachine(name or socket.gethostname(), facts), compute_fingerprint())


def compute_fingerprint() -> str:
    """A digest that two processes share if they see the same files: the same kernel, installation and cache.

    Two containers of one machine see other files, and so do two installations.
    """
    kernel = machine.read_text(BOOT_ID) or platform.node()
    cached = paths.cache_folder()
    status = os.stat(paths.PACKAGE_FOLDER)
    seen = (kernel, str(paths.PACKAGE_FOLDER), status.st_dev, status.st_ino, str(cached.resolve()))
    return hashlib.sha256(repr(seen).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def compute_code_digest() -> str:
    """The version of perfbench and a SHA-256 of its modules: only equal ones measure one survey."""
    digest = hashlib.sha256()
    for file in sorted(paths.PACKAGE_FOLDER.rglob("*.py")):
        name = file.relative_to(paths.PACKAGE_FOLDER).as_posix()
        if not name.startswith("bundled/"):
            digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"{__version__} {digest.hexdigest()}"
