"""Names that this gate has to itself: of its reports, of its artifact, and of its comment on a pull request.

They are made from the job and its matrix, so that the jobs of a matrix neither overwrite each other's artifacts nor each other's
comments, and a later run finds the comment again. A second gate in a job is numbered.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9+])?")
MAX_LENGTH = 120
DIGEST_LENGTH = 10


def format_name(words: list[str], matrix: Mapping[str, Any]) -> str:
    """The words and the values of a matrix in one word, such as ``gate,os=ubuntu-24.04,python=3.12``; different for different ones.

    What a file name or a comment cannot hold is replaced, and a digest of the whole is added.
    """
    cells = {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True) for name, value in matrix.items()
    }
    parts = [*words, *(f"{name}={cells[name]}" for name in sorted(cells))]
    exact = [*words, *cells, *cells.values()]
    name = ",".join(re.sub(r"[^A-Za-z0-9._+=-]+", "-", part).strip("-") for part in parts)
    name = re.sub("--+", "-", name)
    if all(map(PLAIN.fullmatch, exact)) and "--" not in "".join(exact) and len(name) <= MAX_LENGTH:
        return name
    digest = hashlib.sha256(json.dumps([words, matrix], sort_keys=True).encode()).hexdigest()
    return f"{name[: MAX_LENGTH - DIGEST_LENGTH - 1].rstrip('-')}-{digest[:DIGEST_LENGTH]}"


def count_gates(folder: Path) -> int:
    """How many gates this job has begun, with this one; kept in a file of the folder, which is empty when a job begins."""
    file = folder / "perfbench-gates"
    number = int(file.read_text(encoding="utf-8")) + 1 if file.is_file() else 1
    file.write_text(str(number), encoding="utf-8")
    return number


def build_names(variables: Mapping[str, str]) -> dict[str, str]:
    """The outputs of the step: ``reports`` (a new folder), ``artifact`` and ``key``."""
    matrix = json.loads(variables.get("MATRIX") or "null") or {}
    temporary = Path(variables["RUNNER_TEMP"])
    number = count_gates(temporary)
    job = [variables["GITHUB_JOB"], *([str(number)] if number > 1 else [])]
    attempt = variables.get("GITHUB_RUN_ATTEMPT", "1")
    again = [f"attempt-{attempt}"] if attempt != "1" else []
    reports = temporary / "perfbench-reports" / str(number)
    reports.mkdir(parents=True)
    return {
        "reports": str(reports),
        "artifact": f"{variables['ARTIFACT']}-{format_name([*job, *again], matrix)}",
        "key": format_name([variables["GITHUB_WORKFLOW"], *job], matrix),
    }


if __name__ == "__main__":
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as outputs:
        outputs.writelines(f"{name}={value}\n" for name, value in build_names(os.environ).items())
