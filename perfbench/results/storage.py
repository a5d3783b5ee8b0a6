"""Find and load saved runs by name or path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import Run
from perfbench.results.document import DOCUMENT_SUFFIX, collect_results, decode_run
from perfbench.results.journal import JOURNAL_SUFFIX, read_journal


def require_file_name(name: str | None) -> None:
    """Raises UsageProblem for the name of a run that is no plain file name."""
    if name is not None and (name != Path(name).name or name.startswith(".")):
        raise UsageProblem(f"--save {name}: a plain file name, without folders")


DEFAULT_RESULTS = "results"
"""The folder that runs are saved in unless ``--results`` names another."""


def load_run(path: Path) -> Run:
    """A saved run, finished or still a journal. Raises StorageProblem for anything else, in one line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}") from error
    if path.suffix == JOURNAL_SUFFIX:
        run, results = read_journal(path, content)
        return replace(run, measurements=collect_results(run.measurements, results))
    return decode_run(path, content)


def is_saved_run(name: str, folder: Path) -> bool:
    """Whether this is the path of a saved run or its name in the results folder, or at least the name of such a file."""
    return Path(name).suffix in (DOCUMENT_SUFFIX, JOURNAL_SUFFIX) or any(
        path.is_file() for path in _list_candidate_paths(name, folder)
    )


def _list_candidate_paths(name: str, folder: Path) -> list[Path]:
    return [Path(name), *(folder / f"{name}{suffix}" for suffix in ("", DOCUMENT_SUFFIX, JOURNAL_SUFFIX))]


def find_run(name: str, folder: Path) -> Path:
    """A saved run by its path or by its name in the results folder. Raises StorageProblem."""
    for path in _list_candidate_paths(name, folder):
        if path.is_file():
            return path
    raise StorageProblem(f"{name}: no such file, and no run of that name in {folder}")
