"""Import the big packages that a program uses before its pass, which is to be about its own work."""

from __future__ import annotations

import importlib
from contextlib import suppress

from perfbench.worker.program_source import ProgramSource

PACKAGES = ("betfairlightweight", "flumine")
"""flumine changes the books of betfairlightweight, so that it is imported only for a program that names it."""


def preload_packages(source: ProgramSource) -> None:
    """Import those packages that the files of a program name; one that is missing is left for the program to import."""
    for package in PACKAGES:
        if source.mentions(package):
            with suppress(ImportError):
                importlib.import_module(package)
