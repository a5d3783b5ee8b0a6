"""README.md: one screen, links that work on the package index, and a picture, a table and commands that are regenerated or run."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
from perfbench_docs import pages
from perfbench_docs.blocks import list_blocks, strip_blocks
from perfbench_docs.pages import CodeBlock, list_code_blocks, list_links, strip_code_blocks
from perfbench_docs.project import BLOB, RAW, README, REPOSITORY

TEXT = README.read_text(encoding="utf-8")
MAX_LINES, MAX_BYTES, MAX_LINE, MAX_TABLE = 200, 10_000, 120, 100


def section(title: str, text: str = TEXT) -> str:
    """What stands below a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_readme_is_short() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= MAX_LINES
    assert len(TEXT.encode()) <= MAX_BYTES
    assert [line for line in lines if len(line) > MAX_LINE] == []


def test_readme_begins_with_a_sentence_the_picture_and_the_two_commands_of_a_newcomer() -> None:
    title, sentence, picture, clone = TEXT.split("\n\n")[:4]
    assert title == "# perfbench"
    assert sentence.endswith(".")
    assert picture.startswith("![")
    assert clone.splitlines()[1] == f"git clone {REPOSITORY} && cd perfbench"
    assert clone.splitlines()[2].startswith("make run ")


def test_readme_has_one_table_of_one_market_in_few_columns() -> None:
    (block,) = list_blocks(TEXT)
    assert block.kind == "shown"
    assert len(re.findall(r"^replay · ", block.text, re.MULTILINE)) == 1
    assert max(map(len, block.text.splitlines())) <= MAX_TABLE


def test_every_bullet_of_what_nobody_else_does_has_a_link() -> None:
    bullets = re.findall(r"^- (.*?)(?=^- |\Z)", section("What nobody else does"), re.MULTILINE | re.DOTALL)
    assert len(bullets) == 6
    assert [bullet for bullet in bullets if not re.search(r"\]\[[\w-]+\]", bullet)] == []


def test_quick_starts_have_three_lines_each() -> None:
    blocks = list(list_code_blocks(section("Quick starts")))
    assert [block.language for block in blocks] == ["console"] * 4
    assert [len(block.content.splitlines()) for block in blocks] == [3] * 4


def test_limitations_have_three_lines() -> None:
    limitations = section("Limitations").partition("\n\nMIT")[0].strip()
    assert [line[:2] for line in limitations.splitlines()] == ["- "] * 3


def test_readme_names_the_licence() -> None:
    assert "MIT licence" in TEXT


def test_links_are_absolute_so_that_they_work_on_the_package_index() -> None:
    links = list_links(TEXT)
    assert len(links) >= 20
    assert [link for link in links if not link.startswith((BLOB, RAW))] == []


def test_labels_of_links_are_defined_and_used() -> None:
    prose = strip_code_blocks(TEXT)
    used = set(re.findall(r"\]\[([\w-]+)\]", prose))
    assert used == set(re.findall(r"^\[([\w-]+)\]: ", prose, re.MULTILINE))


def test_readme_renders_as_the_package_index_renders_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its Markdown engine is not installed
        from readme_renderer import markdown

        rendered = markdown.render(TEXT)
    if rendered is None:
        pytest.skip("readme_renderer has no Markdown engine here: install readme-renderer[md]")
    assert rendered.count("<pre") == sum(1 for _ in list_code_blocks(TEXT))
    assert f'<img src="{RAW}results/reference-headline.svg"' in rendered
    assert "][" not in re.sub(r"<pre.*?</pre>", "", rendered, flags=re.DOTALL)


def test_no_number_of_the_prose_is_measured() -> None:
    assert not find_measured_numbers(TEXT)


def find_measured_numbers(text: str) -> list[str]:
    """Seconds, factors and rates in the prose of a page; what tables of saved runs say does not count."""
    prose = strip_code_blocks(strip_blocks(text))
    return re.findall(r"\d\.\d+(?:s|x)\b|\d+(?:\.\d+)? times|updates a second", prose)


GUIDES = [page for page in pages.list_pages() if page != README and page.parent.name != "concepts"]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_no_number_of_a_guide_is_measured(page: Path) -> None:
    assert not find_measured_numbers(page.read_text(encoding="utf-8"))


def test_code_blocks_are_split_at_their_fences() -> None:
    text = "a\n```sh\nb\n```\n````text\n```\nc\n```\n````\n"
    assert list(list_code_blocks(text)) == [CodeBlock("sh", "b\n"), CodeBlock("text", "```\nc\n```\n")]
