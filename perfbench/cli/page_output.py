"""Pages of what is no report: exports of calibrations, profiles and verdicts; and pages that are opened in a browser."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from perfbench.cli.exports import EXPORT_CHOICE, PAGE_FORMAT, STANDARD_OUTPUT, Export, parse_exports
from perfbench.errors import StorageProblem, UsageProblem
from perfbench.results import page_document
from perfbench.results.page_document import PAGE_SUFFIX
from perfbench.util.files import find_obstacle, write_atomically


def parse_page_exports(texts: Sequence[str], what: str, *, measures: bool = True) -> tuple[Export, ...]:
    """Parse the ``--export html=FILE`` options of a command that has no other format. Raises UsageProblem.

    :param what: what is exported, such as ``a profile``; :param measures: as of ``parse_exports``.
    """
    parsed = parse_exports(texts, measures=measures)
    for export in parsed:
        if export.format != PAGE_FORMAT:
            raise UsageProblem(f"--export {export.format}: not a format of {what}", hint=f"choose {PAGE_FORMAT}")
    return parsed


def write_page_exports(exports: Sequence[Export], render: Callable[[], str]) -> None:
    """Write a page into each of the files; it is rendered only if there is one. Raises StorageProblem."""
    if not exports:
        return
    text = render()
    for export in exports:
        if export.file == STANDARD_OUTPUT:
            sys.stdout.write(text)
        else:
            write_atomically(Path(export.file), text.encode(), EXPORT_CHOICE)


def open_page(text: str, name: str, folder: Path) -> None:
    """Write a page and open it in a browser; says where it is, also where there is no browser.

    It goes beside the saved files, or into a temporary folder where that cannot be written or holds another file of that name.

    :param name: of the file, without suffix.
    """
    path = _choose_path(name, folder)
    write_atomically(path, text.encode(), "TMPDIR")
    show_page(path)


def show_page(path: Path) -> None:
    """Open a page in a browser; says where it is, also where there is no browser."""
    opened = webbrowser.open(path.absolute().as_uri())
    print(f"page: {path}" + ("" if opened else " (no browser could be started: open it in one)"), file=sys.stderr)


def _choose_path(name: str, folder: Path) -> Path:
    path = folder / f"{name}{PAGE_SUFFIX}"
    is_own = not path.exists() or bool(page_document.list_kinds(path))
    if is_own and folder.is_dir() and not find_obstacle(path, probe=True):
        return path
    try:
        return Path(tempfile.mkdtemp(prefix="perfbench-")) / path.name
    except OSError as error:
        raise StorageProblem(
            f"no page can be written ({error.strerror})", hint="export it: --export html=FILE"
        ) from error
