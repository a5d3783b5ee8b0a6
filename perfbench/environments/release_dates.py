"""Dates of releases, as the package index states them for the files of a release (PEP 700, ``upload-time``)."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from perfbench.environments import uv
from perfbench.errors import EnvironmentProblem


def find_release_date(name: str, version: str, python: str) -> str:
    """The day of the first file of a release, as year-month-day; empty if the index does not say or cannot be reached.

    :param python: path of an interpreter for which the release exists.
    """
    with tempfile.TemporaryDirectory(prefix="perfbench-") as workspace:
        requirements = Path(workspace, "requirements.txt")
        requirements.write_text(f"{name}=={version}\n", encoding="utf-8")
        options = ("--quiet", "--no-deps", "--python", python, "--format", "pylock.toml")
        try:
            result = uv.run_uv("pip", "compile", str(requirements), *options)
        except EnvironmentProblem:
            return ""
    return parse_first_upload(result.out) if not result.code else ""


def parse_first_upload(lock: str) -> str:
    """The earliest day in a lock file of one package (PEP 751), as year-month-day; empty without a time."""
    (package,) = msgspec.toml.decode(lock)["packages"]
    files: list[dict[str, Any]] = [package.get("sdist", {}), *package.get("wheels", ())]
    times = [file["upload-time"] for file in files if isinstance(file.get("upload-time"), datetime)]
    return min(times).date().isoformat() if times else ""
