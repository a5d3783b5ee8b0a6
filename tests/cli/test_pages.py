"""Pages through the command line: exported, opened, read again, and as a site of all runs of a folder."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support import advices
from support.command_line import HERE, measured, one_line, perfbench, variables
from support.pages import ReadPage, read
from support.runs import gated, measurement, run, sides_of
from support.sweeps import COSTS, sweep

from perfbench.advise.document import ADVICES
from perfbench.model import Environment, Run
from perfbench.results.document import RUNS

RESULTS = HERE.parent / "results"
OLD_RUN = HERE / "data" / "golden" / "run-schema-1.json"


def save(made: Run, folder: Path, name: str) -> Path:
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    RUNS.save(made, path)
    return path


def pair_of_releases(before: str, after: str, ratio: float, name: str, created: str) -> Run:
    """A comparison of two releases of a package, saved at this time."""
    seconds = [1.0 + 0.001 * n for n in range(24)]
    sides = sides_of("full", seconds, [ratio * value for value in seconds])
    specs = tuple(f"tool=={release}" for release in (before, after))
    sides = [replace(m, case=replace(m.case, environment=spec)) for m, spec in zip(sides, specs, strict=True)]
    made = run(sides, environments=(specs,))
    environments = tuple(Environment(spec, "python", "3.11.7") for spec in specs)
    duets = ((sides[0].case.id, sides[1].case.id),)
    return replace(made, id=name, created=created, environments=environments, duets=duets)


# Exports --------------------------------------------------------------------------------------------------------------


def test_run_is_exported_as_a_page_and_read_from_it_again(tmp_path: Path) -> None:
    done = measured("known_times", "--save", "mine", "--export", "html=mine.html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    read(tmp_path / "mine.html").check_is_closed()
    saved = perfbench("show", "mine", "--export", "json=saved.json", folder=tmp_path)
    again = perfbench("show", "mine.html", "--export", "json=again.json", folder=tmp_path)
    assert again.stdout == saved.stdout
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "saved.json").read_bytes()


def test_numbers_of_a_page_are_those_of_the_json_export(tmp_path: Path) -> None:
    steady = [1.0 + 0.001 * n for n in range(24)]
    slower = [1.1 * value for value in steady]
    save(gated(sides_of("a", steady, slower), sides_of("b", steady, steady), most=24), tmp_path, "gate")
    done = perfbench("show", "gate.json", "--export", "html=gate.html", "--export", "json=gate.out", folder=tmp_path)
    assert done.returncode == 3
    cases = json.loads((tmp_path / "gate.out").read_text())["evaluation"]["cases"]
    rows = read(tmp_path / "gate.html").rows("cases")
    assert len(rows) == len(cases) == 2
    for row, case in zip(rows, cases, strict=True):
        assert {
            name: row.data.get(name) for name in ("case", "status", "ratio", "low", "high", "pairs", "detectable")
        } == {name: case[name] for name in ("case", "status", "ratio", "low", "high", "pairs", "detectable")}
        assert (row.data["before"], row.data["after"]) == (case["before"], case["after"])


def test_two_pages_are_shown_and_compared_side_by_side(tmp_path: Path) -> None:
    for name, seconds in (("first", 1.0), ("second", 0.5)):
        save(replace(run([measurement("only", [seconds] * 8, baseline=True)]), id=name), tmp_path, name)
        assert perfbench("show", f"{name}.json", "--export", f"html={name}.html", folder=tmp_path).returncode == 0
    (tmp_path / "first.json").unlink()
    shown = perfbench("show", "first.html", "second.html", folder=tmp_path)
    compared = perfbench("compare", "first.html", "second.html", "--export", "html=both.html", folder=tmp_path)
    assert shown.returncode == compared.returncode == 0, compared.stderr
    assert shown.stdout == compared.stdout
    assert "2.0x ▲" in shown.stdout
    assert any("unpaired" in line for line in read(tmp_path / "both.html").warnings)


def test_sweep_is_exported_in_every_format_as_a_page_too(tmp_path: Path) -> None:
    specs = tuple(f"horses=={name}" for name in COSTS)
    save(replace(run(sweep(COSTS), environments=(specs,), links="neighbours", rounds=24), id="s"), tmp_path, "s")
    done = perfbench("show", "s.json", "--export", "html=s.html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "s.html").sections[:2] == ["trajectory", "releases"]
    assert perfbench("show", "s.html", folder=tmp_path).stdout == done.stdout


def test_calibration_is_exported_and_shown_from_its_page(tmp_path: Path) -> None:
    shown = perfbench(
        "calibrate", "--show", RESULTS / "reference-calibration.json", "--export", "html=c.html", folder=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    assert perfbench("calibrate", "--show", "c.html", folder=tmp_path).stdout == shown.stdout


def test_profile_is_exported_and_shown_from_its_page(tmp_path: Path) -> None:
    path = RESULTS / "reference-blame.profile.json"
    shown = perfbench("profile", "--show", path, "--export", "html=p.html", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert perfbench("profile", "--show", "p.html", folder=tmp_path).stdout == shown.stdout
    refused = perfbench("show", "p.html", folder=tmp_path)
    assert refused.returncode == 2
    assert one_line(refused.stderr).endswith("is a saved profile, not a run\nhint: perfbench profile --show p.html")


def test_difference_of_two_saved_profiles_is_exported(tmp_path: Path) -> None:
    path = RESULTS / "reference-blame.profile.json"
    done = perfbench("profile", "--diff", path, path, "--export", "html=-", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    page = ReadPage(done.stdout)
    assert page.sections[0] == "difference-1"
    assert "these profiles cost" in done.stderr


def test_verdicts_are_exported_and_shown_from_their_page(tmp_path: Path) -> None:
    runs = [
        word for name in ("network", "reconnect") for word in ("--run", RESULTS / f"reference-verdicts-{name}.json")
    ]
    shown = perfbench("scenarios", "--verdicts", *runs, "--export", "html=v.html", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    again = perfbench("scenarios", "--verdicts", "--run", "v.html", folder=tmp_path)
    assert again.stdout == shown.stdout


def test_advice_is_exported_and_shown_from_its_page(tmp_path: Path) -> None:
    ADVICES.save(advices.advice(), tmp_path / "a.advice.json")
    shown = perfbench("show", "a.advice.json", "--export", "html=a.html", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert perfbench("show", "a.html", folder=tmp_path).stdout == shown.stdout


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("calibrate", "--export", "csv=x"), "--export csv: not a format of a calibration\nhint: choose html"),
        (("profile", "--export", "json=x"), "--export json: not a format of a profile\nhint: choose html"),
        (("scenarios", "--verdicts", "--export", "csv=x"), "--export csv: not a format of verdicts\nhint: choose html"),
        (("scenarios", "--export", "html=x"), "--export requires --verdicts"),
        (("sweep", "--bisect", "--export", "html=x"), "--bisect saves a run of its own for each comparison"),
    ],
)
def test_export_that_a_command_does_not_have_is_refused(tmp_path: Path, words: tuple[str, ...], cause: str) -> None:
    done = perfbench(*words, folder=tmp_path)
    assert done.returncode == 2
    assert cause in one_line(done.stderr)


def test_template_engine_is_imported_for_a_page_only(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['perfbench', 'show', *sys.argv[1:]]\n"
        "from perfbench.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', 'jinja2' in sys.modules, file=sys.stderr)"
    )
    for options, imported in ((["--export", "csv=x.csv"], "False"), (["--export", "html=x.html"], "True")):
        command = [sys.executable, "-c", code, str(OLD_RUN), *options]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=variables(tmp_path), check=False
        )
        assert f"IMPORTED {imported}" in done.stderr


# show --open ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A browser that notes what it is asked to open."""
    path = tmp_path / "browser"
    path.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_open_writes_the_page_beside_the_run_and_opens_it(tmp_path: Path, browser: Path) -> None:
    shutil.copy(OLD_RUN, tmp_path / "mine.json")
    done = perfbench("show", "mine.json", "--open", folder=tmp_path, env={"BROWSER": str(browser)}, process=True)
    assert done.returncode == 6
    page = tmp_path / "mine.html"
    assert f"page: {page.name}" in done.stderr
    assert (tmp_path / "opened").read_text() == f"{page.as_uri()}\n"
    read(page).check_is_closed()


def test_page_is_opened_as_it_is(tmp_path: Path, browser: Path) -> None:
    assert perfbench("show", OLD_RUN, "--export", "html=mine.html", folder=tmp_path).returncode == 6
    before = (tmp_path / "mine.html").read_bytes()
    done = perfbench("show", "mine.html", "--open", folder=tmp_path, env={"BROWSER": str(browser)}, process=True)
    assert "page: mine.html" in done.stderr
    assert (tmp_path / "mine.html").read_bytes() == before
    assert (tmp_path / "opened").read_text() == f"{(tmp_path / 'mine.html').as_uri()}\n"


def test_foreign_file_of_the_same_name_is_not_replaced(tmp_path: Path, browser: Path) -> None:
    shutil.copy(OLD_RUN, tmp_path / "mine.json")
    (tmp_path / "mine.html").write_text("<p>notes of mine")
    perfbench("show", "mine.json", "--open", folder=tmp_path, env={"BROWSER": str(browser)}, process=True)
    assert (tmp_path / "mine.html").read_text() == "<p>notes of mine"
    opened = (tmp_path / "opened").read_text().strip()
    assert opened.endswith("/mine.html")
    assert str(tmp_path / "tmp") in opened


def test_open_without_a_browser_says_where_the_page_is(tmp_path: Path) -> None:
    shutil.copy(OLD_RUN, tmp_path / "mine.json")
    done = perfbench(
        "show", "mine.json", "--open", folder=tmp_path, env={"BROWSER": "/no/such/browser", "PATH": "/"}, process=True
    )
    assert done.returncode == 6
    assert "page: mine.html (no browser could be started: open it in one)" in done.stderr
    assert (tmp_path / "mine.html").is_file()


def test_advice_is_opened_too(tmp_path: Path, browser: Path) -> None:
    ADVICES.save(advices.advice(), tmp_path / "a.advice.json")
    options = ("--results", ".", "--open")
    done = perfbench("show", "a.advice.json", *options, folder=tmp_path, env={"BROWSER": str(browser)}, process=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "opened").read_text().strip().endswith(".advice.html")


# Damaged pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("<!doctype html><p>not of perfbench", "x.html is a page without a run saved by perfbench"),
        ("", "x.html is damaged or cut off: "),
    ],
)
def test_page_without_a_run_is_one_line_and_code_5(tmp_path: Path, content: str, cause: str) -> None:
    (tmp_path / "x.html").write_text(content)
    done = perfbench("show", "x.html", folder=tmp_path)
    assert done.returncode == 5
    assert one_line(done.stderr).startswith(f"perfbench: {cause}")


# Sites ----------------------------------------------------------------------------------------------------------------


def links_of(page: ReadPage) -> list[str]:
    return [str(link) for link in page.root.xpath("//table[@data-name='runs']//a/@href")]


def test_site_has_a_page_for_each_run_and_an_index_with_the_newest_first(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    for name, created in (("old", "2026-01-01"), ("new", "2026-03-01"), ("middle", "2026-02-01")):
        save(pair_of_releases("1.0", "2.0", 0.5, name, f"{created}T00:00:00+00:00"), folder, name)
    done = perfbench("report", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{Path('site') / 'index.html'}\n"
    assert done.stderr.splitlines() == ["1 of 3: middle.json", "2 of 3: new.json", "3 of 3: old.json"]
    index = read(tmp_path / "site" / "index.html")
    index.check_is_closed()
    assert links_of(index) == ["new.html", "middle.html", "old.html"]
    for link in links_of(index):
        page = read(tmp_path / "site" / link)
        assert page.root.xpath("//p[@class='up']/a/@href") == ["index.html"]
        assert perfbench("show", tmp_path / "site" / link, folder=tmp_path).returncode == 0


def test_history_chains_comparisons_of_several_runs(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    save(pair_of_releases("1.0", "1.9", 0.5, "first", "2026-01-01"), folder, "first")
    save(pair_of_releases("1.9", "1.10", 0.8, "second", "2026-02-01"), folder, "second")
    other = pair_of_releases("1.10", "2.0", 0.1, "third", "2026-03-01")
    python = tuple(replace(environment, version="3.13.0") for environment in other.environments)
    save(replace(other, environments=python), folder, "third")
    assert perfbench("report", "mine", "-o", "out", "--quiet", folder=tmp_path).returncode == 0
    page = read(tmp_path / "out" / "history.html")
    page.check_is_closed()
    titles = [heading.text_content() for heading in page.root.xpath("//main/section/h2")]
    assert titles == ["tool · made_up · Python 3.11", "tool · made_up · Python 3.13"]
    rows = page.rows(f"Costs of {titles[0]}")
    assert [(row.cells[0], row.cells[1].split()[0]) for row in rows] == [
        ("1.0", "1.000"),
        ("1.9", "0.500"),
        ("1.10", "0.400"),
    ]
    assert "Chained from first, second." in page.text


def test_files_that_cannot_be_shown_are_a_line_each_and_the_others_have_pages(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    save(pair_of_releases("1.0", "2.0", 0.5, "good", "2026-01-01"), folder, "good")
    (folder / "broken.json").write_text("{")
    (folder / "foreign.json").write_text("{}")
    (folder / "p.profile.json").write_text("[]")
    (folder / "notes.txt").write_text("nothing of perfbench")
    (folder / "page.html").write_text("<!doctype html><p>somebody's page")
    done = perfbench("report", "--quiet", folder=tmp_path)
    assert done.returncode == 5
    *lines, last = done.stderr.splitlines()
    assert [line.split(" ")[:2] for line in lines] == [
        ["!", f"results/{name}"] for name in ("broken.json", "foreign.json", "p.profile.json")
    ]
    assert last == 'perfbench: 3 of 4 files could not be shown (see the lines marked "!")'
    index = read(tmp_path / "site" / "index.html")
    assert links_of(index) == ["good.html"]
    assert len(index.warnings) == 3


def test_parts_of_a_document_that_do_not_fit_together_are_a_line_too(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    specs = tuple(f"horses=={name}" for name in COSTS)
    swept = run(sweep(COSTS), environments=(specs,), links="anchor", anchor="horses==0.1", rounds=24)
    save(replace(swept, id="swept"), folder, "swept")
    save(pair_of_releases("1.0", "2.0", 0.5, "good", "2026-01-01"), folder, "good")
    done = perfbench("report", "--quiet", folder=tmp_path)
    assert done.returncode == 5
    assert done.stderr.startswith("! results/swept.json: swept is damaged: its anchor is none of its releases\n")
    assert links_of(read(tmp_path / "site" / "index.html")) == ["good.html"]


def test_site_of_two_folders_and_of_itself_has_every_run_once(tmp_path: Path) -> None:
    save(pair_of_releases("1.0", "2.0", 0.5, "first", "2026-01-01"), tmp_path / "a", "same")
    save(pair_of_releases("1.0", "2.0", 0.4, "second", "2026-02-01"), tmp_path / "b", "same")
    assert perfbench("report", "a", "b", "a", "-o", "a", folder=tmp_path).returncode == 0
    assert sorted(links_of(read(tmp_path / "a" / "index.html"))) == ["same-2.html", "same.html"]
    assert perfbench("report", "a", "-o", "again", folder=tmp_path).returncode == 0
    assert len(links_of(read(tmp_path / "again" / "index.html"))) == 2


def test_parts_of_a_calibration_are_one_page(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for part in ("", "-slower", "-against"):
        shutil.copy(RESULTS / f"reference-calibration{part}.json", folder / f"calibration{part}.json")
    assert perfbench("report", folder=tmp_path).returncode == 0
    index = read(tmp_path / "site" / "index.html")
    assert [row.cells[0] for row in index.rows("runs")] == ["calibration calibration"]
    assert read(tmp_path / "site" / "calibration.html").sections[:3] == ["unchanged", "slowdowns", "tools"]


@pytest.mark.parametrize(
    ("words", "code", "cause"),
    [
        (("nowhere",), 5, "nowhere cannot be read (No such file or directory)"),
        (("empty",), 5, "there is no saved run to show"),
        (("empty", "-o", "file"), 2, "--output file: not a folder"),
    ],
)
def test_site_of_nothing_is_refused_in_one_line(tmp_path: Path, words: tuple[str, ...], code: int, cause: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    done = perfbench("report", *words, folder=tmp_path)
    assert done.returncode == code
    assert cause in one_line(done.stderr)
    assert not (tmp_path / "site").exists()


def test_names_of_files_cannot_leave_the_folder_of_a_site(tmp_path: Path) -> None:
    name = "a..%2f <b>&\"' ü"
    save(pair_of_releases("1.0", "2.0", 0.5, name, "2026-01-01"), tmp_path / "results", name)
    assert perfbench("report", folder=tmp_path).returncode == 0
    index = read(tmp_path / "site" / "index.html")
    index.check_is_closed()
    (link,) = links_of(index)
    assert sorted(os.listdir(tmp_path / "site")) == sorted(["history.html", "index.html", link])
    assert name in index.rows("runs")[0].cells[0]


def test_document_of_a_page_is_the_saved_file(tmp_path: Path) -> None:
    made = pair_of_releases("1.0", "2.0", 0.5, "mine", "2026-01-01")
    save(made, tmp_path, "mine")
    perfbench("show", "mine.json", "--export", "html=mine.html", folder=tmp_path)
    assert (
        RUNS.load(tmp_path / "mine.html")
        == made
        == msgspec.json.decode((tmp_path / "mine.json").read_bytes(), type=Run)
    )
