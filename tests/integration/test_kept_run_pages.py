"""The pages of the kept runs in Chromium without a network: quiet, legible in every form, with the numbers of the exported JSON."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import pytest
from support.command_line import HERE, perfbench
from support.page_visit import BACKGROUNDS, NARROW_WIDTH, Scheme, Visit, launch

from perfbench.model import METRICS, Measurement, Run
from perfbench.report import build
from perfbench.report.page.case_table import list_numbers
from perfbench.report.sweep_report import build_sweep_report
from perfbench.report.tables.comparison import MODE_COLUMNS
from perfbench.results.document import RUNS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RESULTS = HERE.parent / "results"
PARTS = ("-slower", "-against")
"""Ends of the names of documents that are shown on the page of a calibration."""

FEW = ("reference-live-early", "reference-blame")
MAX_BYTES = {"reference-headline": 500_000, "reference-corpus": 3_000_000}
USUAL_MAX_BYTES = 2_000_000
OPENED = 6

NAMES = sorted({path.name.split(".")[0] for path in RESULTS.glob("reference-*.json")})
PAGES = [name for name in NAMES if not name.endswith(PARTS)]
RUN_NAMES = [name for name in PAGES if (RESULTS / f"{name}.json").exists() and "calibration" not in name]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of all kept runs."""
    return _build_site(RESULTS, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a run and a profile."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "runs").mkdir()
    for name in FEW:
        for path in RESULTS.glob(f"{name}.*json"):
            shutil.copy(path, folder / "runs")
    return _build_site(folder / "runs", folder)


def _build_site(runs: Path, folder: Path) -> Path:
    done = perfbench("report", runs, "-o", "site", "--quiet", folder=folder, timeout=900)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.mark.parametrize("name", ["index", *FEW])
def test_page_of_a_small_site_is_quiet_and_legible_in_every_form(
    browser: Browser, small_site: Path, tmp_path: Path, name: str
) -> None:
    check_page(browser, small_site / f"{name}.html", tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["index", "history", *PAGES])
def test_page_of_every_kept_run_is_quiet_and_legible_in_every_form(
    browser: Browser, site: Path, tmp_path: Path, name: str
) -> None:
    check_page(browser, site / f"{name}.html", tmp_path)


def check_page(browser: Browser, path: Path, folder: Path) -> None:
    """Both schemes, narrow and printed: no complaint, no request, nothing that is covered or cut off."""
    assert path.stat().st_size <= MAX_BYTES.get(path.stem, USUAL_MAX_BYTES)
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        with Visit(browser, path, scheme) as visit:
            visit.open_folds(OPENED)
            visit.check_can_be_read()
            assert visit.find_covered_texts() == []
            assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == BACKGROUNDS[scheme]
            visit.check_width(NARROW_WIDTH)
            if scheme == "dark":
                visit.check_print(folder / "page.pdf")
            visit.check_is_quiet()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_links_of_the_site_lead_to_its_pages(browser: Browser, site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} == {"index", "history", *PAGES}
    with Visit(browser, site / "index.html") as visit:
        links: list[str] = visit.page.evaluate("[...document.querySelectorAll('main a')].map((a) => a.href)")
        assert len(links) > len(PAGES)
        visit.check_is_quiet()
        for link in links:
            visit.page.goto(link)
            assert visit.page.locator("h1").inner_text()


# Numbers --------------------------------------------------------------------------------------------------------------


def test_numbers_of_a_page_are_those_of_the_exported_json(browser: Browser, small_site: Path, tmp_path: Path) -> None:
    check_numbers(browser, small_site / f"{FEW[0]}.html", tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", RUN_NAMES)
def test_numbers_of_the_page_of_every_kept_run_are_those_of_the_exported_json(
    browser: Browser, site: Path, tmp_path: Path, name: str
) -> None:
    check_numbers(browser, site / f"{name}.html", tmp_path)


def check_numbers(browser: Browser, page: Path, folder: Path) -> None:
    """What a reader's browser has as numbers follows from what ``show --export json=-`` writes."""
    done = perfbench("show", RESULTS / f"{page.stem}.json", "--export", "json=-", folder=folder, timeout=600)
    exported = folder / "exported.json"
    exported.write_text(done.stdout, encoding="utf-8")
    run = RUNS.load(exported)
    with Visit(browser, page) as visit:
        if run.settings.links:
            assert visit.read_data("releases") == _list_release_numbers(run)
            return
        rows = visit.read_data("cases")
    report = build.build_report(run, MODE_COLUMNS)
    assert rows == [
        {_as_key(name): value for name, value in list_numbers(row)} for table in report.tables for row in table.rows
    ]
    if run.corpus is None:
        assert _check_medians(run, rows) > 0


def _check_medians(run: Run, rows: list[dict[str, str]]) -> int:
    """The seconds of every comparison are the medians of the pairs of both cases, computed here; returns how many there are."""
    measurements = {measurement.case.id: measurement for measurement in run.measurements}
    names = {metric.name: name for name, metric in METRICS.items()}
    compared = [row for row in rows if "ratio" in row and "caseBefore" in row]
    for row in compared:
        metric = names.get(row["metric"], row["metric"])
        before, after = (_average_pairs(measurements[row[key]], metric) for key in ("caseBefore", "case"))
        both = [pair for pair in after if pair in before]
        assert int(row["pairs"]) == len(both)
        assert float(row["before"]) == pytest.approx(median(before[pair] for pair in both), rel=1e-12)
        assert float(row["after"]) == pytest.approx(median(after[pair] for pair in both), rel=1e-12)
    return len(compared)


def _average_pairs(measurement: Measurement, metric: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for sample in measurement.samples:
        if sample.kind == "duet" and sample.metrics.get(metric, 0.0) > 0:
            values.setdefault(sample.pair, []).append(sample.metrics[metric])
    return {pair: fmean(of_pair) for pair, of_pair in values.items()}


def _list_release_numbers(run: Run) -> list[dict[str, str]]:
    return [dict(numbers) for numbers in _collect_release_numbers(run)]


def _collect_release_numbers(run: Run) -> Iterator[dict[str, str]]:
    """The numbers of every release of a sweep, by the names of the attributes in a browser."""
    trajectory = build_sweep_report(run).trajectory
    for number, release in enumerate(trajectory.releases):
        numbers = {"release": release.name}
        for place, line in enumerate(trajectory.lines):
            point = line.points[number]
            values = {"seconds": point.seconds, "relative": point.relative}
            if point.relative is not None:
                values |= {"low": point.low, "high": point.high}
            if point.step is not None:
                values |= {"step": point.step.ratio, "stepLow": point.step.low, "stepHigh": point.step.high}
            numbers |= {f"{name}-{place}": repr(value) for name, value in values.items() if value is not None}
        yield numbers


def _as_key(name: str) -> str:
    """``caseBefore`` for ``case-before``, as a browser calls it."""
    first, *others = name.split("-")
    return first + "".join(other.title() for other in others)
