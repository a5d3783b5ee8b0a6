"""Pages in Chromium without a network: nothing is asked for, nothing is complained of, everybody can read and use them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import HERE, perfbench
from support.page_visit import A4_WIDTH, BACKGROUNDS, Scheme, Visit, launch
from support.pages import hostile, render

from perfbench.results import storage
from perfbench.results.document import RUNS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RESULTS = HERE.parent / "results"
OLD_RUN = HERE / "data" / "golden" / "run-schema-1.json"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as started:
        yield started


@pytest.fixture(scope="module")
def headline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the run behind the headline."""
    path = tmp_path_factory.mktemp("page") / "headline.html"
    path.write_text(render(storage.load_run(RESULTS / "reference-headline.json")), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_quiet_and_can_be_read_in_both_schemes(browser: Browser, headline: Path, scheme: Scheme) -> None:
    with Visit(browser, headline, scheme) as visit:
        visit.page.locator("section#opened summary").first.click()
        visit.check_can_be_read()
        background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == BACKGROUNDS[scheme]
        visit.check_is_quiet()


def test_page_without_its_script_has_the_same_rows_and_opens_its_cases(browser: Browser, headline: Path) -> None:
    with Visit(browser, headline, java_script_enabled=False) as visit:
        table = visit.page.locator("table[data-name=cases] tbody tr")
        assert table.count() == 12
        assert visit.page.locator("button:visible, input:visible").count() == 0
        visit.page.locator("section#opened summary").first.click()
        assert visit.page.locator("section#opened details[open] svg").first.is_visible()
        visit.check_is_quiet()


def test_filter_and_order_are_kept_in_the_address(browser: Browser, headline: Path) -> None:
    with Visit(browser, headline) as visit:
        visit.page.get_by_label("Filter").fill("full pro-1")
        assert visit.rows() == ["full"]
        visit.page.get_by_label("Filter").fill("SELF")
        visit.page.get_by_role("button", name="ratio").click()
        in_order = visit.rows()
        visit.page.get_by_role("button", name="ratio").click()
        assert visit.rows() == in_order[::-1]
        assert visit.page.locator("th[aria-sort=descending]").inner_text().startswith("ratio")
        address = visit.page.url
        visit.check_is_quiet()
    assert address.endswith("#cases.filter=SELF&cases.sort=ratio%3Adescending")
    with Visit(browser, headline, fragment=address.partition("html")[2]) as again:
        assert again.rows() == in_order[::-1]
        assert again.page.get_by_label("Filter").input_value() == "SELF"


def test_rows_are_sorted_by_their_numbers_and_not_by_their_texts(browser: Browser, headline: Path) -> None:
    with Visit(browser, headline) as visit:
        visit.page.get_by_role("button", name="ratio").click()
        ratios = visit.page.evaluate(
            "[...document.querySelectorAll('table[data-name=cases] tbody tr')].map(r => Number(r.dataset.ratio))"
        )
        assert ratios == sorted(ratios)


def test_link_of_a_row_opens_its_case(browser: Browser, headline: Path) -> None:
    with Visit(browser, headline) as visit:
        visit.page.locator("table[data-name=cases] tbody a").nth(4).click()
        opened = visit.page.locator("section#opened details[open]")
        assert opened.count() == 1
        assert opened.locator(".inside").get_attribute("id") == "case-5"
        visit.check_is_quiet()


def test_commands_call_the_page_as_its_file_is_called(browser: Browser, headline: Path, tmp_path: Path) -> None:
    path = tmp_path / "sent by 'me'.html"
    path.write_bytes(headline.read_bytes())
    with Visit(browser, path) as visit:
        shown = [line for line in visit.page.locator("dl.commands code").all_inner_texts() if "perfbench show" in line]
        visit.check_is_quiet()
    assert [shlex.split(line)[2] for line in shown] == [path.name, path.name]


def test_saved_document_of_a_page_is_the_run(browser: Browser, headline: Path, tmp_path: Path) -> None:
    with Visit(browser, headline, accept_downloads=True) as visit:
        with visit.page.expect_download() as download:
            visit.page.get_by_role("button", name="Save the document").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        visit.check_is_quiet()
    assert path.name == "headline.json"
    assert RUNS.load(path) == storage.load_run(RESULTS / "reference-headline.json")


def test_page_is_printed_with_everything_that_is_open(browser: Browser, headline: Path, tmp_path: Path) -> None:
    with Visit(browser, headline, "dark") as visit:
        closed, opened = tmp_path / "closed.pdf", tmp_path / "opened.pdf"
        visit.page.pdf(path=closed, format="A4")
        visit.page.get_by_role("button", name="Open all").click()
        visit.page.pdf(path=opened, format="A4")
        visit.page.emulate_media(media="print")
        visit.page.set_viewport_size({"width": A4_WIDTH, "height": 1000})
        assert visit.page.evaluate("document.documentElement.scrollWidth") == A4_WIDTH
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert visit.page.locator("nav").is_hidden()
        visit.check_is_quiet()
    assert b"%PDF" in closed.read_bytes()[:8]
    assert opened.stat().st_size > 1.5 * closed.stat().st_size


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render(hostile()), encoding="utf-8")
    with Visit(browser, path) as visit:
        for fold in visit.page.locator("summary").all():
            fold.click()
        visit.page.get_by_label("Filter").first.fill("<script>")
        visit.page.get_by_role("button").first.click()
        visit.check_can_be_read()
        visit.check_is_quiet()


def test_frame_of_a_flame_graph_is_enlarged_and_functions_are_marked(browser: Browser, tmp_path: Path) -> None:
    path = RESULTS / "reference-blame.profile.json"
    assert perfbench("profile", "--show", path, "--export", "html=p.html", folder=tmp_path).returncode == 0
    with Visit(browser, tmp_path / "p.html") as visit:
        graph = visit.page.locator("svg.flame").first
        frame = graph.locator("g", has_text="RunnerBook.__init__").first
        before = float(frame.locator("rect").get_attribute("width") or 0)
        frame.locator("rect").click()
        assert float(frame.locator("rect").get_attribute("width") or 0) == 1120 > before
        visit.page.get_by_label("Find").first.fill("PriceSize")
        assert graph.locator("g.hit").count() >= 1
        visit.page.get_by_role("button", name="Whole pass").first.click()
        assert float(frame.locator("rect").get_attribute("width") or 0) == pytest.approx(before, abs=0.02)
        visit.check_can_be_read()
        visit.check_is_quiet()


def test_numbers_in_the_document_are_those_of_the_exported_json(browser: Browser, tmp_path: Path) -> None:
    done = perfbench("show", OLD_RUN, "--export", "html=p.html", "--export", "json=p.json", folder=tmp_path)
    assert done.returncode == 6
    document = json.loads((tmp_path / "p.json").read_text())
    medians = {m["case"]["mode"]: m for m in document["measurements"]}
    with Visit(browser, tmp_path / "p.html") as visit:
        rows = visit.page.evaluate(
            "[...document.querySelectorAll('table[data-name=cases] tbody tr')].map((r) => ({...r.dataset}))"
        )
        visit.check_is_quiet()
    compared = [row for row in rows if "ratio" in row]
    assert compared
    after = next(row for row in compared if row["case"].startswith("known_times/after"))
    seconds = [s["metrics"]["reported_seconds"] for s in medians["after"]["samples"] if s["kind"] == "duet"]
    assert float(after["after"]) == sorted(seconds)[len(seconds) // 2]
