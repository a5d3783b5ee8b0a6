"""The real command line, as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
SCENARIOS = HERE / "data" / "scenarios"
KEPT = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH")
QUICK = ("--quiet", "--quick", "--rounds", "1")


SHARED_CACHE = "CACHE_OF_SCENARIO_TESTS"
"""Names the cache of a test file that shares one with others; without it every folder has its own."""


def variables(folder: Path, **more: str) -> dict[str, str]:
    """A clean environment whose temporary files stay in this folder, and its cache if it is not shared."""
    (folder / "tmp").mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        "PERFBENCH_CACHE": os.environ.get(SHARED_CACHE) or str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def perfbench(
    *arguments: object, folder: Path, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """``perfbench …`` called in a folder; its output is UTF-8 and never wrapped."""
    return subprocess.run(
        [sys.executable, "-m", "perfbench", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env=variables(folder, **(env or {})),
        timeout=timeout,
        check=False,
    )


def measured(
    scenario: str, *arguments: object, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``perfbench run`` with one of the test scenarios, two rounds unless told otherwise."""
    rounds = () if any(str(argument) in ("--rounds", "--max-time") for argument in arguments) else QUICK
    return perfbench("run", scenario, "--scenarios", SCENARIOS, *rounds, *arguments, folder=folder, env=env)


def without(market: Path, path: Path, *fields: str) -> None:
    """Write the market without these fields of its runners."""
    lines = []
    for text in market.read_text(encoding="utf-8").splitlines():
        message = json.loads(text)
        for change in message.get("mc", ()):
            change["rc"] = [{k: v for k, v in rc.items() if k not in fields} for rc in change.get("rc", ())]
        lines.append(json.dumps(message) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def one_line(text: str) -> str:
    """The only line of a text, or its two lines if the second is a hint; there must be no more, and no traceback."""
    cause, *hints = text.splitlines() or [""]
    assert cause, text
    assert not hints or (len(hints) == 1 and hints[0].startswith("hint: ")), text
    assert not cause.startswith("hint: "), text
    assert "Traceback" not in text
    return "\n".join((cause, *hints))
