"""Cache of the verdicts of saved runs, so that a list of many runs computes only those that are new.

An entry holds for one state of a file and one state of the code that computes verdicts: a correction of the statistics applies to
old runs too.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from perfbench import __version__
from perfbench.errors import StorageProblem
from perfbench.util import paths
from perfbench.util.files import write_atomically

FILE_NAME = "verdicts.json"
CODE_FOLDERS = ("gate", "model", "report", "stats", "sweep")


class VerdictCache:
    """Verdicts by file, size and time of change. A cache that cannot be read is empty; one that cannot be written is kept."""

    def __init__(self, path: Path, code: str) -> None:
        """:param path: its file. :param code: identifies the code that computes the verdicts."""
        self._path = path
        self._code = code
        self._verdicts = _read(path, code)
        self._changed = False

    def find(self, path: Path, size_bytes: int, modified: int) -> str | None:
        """The verdict of a file in this state; None if it has to be computed."""
        return self._verdicts.get(_build_key(path, size_bytes, modified))

    def add(self, path: Path, size_bytes: int, modified: int, verdict: str) -> None:
        """Remember a verdict."""
        self._verdicts[_build_key(path, size_bytes, modified)] = verdict
        self._changed = True

    def save(self, folder: Path, kept: Iterable[tuple[Path, int, int]]) -> None:
        """Write the cache, if it has changed. Of the files of this folder only those in ``kept`` stay in it."""
        if not self._changed:
            return
        keys = {_build_key(*state) for state in kept}
        front = f"{folder.absolute()}/"
        verdicts = {k: v for k, v in self._verdicts.items() if k in keys or not k.startswith(front)}
        with suppress(StorageProblem):
            write_atomically(self._path, msgspec.json.encode({"code": self._code, "verdicts": verdicts}))


def open_cache() -> VerdictCache:
    """The cache in the cache folder of the user, for the code as it is now."""
    folders = [paths.PACKAGE_FOLDER / name for name in CODE_FOLDERS]
    newest = max((file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*.py")), default=0)
    return VerdictCache(paths.cache_folder() / FILE_NAME, f"{__version__} {newest}")


def _build_key(path: Path, size_bytes: int, modified: int) -> str:
    return f"{path.absolute()} {size_bytes} {modified}"


def _read(path: Path, code: str) -> dict[str, str]:
    """The verdicts of this code; none where the file is missing or damaged."""
    try:
        saved = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
        if msgspec.json.decode(saved["code"], type=str) == code:
            return msgspec.json.decode(saved["verdicts"], type=dict[str, str])
    except (OSError, KeyError, msgspec.MsgspecError, UnicodeDecodeError):
        pass
    return {}
