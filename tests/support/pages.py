"""HTML pages as a reader of them sees them: rows of tables with their data, sections, documents, the policy."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lxml import html

from perfbench.model import (
    BatchFile,
    Case,
    Claim,
    Draw,
    Environment,
    Failure,
    Measurement,
    OpenedBatch,
    OutputDifference,
    Package,
    Run,
    Scenario,
)
from perfbench.report import build
from perfbench.report.formats import load_renderer
from perfbench.report.tables.comparison import MODE_COLUMNS
from perfbench.results import page_document, storage
from support.runs import MARKET, measurement, run

RESULTS = Path(__file__).resolve().parents[2] / "results"
EVENT_ATTRIBUTES = re.compile(r"^on|^style$")


@dataclass(frozen=True)
class PageRow:
    """A row of a table: the texts of its cells, and its data attributes as numbers where they are such."""

    cells: tuple[str, ...]
    data: dict[str, Any]


class ReadPage:
    """A page, parsed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = html.document_fromstring(text)

    @property
    def policy(self) -> dict[str, str]:
        """The directives of its content security policy."""
        (content,) = self.root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        return {name: rest for name, _, rest in (part.strip().partition(" ") for part in content.split(";"))}

    @property
    def title(self) -> str:
        return str(self.root.xpath("string(//h1)"))

    @property
    def sentence(self) -> str:
        return str(self.root.xpath("string(//p[contains(@class, 'sentence')])"))

    @property
    def sections(self) -> list[str]:
        """The anchors of its sections, in their order."""
        return [str(name) for name in self.root.xpath("//main/section/@id")]

    @property
    def warnings(self) -> list[str]:
        return [item.text_content() for item in self.root.xpath("//section[@class='warnings']//li")]

    @property
    def figures(self) -> list[tuple[str, str]]:
        """What each drawing shows, and the sentence below it."""
        return [
            (figure.xpath("string(.//svg/@aria-label)"), figure.xpath("string(figcaption)").strip())
            for figure in self.root.xpath("//figure")
        ]

    def rows(self, name: str) -> list[PageRow]:
        """The rows of the table with this name in the address, or with this caption."""
        (table,) = self.root.xpath("//table[@data-name=$name or caption=$name]", name=name)
        return [
            PageRow(
                tuple(" ".join(cell.text_content().split()) for cell in row.xpath("th|td")),
                {key.removeprefix("data-"): _number(value) for key, value in row.attrib.items()},
            )
            for row in table.xpath("tbody/tr")
        ]

    def commands(self) -> dict[str, str]:
        """The commands of the page, by what they are good for."""
        pairs = self.root.xpath("//dl[@class='commands']/div")
        return {pair.xpath("string(dt)"): pair.xpath("string(dd)") for pair in pairs}

    def check_is_closed(self) -> None:
        """Nothing of the page comes from elsewhere or runs but its own style and script, by their hashes."""
        policy = self.policy
        assert policy["default-src"] == "'none'"
        assert policy["base-uri"] == policy["form-action"] == "'none'"
        for directive, tag in (("style-src", "style"), ("script-src", "script[not(@type)]")):
            (own,) = self.root.xpath(f"//{tag}")
            digest = base64.b64encode(hashlib.sha256(own.text.encode()).digest()).decode()
            assert policy[directive] == f"'sha256-{digest}'"
        for element in self.root.iter():
            for name, value in element.attrib.items():
                assert not EVENT_ATTRIBUTES.match(name), (element.tag, name)
                if name in ("src", "href", "action", "data", "srcset"):
                    assert re.fullmatch(r"#[\w.-]+|[\w.-]+\.html|data:,", value), (element.tag, name, value)
        tags = {element.tag for element in self.root.iter() if isinstance(element.tag, str)}
        assert not tags & {"iframe", "img", "object", "embed", "form", "base", "foreignObject", "image", "use"}


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def render(run: Run) -> str:
    """The page of a run."""
    return load_renderer("html")(build.build_report(run, MODE_COLUMNS))


def read(path: Path) -> ReadPage:
    """A page of a file."""
    return ReadPage(path.read_text(encoding="utf-8"))


def embedded(page: str, kind: str = "run") -> bytes:
    """The document inside a page."""
    return page_document.extract_document(Path("page.html"), page.encode(), kind)


_STEADY = [1.0 + 0.001 * (n % 7) for n in range(24)]
_FASTER = [0.43 + 0.001 * (n % 5) for n in range(24)]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}{% raw %}&lt;\x1b[31m\u202e"


def hostile() -> Run:
    """A run in which every text that comes from elsewhere would like to be markup."""
    case = Case(HOSTILE, HOSTILE, HOSTILE, HOSTILE, ((HOSTILE, HOSTILE),))
    difference = OutputDifference(1, HOSTILE, HOSTILE, HOSTILE, against="", item=HOSTILE)
    slow, fast, failed = (
        replace(measurement("x", seconds), case=replace(case, mode=f"{mode}{HOSTILE}"), doc=HOSTILE, unit=HOSTILE)
        for mode, seconds in (("slow", _STEADY), ("fast", _FASTER), ("broken", []))
    )
    fast = replace(
        fast, differences=(replace(difference, against=slow.case.id),), packages=(Package(HOSTILE, HOSTILE),)
    )
    failed = replace(failed, failures=(Failure("check 0", HOSTILE, HOSTILE),))
    made = run(
        [replace(slow, baseline=True), fast, failed], environments=((HOSTILE,),), data=(HOSTILE,), modes=(HOSTILE,)
    )
    claim = Claim(slow.case.mode, fast.case.mode, 2.0, HOSTILE, text=HOSTILE)
    return replace(
        made,
        id=HOSTILE,
        commit=HOSTILE,
        data=(replace(MARKET, name=HOSTILE, sha256=HOSTILE, doubts=(HOSTILE,)),),
        problems=(HOSTILE,),
        warnings=(HOSTILE,),
        environments=(Environment(HOSTILE, HOSTILE, "3.11.1", (Package(HOSTILE, HOSTILE),), recipe=HOSTILE),),
        scenarios=(Scenario(HOSTILE, HOSTILE, HOSTILE, HOSTILE, "cpu_seconds", HOSTILE, (), claims=(claim,)),),
        machine=replace(made.machine, cpu=HOSTILE, python=HOSTILE, system=HOSTILE),
    )


def large_corpus(markets: int, seed: int = 3) -> Run:
    """A survey of this many markets, each a batch of its own, with samples as long as real ones."""
    draw = random.Random(seed)
    model = storage.load_run(RESULTS / "reference-corpus.json")
    assert model.corpus is not None
    templates = [m for m in model.measurements if m.case.data == model.corpus.name]
    sources = [[m for m in model.measurements if m.samples and m.case.mode == t.case.mode] for t in templates]
    files = [file for batch in model.corpus.opened for file in batch.files]
    names = [f"1.{930_000_000 + 137 * number}" for number in range(markets)]
    measurements = [_noisy(draw, own[number % len(own)], name) for number, name in enumerate(names) for own in sources]
    data = tuple(replace(model.data[0], name=name, sha256=f"{draw.getrandbits(256):064x}", markets=1) for name in names)
    opened = tuple(
        OpenedBatch(
            name,
            13_500,
            market,
            files[n % len(files)].labels,
            draw.random() / 30,
            files=(BatchFile(name, files[n % len(files)].labels),),
        )
        for n, (name, market) in enumerate(zip(names, data, strict=True))
    )
    draws = tuple(Draw(number, name, 1 / markets) for number, name in enumerate(names))
    corpus = replace(model.corpus, members=markets, batches=markets, draws=draws, opened=opened)
    return replace(model, corpus=corpus, data=data, measurements=(*templates, *measurements))


def _noisy(draw: random.Random, source: Measurement, market: str) -> Measurement:
    """A measurement of another market: other seconds with as many digits, and another digest."""
    case = replace(source.case, data=market)
    samples = tuple(
        replace(
            sample,
            pair=sample.pair.replace(source.case.data, market),
            parts=(),
            metrics={name: round(value * draw.lognormvariate(0.0, 0.05), 9) for name, value in sample.metrics.items()},
        )
        for sample in source.samples
    )
    same = random.Random(market)  # both modes give the same output
    digests = [f"{same.getrandbits(256):064x}" for _ in range(3)]
    output = source.output and replace(source.output, digest=digests[0], blocks=tuple(digests[1:]))
    return replace(source, case=case, samples=samples, output=output)
