"""Write the tables of kept runs and the help of commands into README.md: ``make headline`` and ``make golden`` call it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"(<!-- (shown|help|calibration|profile|verdicts): (\S+) -->\n```text\n).*?(^```$)", re.MULTILINE | re.DOTALL
)

SHOWN = (0, 6)
"""Exit codes of a run that is shown: other readers whose output differs are in README too."""


def text_of(kind: str, name: str) -> str:
    """What is to stand in a block: a kept run as perfbench shows it, or the help of a command."""
    if kind == "help":
        return (ROOT / "tests" / "data" / "golden" / f"help-{name}.txt").read_text(encoding="utf-8")
    kept = ROOT / "results"
    words = {
        "shown": ["show", kept / f"{name}.json"],
        "calibration": ["calibrate", "--show", kept / f"{name}.json"],
        "profile": ["profile", "--show", kept / f"{name}.profile.json"],
        "verdicts": ["scenarios", "--verdicts", "--results", kept],
    }[kind]
    command = [sys.executable, "-m", "perfbench", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, cwd=ROOT)
    if done.returncode not in SHOWN:
        raise SystemExit(done.stderr)
    return done.stdout


def main() -> None:
    """Replace every marked block."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(
        BLOCK.sub(lambda found: found[1] + text_of(found[2], found[3]) + found[4], text), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
