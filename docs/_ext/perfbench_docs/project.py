"""Places of the project: folders of the checkout, and addresses on the web."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
RESULTS = ROOT / "results"
README = ROOT / "README.md"

REPOSITORY = "https://github.com/betfair-perfbench/perfbench"
BLOB = f"{REPOSITORY}/blob/main/"
"""Files and folders of the repository, as pages for people to read."""

RAW = "https://raw.githubusercontent.com/betfair-perfbench/perfbench/main/"
"""Files of the repository as they are: pictures, and pages for programs."""

GENERATED_FOLDERS = ("advice", "gallery")
"""Folders of ``docs`` whose pages are written when the site is built; they are not in the repository."""
