"""Pictures in the pages are drawn from the saved runs that they show."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from perfbench_docs import headline_picture, pictures
from perfbench_docs.headline_picture import build_bars, draw_headline
from perfbench_docs.pages import list_links, list_pages
from perfbench_docs.project import RAW, RESULTS, ROOT
from support.command_line import perfbench

from perfbench.report.build import build_report
from perfbench.results.storage import load_run
from perfbench.util import formatting

HEADLINE = RESULTS / f"{pictures.HEADLINE}.json"
TOLERANCE = 2.0
"""Points by which a picture may differ where another font or another Matplotlib measures its texts."""


def list_parts(picture: bytes) -> Iterator[tuple[str, str, list[float]]]:
    """The elements of an SVG: tag, text, and the numbers that place it."""
    for element in ET.fromstring(picture).iter():
        if element.tag.rpartition("}")[2] in (
            "metadata",
            "date",
            "title",
            "creator",
            "Work",
            "RDF",
            "Agent",
            "format",
            "type",
        ):
            continue
        places = " ".join(element.get(name, "") for name in ("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height"))
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", places)]
        yield element.tag.rpartition("}")[2], (element.text or "").strip(), numbers


@pytest.mark.parametrize("path", pictures.PICTURES, ids=lambda path: path.name)
def test_picture_is_that_of_the_saved_run(tmp_path: Path, path: Path) -> None:
    def run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        done = perfbench(*arguments, folder=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    drawn, saved = list(list_parts(pictures.PICTURES[path](run))), list(list_parts(path.read_bytes()))
    assert [part[:2] for part in drawn] == [part[:2] for part in saved]
    for (tag, text, now), (_, _, then) in zip(drawn, saved, strict=True):
        assert now == pytest.approx(then, abs=TOLERANCE), f"{tag} {text}"


def test_pages_show_every_picture_and_no_other() -> None:
    shown = set()
    for page in list_pages():
        links = [link for link in list_links(page.read_text(encoding="utf-8")) if link.endswith(".svg")]
        shown |= {
            ROOT / link.removeprefix(RAW) if link.startswith(RAW) else (page.parent / link).resolve() for link in links
        }
    assert shown == set(pictures.PICTURES)


def test_bars_have_the_numbers_of_the_table(tmp_path: Path) -> None:
    done = perfbench("show", HEADLINE, "--columns", "interval", folder=tmp_path)
    rows = dict(re.findall(r"^  (\w+) +(\S+ → \S+ +\S+x .*)$", done.stdout.partition("\n\n")[0], re.MULTILINE))
    run = load_run(HEADLINE)
    bars = list(build_bars(build_report(run, ()).tables[0], run))
    assert [bar.mode for bar in bars] == ["lightweight", "full", "patched"]
    for bar in bars:
        seconds = formatting.format_seconds_pair(bar.before, bar.after)
        factor = formatting.format_factor(bar.factor, bar.low, bar.high)
        interval = formatting.format_interval(bar.low, bar.high)
        assert re.sub(r" +", " ", rows[bar.mode]) == f"{seconds} {factor} ▲ {interval}"


def test_headline_has_three_bars_with_intervals_and_announced_factors() -> None:
    picture = ET.fromstring(draw_headline(HEADLINE, pictures.HEADLINE_MARKET))
    kinds = [element.get("class") for element in picture.iter()]
    assert kinds.count("bar") == 3
    assert kinds.count("interval") == 3 + 1, "and that of the legend"
    assert kinds.count("announced") == 3 + 1
    texts = [text for text in picture.itertext() if text.startswith("announced ")]
    assert texts == ["announced 2.3x", "announced 3.4x", "announced 2.8x"]


def test_headline_is_readable_on_light_and_dark_pages() -> None:
    """It brings its own background, because a page may be dark where the system is light."""
    picture = draw_headline(HEADLINE, pictures.HEADLINE_MARKET)
    assert "@media (prefers-color-scheme: dark)" in picture
    rectangle = next(element for element in ET.fromstring(picture).iter() if element.get("class") == "card")
    assert float(rectangle.get("width", 0)) >= headline_picture.WIDTH - 1
    for kind in ("card", "text", "soft", "bar", "interval", "announced"):
        assert picture.count(f".{kind} {{") == 2, kind


def test_headline_keeps_markup_in_names_as_text() -> None:
    run = load_run(HEADLINE)
    evil = replace(run, perfbench="<script>")
    table = build_report(evil, ()).tables[0]
    picture = headline_picture._draw(table, list(build_bars(table, evil))[:3], evil)
    assert "<script>" not in picture
    assert "&lt;script&gt;" in picture


def test_headline_refuses_a_market_that_was_not_measured() -> None:
    with pytest.raises(ValueError, match=r"reference-headline\.json has no comparison on nowhere"):
        draw_headline(HEADLINE, "nowhere")
