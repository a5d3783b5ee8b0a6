"""Load saved runs and journals."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from pathlib import Path

from perfbench.errors import UsageProblem
from perfbench.model import Run
from perfbench.results import page_document
from perfbench.results.document import JOURNAL_SUFFIX, RUNS, add_results, check_run
from perfbench.results.journal import read_journal
from perfbench.results.store import read_document


def require_file_name(name: str | None) -> None:
    """Raises UsageProblem for a --save name that is not a plain file name."""
    if name is not None and (name != Path(name).name or name.startswith(".")):
        raise UsageProblem(f"--save must be a file name, not a path: {name}")


def build_run_name() -> str:
    """The name of a run without ``--save``: date, time in UTC, and four random digits."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


DEFAULT_RESULTS = "results"
"""The default of ``--results``."""


def load_run(path: Path) -> Run:
    """A saved run, finished or still a journal, or that in a page. Raises StorageProblem."""
    if path.suffix == JOURNAL_SUFFIX:
        run, results = read_journal(path, read_document(path))
        return check_run(path, add_results(run, results))
    return check_run(path, RUNS.load(path))


def load_runs(path: Path) -> tuple[Run, ...]:
    """The run of a file, or all runs in a page, which may have several. Raises StorageProblem."""
    content = read_document(path)
    if not page_document.is_page(content):
        return (load_run(path),)
    documents = page_document.extract_documents(path, content, RUNS.kind)
    return tuple(check_run(path, RUNS.decode(path, document.content)) for document in documents)
