"""Regenerate the blocks of README.md and of pages in docs: saved runs and the help of commands. ``make golden`` calls it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"(<!-- (shown|help|calibration|profile|verdicts|advice): (\S+) -->\n```text\n).*?(^```$)", re.MULTILINE | re.DOTALL
)

SHOWN = (0, 6)
"""Accepted exit codes: the tables of other readers have outputs that differ."""


def text_of(kind: str, name: str) -> str:
    """The text of a block: a saved run as perfbench shows it, or the help of a command."""
    if kind == "help":
        return (ROOT / "tests" / "data" / "golden" / f"help-{name}.txt").read_text(encoding="utf-8")
    results = ROOT / "results"
    words = {
        "shown": ["show", results / f"{name}.json"],
        "calibration": ["calibrate", "--show", results / f"{name}.json"],
        "profile": ["profile", "--show", results / f"{name}.profile.json"],
        "advice": ["show", results / f"{name}.advice.json"],
        "verdicts": ["scenarios", "--verdicts", "--results", results],
    }[kind]
    command = [sys.executable, "-m", "perfbench", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, cwd=ROOT)
    if done.returncode not in SHOWN:
        raise SystemExit(done.stderr)
    return done.stdout


def main() -> None:
    """Replace every marked block."""
    for page in (ROOT / "README.md", *(ROOT / "docs" / name for name in ("advise.md", "corpora.md"))):
        text = page.read_text(encoding="utf-8")
        page.write_text(
            BLOCK.sub(lambda block: block[1] + text_of(block[2], block[3]) + block[4], text), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
