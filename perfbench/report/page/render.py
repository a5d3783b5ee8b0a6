"""Pages as HTML: one file with its own style and script, which the browser takes by their hashes alone.

Jinja2 is imported when a page is rendered, and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from perfbench.report.page.blocks import Page
from perfbench.report.page.svg import escape
from perfbench.results.page_document import DOCUMENT_CLASS, PageDocument
from perfbench.util.extras import require_extra
from perfbench.util.formatting import make_printable

if TYPE_CHECKING:
    from jinja2 import Environment, Template

PACKAGE, FOLDER = "perfbench.report.page", "templates"
PURPOSE = "an HTML page"
LONG_WORD = re.compile(r"[\w./:]{25}")
WORD_PARTS = re.compile(r"(?<=[/:])(?=\w)|(?<=\.)(?=\w)(?!py\b)|(?<=[^\W_]_)(?=[^\W_])")
"""Places in a path or a dotted name after which a line may end."""

TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"


@dataclass(frozen=True, slots=True)
class Asset:
    """A style or a script, and the source by which a policy permits it."""

    text: str
    source: str

    def __html__(self) -> str:
        """The text as it is: the policy permits nothing else."""
        return self.text


def render_page(page: Page) -> str:
    """The page as HTML. Raises ExtraMissing where Jinja2 is missing."""
    style, script = _load_asset(STYLE), _load_asset(SCRIPT)
    return _load_template().render(page=page, style=style, script=script, document_class=DOCUMENT_CLASS)


def require_template_engine() -> None:
    """Raises ExtraMissing where Jinja2 is missing, before anything is measured."""
    require_extra("html", PURPOSE)


@cache
def _load_template() -> Template:
    require_extra("html", PURPOSE)
    import jinja2  # noqa: PLC0415 - the command line starts faster without it

    environment: Environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_make_text_printable,
    )
    environment.filters["packed"] = _pack
    environment.filters["breakable"] = _make_breakable
    return environment.get_template(TEMPLATE)


@dataclass(frozen=True, slots=True)
class Markup:
    """Markup that is inserted as it is: made of escaped parts, or of letters and digits alone."""

    text: str

    def __html__(self) -> str:
        """The text as it is."""
        return self.text


def _pack(document: PageDocument) -> Markup:
    return Markup(document.compress())


def _make_breakable(text: str) -> Markup:
    """A text whose long words may be broken after the parts of a path or of a dotted name, and not within them."""
    if not LONG_WORD.search(text):
        return Markup(escape(text))
    return Markup("<wbr>".join(escape(part) for part in WORD_PARTS.split(text)))


def _make_text_printable(value: Any) -> Any:
    """Texts that come from elsewhere cannot hide or reorder what they are; markup is made of such texts already."""
    return make_printable(value) if type(value) is str else value


def _read_template(name: str) -> str:
    return files(PACKAGE).joinpath(FOLDER).joinpath(name).read_text(encoding="utf-8")


@cache
def _load_asset(name: str) -> Asset:
    """A style or a script with its hash, https://www.w3.org/TR/CSP3/#match-element-to-source-list."""
    text = _read_template(name)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Asset(text, f"'sha256-{digest}'")
