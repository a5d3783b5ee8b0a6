"""A static site of saved runs: an index with the newest first, a page for each, and their histories over releases."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfbench.advise.document import ADVICES
from perfbench.errors import NotMeasured, StorageProblem
from perfbench.gate.calibration import session
from perfbench.gate.calibration.document import SLOWER_KIND, load_calibration
from perfbench.gate.calibration.tool_comparison import TOOL_COMPARISONS
from perfbench.model import Run
from perfbench.profiling.document import PROFILES
from perfbench.report import build
from perfbench.report.advice_report import build_advice_report
from perfbench.report.page import history_page
from perfbench.report.page.advice_page import build_advice_page
from perfbench.report.page.blocks import Page
from perfbench.report.page.calibration_page import build_calibration_page
from perfbench.report.page.profile_page import build_profile_page
from perfbench.report.page.render import render_page
from perfbench.report.page.run_page import build_run_page
from perfbench.report.page.site_index import HISTORY_FILE, INDEX_FILE, IndexEntry, build_index
from perfbench.report.page.sweep_page import build_sweep_page
from perfbench.report.release_history import MeasuredEdge, build_histories, collect_edges, list_release_order
from perfbench.report.tables.comparison import MODE_COLUMNS
from perfbench.results import page_document, storage
from perfbench.results.document import RUNS
from perfbench.results.page_document import PAGE_SUFFIX
from perfbench.util import formatting
from perfbench.util.files import write_atomically

OUTPUT_CHOICE = "--output folder"
SLOWER_SUFFIX = session.format_slowdown_name("")


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file of a folder with a document: its path, and what kind of document it is."""

    path: Path
    kind: str

    @property
    def stem(self) -> str:
        """Its name without the suffixes of its kind."""
        name = self.path.name
        for suffix in (PROFILES.suffix, ADVICES.suffix, *RUNS.suffixes, PAGE_SUFFIX):
            if name.endswith(suffix):
                return name.removesuffix(suffix)
        return name


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A page that was rendered, with its entry and the comparisons of releases in it; ``order``: of releases of a sweep."""

    page: Page
    entry: IndexEntry
    edges: tuple[MeasuredEdge, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteResult:
    """A site that was written: its index, the number of its pages, and a line for each file that could not be shown."""

    index: Path
    pages: int
    failures: tuple[str, ...]


def list_saved_files(folder: Path) -> list[SavedFile]:
    """The files of a folder that should be saved runs, sweeps, calibrations, profiles or advice, by name, pages last.

    Parts of a calibration and files of other kinds are left out. Raises StorageProblem for what is no folder.
    """
    try:
        paths = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise StorageProblem(
            f"{folder} cannot be read ({error.strerror})", hint="name a folder of saved runs"
        ) from error
    paths.sort(key=lambda path: (path.suffix == PAGE_SUFFIX, path.name))
    return [file for path in paths if (file := _classify(path, {path.name for path in paths})) is not None]


def build_site(files: Sequence[SavedFile], output: Path, observe: Callable[[str], None]) -> SiteResult:
    """Write a page for each file, the histories and the index. A file that cannot be shown is a failure, and the others go on.

    Raises NotMeasured where no file can be shown, and StorageProblem for pages that cannot be written.

    :param observe: is called with a line before each page.
    """
    shown: list[ShownFile] = []
    failures: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    names: set[str] = {INDEX_FILE, HISTORY_FILE}
    for number, file in enumerate(files, 1):
        observe(f"{number} of {len(files)}: {file.path.name}")
        try:
            result = _show(file)
        except (StorageProblem, NotMeasured) as error:
            failures.append(str(error) if str(file.path) in str(error) else f"{file.path}: {error}")
            continue
        except (
            LookupError,
            ValueError,
            ArithmeticError,
        ) as error:  # parts of a damaged document that do not fit together
            failures.append(f"{file.path} is damaged: {' '.join(str(error).split())}")
            continue
        identity = (result.entry.kind, result.page.window, result.entry.created)
        if identity in seen and file.path.suffix == PAGE_SUFFIX:
            continue  # the page of a run that is in the folder itself
        seen.add(identity)
        name = _choose_name(file.stem, names)
        names.add(name)
        _write(output / name, replace(result.page, up=INDEX_FILE))
        shown.append(
            replace(
                result, page=replace(result.page, sections=(), documents=()), entry=replace(result.entry, file=name)
            )
        )
    if not shown:
        raise NotMeasured(
            "; ".join(failures) or "there is no saved run to show", hint="measure something, such as perfbench run"
        )
    histories = build_histories([e for r in shown for e in r.edges], [name for r in shown for name in r.order])
    if histories:
        _write(output / HISTORY_FILE, replace(history_page.build_history_page(histories), up=INDEX_FILE))
    index = build_index([result.entry for result in shown], len(histories), failures)
    _write(output / INDEX_FILE, index)
    return SiteResult(output / INDEX_FILE, len(shown), tuple(failures))


def _classify(path: Path, names: set[str]) -> SavedFile | None:
    name = path.name
    if name.endswith(PAGE_SUFFIX):
        kinds = page_document.list_kinds(path)
        return SavedFile(path, kinds[0]) if kinds and kinds.count(kinds[0]) == 1 else None
    for store in (PROFILES, ADVICES):
        if name.endswith(store.suffix):
            return SavedFile(path, store.kind)
    if name.endswith(TOOL_COMPARISONS.suffix):
        return None
    if not name.endswith(RUNS.suffixes):
        return None
    stem = name.rpartition(".")[0]
    is_part = stem.endswith(SLOWER_SUFFIX) and f"{stem.removesuffix(SLOWER_SUFFIX)}{RUNS.suffix}" in names
    return None if is_part else SavedFile(path, RUNS.kind)


def _show(file: SavedFile) -> ShownFile:
    """The page of a file. Raises StorageProblem, NotMeasured."""
    if file.kind == PROFILES.kind:
        document = PROFILES.load(file.path)
        page = build_profile_page(document)
        return ShownFile(page, _build_entry(file, page, document.run, "profile"))
    if file.kind == ADVICES.kind:
        advice = ADVICES.load(file.path)
        page = build_advice_page(build_advice_report(advice))
        return ShownFile(page, _build_entry(file, page, advice.run, "advice"))
    if _is_calibration(file):
        result = load_calibration(str(file.path), file.path.parent)
        page = build_calibration_page(result)
        return ShownFile(page, _build_entry(file, page, result.unchanged, "calibration"))
    run = storage.load_run(file.path)
    report = build.build_report(run, MODE_COLUMNS)
    page = build_sweep_page(run) if run.settings.links else build_run_page(report)
    return ShownFile(
        page, _build_entry(file, page, run, _name_kind(run)), collect_edges(report), list_release_order(run)
    )


def _is_calibration(file: SavedFile) -> bool:
    """Whether a run has the run of its slowdowns beside it, or in its page."""
    if file.path.suffix == PAGE_SUFFIX:
        return SLOWER_KIND in page_document.list_kinds(file.path)
    return file.path.with_name(f"{session.format_slowdown_name(file.stem)}{RUNS.suffix}").is_file()


def _name_kind(run: Run) -> str:
    if run.settings.gate is not None:
        return "gate"
    if run.settings.links:
        return "sweep"
    return "compare" if max(map(len, run.settings.environments), default=0) > 1 else "run"


def _build_entry(file: SavedFile, page: Page, run: Run, kind: str) -> IndexEntry:
    cores = formatting.format_plural(run.machine.cores, "core")
    machine = f"{run.machine.cpu}, {cores}"
    return IndexEntry("", file.stem, kind, run.created, page.title, page.sentence, machine, run.perfbench)


def _choose_name(stem: str, taken: set[str]) -> str:
    """The name of a page: letters, digits, dots, dashes and underscores, not taken yet."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._") or "run"
    name, number = f"{plain}{PAGE_SUFFIX}", 2
    while name in taken:
        name, number = f"{plain}-{number}{PAGE_SUFFIX}", number + 1
    return name


def _write(path: Path, page: Page) -> None:
    write_atomically(path, render_page(page).encode(), OUTPUT_CHOICE)
