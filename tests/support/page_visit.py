"""Pages that are opened in Chromium without a network, as their readers see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from support.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

Scheme = Literal["light", "dark"]
BACKGROUNDS: dict[Scheme, str] = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}
WIDTH, NARROW_WIDTH = 1280, 400
A4_WIDTH = 718
"""Pixels of CSS between the margins of a sheet of paper."""

TIMEOUT = 300_000.0
"""Milliseconds; a machine that measures has little time for browsers."""

SERIOUS = ("serious", "critical")
FIND_COVERED_TEXTS = """() => {
  const found = [];
  for (const drawing of document.querySelectorAll("svg:not(.flame)")) {
    const frame = drawing.getBoundingClientRect();
    if (!frame.width) continue;
    const texts = [...drawing.querySelectorAll("text:not([transform])")].map((e) => [e.textContent, e.getBoundingClientRect()]);
    texts.forEach(([text, box], n) => {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        found.push(`${text} leaves its drawing`);
      for (const [other, its] of texts.slice(n + 1))
        if (Math.min(box.right, its.right) - Math.max(box.left, its.left) > 2
            && Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top) > 4) found.push(`${text} covers ${other}`);
    });
  }
  return found;
}"""


@contextmanager
def launch() -> Iterator[Browser]:
    """Chromium, for several visits. Skips the test if there is none."""
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

    def open_folds(self, count: int) -> None:
        """So many folded parts of the page are opened, the first ones."""
        self.page.evaluate(
            f"[...document.querySelectorAll('details')].slice(0, {count}).forEach((d) => {{ d.open = true; }})"
        )

    def find_covered_texts(self) -> list[str]:
        """Texts of drawings that cover another one or leave their drawing; those that are turned are left out."""
        texts: list[str] = self.page.evaluate(FIND_COVERED_TEXTS)
        return texts

    def check_width(self, width: int) -> None:
        """The page as a whole is not scrolled sideways in a window of this width."""
        self.page.set_viewport_size({"width": width, "height": 900})
        assert self.page.evaluate("document.documentElement.scrollWidth") == width

    def check_print(self, path: Path) -> None:
        """On paper the page is black on white, without what is of no use there, and no wider than a sheet."""
        self.page.pdf(path=path, format="A4")
        assert path.read_bytes().startswith(b"%PDF")
        self.page.emulate_media(media="print")
        self.check_width(A4_WIDTH)
        assert self.page.evaluate("getComputedStyle(document.body).backgroundColor") == BACKGROUNDS["light"]
        assert self.page.locator("nav, .tools").locator("visible=true").count() == 0

    def read_data(self, table: str) -> list[dict[str, str]]:
        """The data attributes of the rows of a table."""
        script = (
            "(name) => [...document.querySelectorAll(`table[data-name=${name}] tbody tr`)].map((r) => ({...r.dataset}))"
        )
        rows: list[dict[str, str]] = self.page.evaluate(script, table)
        return rows
