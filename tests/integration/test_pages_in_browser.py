"""Pages in Chromium without a network: nothing is asked for, nothing is complained of, everybody can read and use them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support.browser import chromium
from support.command_line import HERE, perfbench
from support.pages import hostile, render

from perfbench.results import storage
from perfbench.results.document import RUNS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

RESULTS = HERE.parent / "results"
OLD_RUN = HERE / "data" / "golden" / "run-schema-1.json"
Scheme = Literal["light", "dark"]
WIDTH = 1280
A4_WIDTH = 718
"""Pixels of CSS between the margins of a sheet of paper."""

TIMEOUT = 120_000.0
"""Milliseconds; a machine that measures has little time for browsers."""

SERIOUS = ("serious", "critical")
MAX_BYTES = {"reference-headline": 500_000, "reference-corpus": 3_000_000}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"], timeout=TIMEOUT)
        yield started
        started.close()


class Visit:
    """A page opened without a network: what its console complained of, and what it asked for beside itself."""

    def __init__(
        self, browser: Browser, path: Path, scheme: Scheme = "light", fragment: str = "", **options: Any
    ) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.context: BrowserContext = browser.new_context(
            viewport={"width": WIDTH, "height": 900}, color_scheme=scheme, **options
        )
        self.context.set_default_timeout(TIMEOUT)
        self.context.set_offline(True)
        self.context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._note_dialog)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri() + fragment)

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)

    def _note_dialog(self, dialog: Dialog) -> None:
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_error: object) -> None:
        self.context.close()

    def check_is_quiet(self) -> None:
        """Nothing went wrong, and nothing but the page itself was asked for."""
        assert self.errors == []
        assert len(self.requests) == 1, self.requests

    def check_can_be_read(self) -> None:
        """No horizontal scrolling, and nothing serious for those who use a keyboard or a reader of the screen."""
        from axe_playwright_python.sync_playwright import Axe

        assert self.page.evaluate("document.documentElement.scrollWidth") == WIDTH
        violations = Axe().run(self.page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in violations if v["impact"] in SERIOUS]
        assert serious == []

    def rows(self) -> list[str]:
        """The names of the cases that are shown, in their order."""
        script = "[...document.querySelectorAll('table[data-name=cases] tbody tr:not([hidden]) th a')].map(a => a.textContent)"
        names: list[str] = self.page.evaluate(script)
        return names


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
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]
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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of all runs of the project."""
    folder = tmp_path_factory.mktemp("site")
    done = perfbench("report", RESULTS, "-o", "site", "--quiet", folder=folder, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_all_pages_of_the_project_are_quiet_and_can_be_read(browser: Browser, site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    names = {path.name.split(".")[0] for path in RESULTS.glob("reference-*.json")}
    parts = {name for name in names if name.endswith(("-slower", "-against"))}
    assert names - parts <= {path.stem for path in pages}
    for path in pages:
        assert path.stat().st_size <= MAX_BYTES.get(path.stem, 2_000_000), path.name
        for scheme in ("light", "dark"):
            with Visit(browser, path, scheme) as visit:
                visit.page.evaluate(
                    "[...document.querySelectorAll('details')].slice(0, 6).forEach((d) => { d.open = true; })"
                )
                visit.check_can_be_read()
                visit.check_is_quiet()


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_links_of_the_site_lead_to_its_pages(browser: Browser, site: Path) -> None:
    with Visit(browser, site / "index.html") as visit:
        links: list[str] = visit.page.evaluate("[...document.querySelectorAll('main a')].map((a) => a.href)")
        assert len(links) > 10
        visit.check_is_quiet()
        for link in links:
            visit.page.goto(link)
            assert visit.page.locator("h1").inner_text()


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
