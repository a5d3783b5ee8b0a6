"""Made-up ``proc`` and ``sys`` folders."""

from __future__ import annotations

from pathlib import Path

STAT = "cpu  9 9 9 9 9 9 9 9 0 0\n{}intr 1 2 3\nctxt 5\n"


def write(root: Path, **files: str) -> None:
    """Files below ``root``; in their names ``__`` stands for a slash and ``_DOT_`` for a dot."""
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def write_stat(root: Path, *cores: str) -> None:
    write(root, proc__stat=STAT.format("".join(f"cpu{number} {ticks} 0 0\n" for number, ticks in enumerate(cores))))
