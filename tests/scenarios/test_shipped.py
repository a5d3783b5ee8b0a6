"""The shipped scenarios on real libraries: every mode does the same work and gives the same output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.command_line import QUICK, perfbench
from support.scenarios import list_scenario_paths

from perfbench.datasets import manifest
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

RECIPES = {
    "full depth, BSP, removal": Recipe(seed=11, runners=8, updates=700, bsp=True, in_play=True, removal=True),
    "levels": Recipe(seed=12, runners=3, updates=700, in_play=True, ladder="levels"),
    "an event": Recipe(seed=13, runners=4, updates=300, markets=3),
}

SOURCES = {"community notes", "perfbench"}

SHORTEST = "gc_tuning"
ADVISED = [
    pytest.param(path.stem, marks=() if path.stem == SHORTEST else pytest.mark.slow)  # each has a test file of its own
    for path in list_scenario_paths()
    if "CLAIMS" in path.read_text()
]


def test_every_shipped_scenario_has_a_question_and_a_line_for_each_mode(tmp_path: Path) -> None:
    done = perfbench("scenarios", folder=tmp_path)
    assert done.returncode == 0
    for path in list_scenario_paths():
        assert re.search(rf"^{path.stem} · .+\?", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", RECIPES)
def test_lightweight_full_and_patched_give_the_same_books_in_every_field(tmp_path: Path, name: str) -> None:
    write_market(RECIPES[name], tmp_path / "market")
    done = perfbench("run", *QUICK, "--data", "market", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^  (full|patched) .*\b(yes|no)$", done.stdout, re.MULTILINE)
    assert rows == [("full", "yes"), ("patched", "yes")]
    document = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    assert {m["output"]["updates"] for m in document["measurements"]} == {RECIPES[name].updates}
    assert len({m["output"]["digest"] for m in document["measurements"]}) == 1
    for measurement in document["measurements"]:
        imported = {package["name"] for package in measurement["packages"]}
        assert "betfairlightweight" in imported


@pytest.mark.skipif(
    not all(map(manifest.is_available, manifest.list_known_files())),
    reason="perfbench data pull fetches the real files",
)
def test_the_modes_agree_on_a_real_file(tmp_path: Path) -> None:
    real = next(known for known in manifest.list_known_files() if known.name == "1.197931750")
    done = perfbench("run", *QUICK, "--data", manifest.locate_file(real), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "replay · 1.197931750 · 166 updates" in done.stdout


@pytest.mark.parametrize("name", ADVISED)
def test_every_scenario_about_advice_is_measured_in_seconds_and_its_modes_agree(tmp_path: Path, name: str) -> None:
    options = (*QUICK, "--rounds", 1, "--data", "sample-win", "--save", "q")
    done = perfbench("run", name, *options, folder=tmp_path, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "results" / "q.json").read_text())
    outputs = {m["output"]["digest"] for m in document["measurements"] if m["output"] and not m["floor"]}
    assert len(outputs) == 1
    assert len({s["work"] for m in document["measurements"] for s in m["samples"]}) == 1
    if name not in ("replay", "live"):  # whose claims are those of a release
        assert re.search(r"^  advice “.+” \(.+\): ", done.stdout, re.MULTILINE)
        assert {claim["source"] for s in document["scenarios"] for claim in s["claims"]} <= SOURCES


@pytest.mark.parametrize("where", ["market", "runner", "ladder", "definition"])
def test_check_detects_a_change_of_any_part_of_a_book(tmp_path: Path, where: str) -> None:
    write_market(RECIPES["full depth, BSP, removal"], tmp_path / "market")
    scenario = """
from perfbench.kit.bflw import books_fields, replay
from perfbench import canonical, mode

WHERE = {where!r}

@mode(baseline=True)
def right(market):
    return replay(market, lightweight=True)

@mode
def wrong(market):
    for number, books in enumerate(replay(market, lightweight=True)):
        if number == 500:
            book = dict(books[0])
            if WHERE == "market":
                book["totalMatched"] = -1
            elif WHERE == "definition":
                book["marketDefinition"] = dict(book["marketDefinition"], betDelay=99)
            else:
                runner = dict(book["runners"][2])
                if WHERE == "runner":
                    runner["lastPriceTraded"] = 1.5
                else:
                    runner["ex"] = dict(runner["ex"], availableToBack=[dict(price=1.01, size=0.5)])
                book["runners"] = [*book["runners"][:2], runner, *book["runners"][3:]]
            books = [book]
        yield books

@canonical
def books(update, part):
    return books_fields(update, part)
"""
    own = tmp_path / "own"
    own.mkdir()
    (own / "mutant.py").write_text(f'"""Does the check see it?"""\n{scenario.replace("{where!r}", repr(where))}')
    done = perfbench("run", "mutant", "--scenarios", own, *QUICK, "--data", "market", folder=tmp_path)
    assert done.returncode == 6, done.stdout + done.stderr
    expected = {
        "market": r"\[0\]\.totalmatched: .+ → -1",
        "runner": r"\[0\]\.runners\[2\]\.lastpricetraded: .+ → 1.5",
        "ladder": r"\[0\]\.runners\[2\]\.ex\.availabletoback",
        "definition": r"\[0\]\.marketdefinition\.betdelay: . → 99",
    }
    assert re.search(rf"! wrong differs at update 501, {expected[where]}", done.stdout)
