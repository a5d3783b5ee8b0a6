"""Pages about advice: one for each piece of advice in the saved runs, with the numbers of ``perfbench scenarios --verdicts``."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from perfbench_docs import advice_pages
from perfbench_docs.advice_pages import (
    AdvisedScenario,
    load_advised_scenarios,
    name_figure,
    render_pages,
    select_newest,
)
from perfbench_docs.project import BLOB, DOCS, RESULTS, ROOT
from perfbench_docs.scenario_sources import list_scenarios_with_advice, read_mode_source
from support.command_line import perfbench

HOSTILE = "</script><img src=x onerror=alert(1)> | `x` [a](b)"


@pytest.fixture(scope="module")
def scenarios() -> list[AdvisedScenario]:
    return load_advised_scenarios(RESULTS)


@pytest.fixture(scope="module")
def rendered(scenarios: list[AdvisedScenario]) -> dict[str, str]:
    return render_pages(scenarios)


def read_text(page: str) -> str:
    """The text of a page as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]+>", "", MarkdownIt("commonmark").enable("table").render(page)))


def test_every_piece_of_advice_of_the_saved_runs_has_a_page(
    tmp_path: Path, scenarios: list[AdvisedScenario], rendered: dict[str, str]
) -> None:
    done = perfbench("scenarios", "--verdicts", "--results", RESULTS, folder=tmp_path)
    advised, subject = set(), ""
    for scenario, text in re.findall(r"^(?:(\w+) · .*|  “(.*)” \(.*\))$", done.stdout, re.MULTILINE):
        subject = scenario or subject  # the same advice may be given on two subjects
        advised |= {(subject, text)} if text else set()
    assert len(advised) > 15
    pages = {(path.partition("/")[0], read_text(page).partition("\n")[0]) for path, page in rendered.items()}
    assert {(scenario, text) for scenario, text in advised if (scenario, f"“{text}”") not in pages} == set()
    assert sum(len(scenario.advice) for scenario in scenarios) == len(advised)


def test_page_has_the_words_and_numbers_of_the_verdict(
    tmp_path: Path, scenarios: list[AdvisedScenario], rendered: dict[str, str]
) -> None:
    done = perfbench("scenarios", "--verdicts", "--results", RESULTS, folder=tmp_path)
    for scenario in scenarios:
        for piece in scenario.advice:
            text = read_text(rendered[f"{scenario.name}/{piece.slug}.md"])
            for row in piece.rows:
                line = f"{row.about}: {row.verdict}" + (f", {row.measured}" if row.measured else "")
                assert line in done.stdout
                for part in filter(None, (row.about, row.verdict, row.measured, row.where, row.better, piece.source)):
                    assert " ".join(part.split()) in " ".join(text.split())


def test_page_shows_the_code_that_is_compared(scenarios: list[AdvisedScenario], rendered: dict[str, str]) -> None:
    shown = 0
    for scenario in scenarios:
        for piece in scenario.advice:
            page = rendered[f"{scenario.name}/{piece.slug}.md"]
            for claim in piece.claims:
                assert f"**`{claim.before}`** (compared with)" in page
                assert f"**`{claim.after}`** (" in page
                source = read_mode_source(scenario.name, claim.before)
                shown += bool(source)
                assert source in page
    assert shown > 10


def test_page_says_which_run_and_machine_its_numbers_are_from(
    scenarios: list[AdvisedScenario], rendered: dict[str, str]
) -> None:
    for scenario in scenarios:
        for path in (f"{scenario.name}/index.md", f"{scenario.name}/{scenario.advice[0].slug}.md"):
            newest = scenario.runs[-1]
            assert f"({BLOB}results/{newest.name}.json)" in rendered[path]
            assert f"measured {newest.report.run.created[:10]} by perfbench" in rendered[path].lower()


def test_page_of_a_scenario_shows_every_table_and_figure(
    scenarios: list[AdvisedScenario], rendered: dict[str, str]
) -> None:
    for scenario in scenarios:
        page = rendered[f"{scenario.name}/index.md"]
        shown = len(re.findall(rf"^{scenario.name} · ", page, re.MULTILINE))
        assert shown == sum(len(run.report.tables) + len(run.report.figures) for run in scenario.runs)
        figures = [f"]({name_figure(n)})" for n, run in enumerate(scenario.runs) if run.report.figures]
        assert re.findall(r"\]\(plot[-\d]*\.svg\)", page) == figures


def test_pages_refer_to_pages_that_are_generated(rendered: dict[str, str]) -> None:
    for path, page in rendered.items():
        for link in re.findall(r"\]\(([^)#:]+\.md)\)", page):
            assert (Path(path).parent / link).as_posix() in rendered, f"{path}: {link}"
        for name in re.findall(r"^```\{toctree\}\n:hidden:\n\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
            assert all((Path(path).parent / f"{line}.md").as_posix() in rendered for line in name.splitlines())


def test_foreign_words_stay_text(scenarios: list[AdvisedScenario]) -> None:
    scenario = next(scenario for scenario in scenarios if scenario.name == "vwap")
    row = replace(scenario.advice[0].rows[0], about=HOSTILE, better=HOSTILE)
    evil = replace(scenario, question=HOSTILE, advice=(replace(scenario.advice[0], source=HOSTILE, rows=(row,)),))
    for page in render_pages([evil]).values():
        prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
        assert "<img src=x" not in MarkdownIt("commonmark").enable("table").render(prose)


def test_index_without_saved_runs_says_how_to_measure(tmp_path: Path) -> None:
    pages = render_pages(load_advised_scenarios(tmp_path))
    assert list(pages) == ["index.md"]
    assert advice_pages.NOTHING in pages["index.md"]


def test_overview_lists_every_scenario_about_advice() -> None:
    page = (DOCS / "quants" / "advice.md").read_text(encoding="utf-8")
    listed = dict(re.findall(rf"^\| \[`(\w+)`\]\({re.escape(BLOB)}(\S+)\) \|", page, re.MULTILINE))
    missing = {name for name in list_scenarios_with_advice() if name not in listed}
    assert not missing
    assert [path for path in listed.values() if not (ROOT / path).is_file()] == []


def test_run_is_left_out_only_if_newer_ones_repeat_all_of_it(scenarios: list[AdvisedScenario]) -> None:
    """A run of other parameters, such as more markets, adds to a page; the same once more takes the place of the older."""
    (older,) = next(scenario for scenario in scenarios if scenario.name == "vwap").runs
    again = replace(older, name="again")
    assert select_newest([older, again]) == (again,)
    half = replace(older, name="half", report=replace(older.report, tables=older.report.tables[:2]))
    assert select_newest([older, half]) == (older, half)
    assert select_newest([half, older]) == (older,)
