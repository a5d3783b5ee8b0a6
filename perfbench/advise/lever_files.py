"""The files of the levers: shipped ones, and those of the user's folders. The host lists them and never imports one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from perfbench.errors import UsageProblem
from perfbench.util import paths
from perfbench.util.suggest import suggest_name

SHIPPED_FOLDER = Path(__file__).resolve().parent / "levers"

EXAMPLE_PROGRAM = f"{paths.bundled_folder('scenarios') / '_programs' / 'best_price_backtest.py'}:run"
"""The spec of the shipped program, on which a newcomer is advised."""


def list_lever_files(folders: Iterable[str], names: Sequence[str] = ()) -> dict[str, Path]:
    """Lever files by name, the shipped ones first; a user's file takes precedence over a shipped one of its name.

    Raises UsageProblem for an unknown name, a missing folder and one without lever files.

    :param names: those that are wanted; none: all.
    """
    files = _list_files(SHIPPED_FOLDER)
    for name in folders:
        folder = Path(name)
        if not folder.is_dir():
            raise UsageProblem(f"--levers {name}: no such folder")
        own = _list_files(folder)
        if not own:
            raise UsageProblem(
                f"--levers {name}: no lever files", hint="docs/quants/advise.md shows how one is written"
            )
        files.update(own)
    for name in names:
        if name not in files:
            raise UsageProblem(f"--lever {name}: no such lever{suggest_name(name, set(files))}")
    return {name: path for name, path in files.items() if name in names or not names}


def _list_files(folder: Path) -> dict[str, Path]:
    return {path.stem: path.resolve() for path in sorted(folder.glob("[!_.]*.py"))}
