"""What a run says of advice: lines below a table, and the page of all verdicts, through the real command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import SCENARIOS, measured, one_line, perfbench
from support.runs import measurement, run, sample, scenario

from perfbench.model import Claim
from perfbench.report import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs ``one``, of the defaults, and ``swept``, over the periods."""
    folder = tmp_path_factory.mktemp("advice")
    assert measured("advised", "--rounds", "6", "--save", "one", folder=folder).returncode == 0
    sweep = ("--sweep", "periods=16,256", "--rounds", "6", "--save", "swept")
    assert measured("advised", *sweep, folder=folder).returncode == 0
    return folder


def page(folder: Path, *arguments: str) -> str:
    done = perfbench("scenarios", "--verdicts", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_table_ends_with_its_verdict_on_the_advice(folder: Path) -> None:
    lines = [line.strip() for line in perfbench("show", "one", folder=folder).stdout.splitlines()]
    assert (
        "advice “use a ring” (somebody's notes): refuted: it makes things worse, reported seconds 50.000ms → 64.000ms, "
        "1.28x slower [1.280–1.280]; better: sums, 50.000ms → 2.000ms, 25.0x faster [25.00–25.00]" in lines
    )
    assert "advice “use a ring” (somebody's notes): holds, held bytes 96 B → 0 B" in lines


def test_advice_between_two_modes_other_than_the_baseline_gets_a_verdict_too(folder: Path) -> None:
    table = perfbench("show", "one", folder=folder).stdout
    assert re.search(
        r"advice “add up” \(somebody's notes\): holds, but only 4\.0x, hits 10 % → 40 %, 4\.0x more", table
    )


def test_advice_that_promises_more_than_there_is_holds_but_less(folder: Path) -> None:
    assert (
        "advice “100x by sums” (somebody's notes): holds, but only 25.0x"
        in perfbench("show", "one", folder=folder).stdout
    )


def test_the_page_has_every_piece_of_advice_with_its_verdict_and_the_better_way(folder: Path) -> None:
    text = page(folder, "--run", "one")
    assert text.startswith("advised · Does the advice hold?\n  “use a ring” (somebody's notes)\n")
    assert "    reported seconds: refuted: it makes things worse, 50.000ms → 64.000ms" in text
    assert "      better: sums (Adds them up once): 50.000ms → 2.000ms, 25.0x faster" in text
    assert re.search(r"^measured \d{4}-\d\d-\d\d by perfbench", text, re.MULTILINE)


def test_page_of_a_sweep_shows_the_value_from_which_advice_holds(folder: Path) -> None:
    text = page(folder, "--run", "swept")
    assert "    reported seconds: holds in part, 16.000ms → 64.000ms, 4.0x slower" in text
    assert "at periods 16; 0.256s → 0.0640s, 4.0x faster [4.00–4.00] at periods 256" in text
    assert "      faster from 64 periods on\n" in text


def test_page_of_one_value_names_the_parameters_that_were_set(folder: Path) -> None:
    done = measured("advised", "--set", "periods=16", "--rounds", "6", "--save", "chosen", folder=folder)
    assert done.returncode == 0
    assert "16.000ms → 64.000ms, 4.0x slower [4.00–4.00] at periods 16\n" in page(folder, "--run", "chosen")


def test_page_of_several_runs_lists_the_advice_of_each_with_its_date(folder: Path) -> None:
    assert page(folder, "--run", "one", "--run", "swept") == page(folder, "--run", "one") + "\n" + page(
        folder, "--run", "swept"
    )


def test_page_uses_all_reference_runs_by_default(folder: Path) -> None:
    kept = folder / "kept"
    kept.mkdir()
    for name, part in (("one", "b"), ("swept", "a")):
        (kept / f"reference-verdicts-{part}.json").write_bytes((folder / "results" / f"{name}.json").read_bytes())
    assert page(folder, "--results", "kept") == page(folder, "--run", "swept", "--run", "one")


def test_the_page_is_a_markdown_table_too(folder: Path) -> None:
    lines = page(folder, "--run", "one", "--markdown").splitlines()
    assert lines[0] == "| advice | source | metric | verdict | measured | holds for | better |"
    assert lines[2].startswith(
        "| “use a ring” (advised) | somebody's notes | reported seconds | refuted: it makes things worse |"
    )


def test_a_scenario_can_be_chosen_and_one_that_the_run_lacks_is_refused(folder: Path) -> None:
    assert page(folder, "advised", "--run", "one").startswith("advised · ")
    refused = perfbench("scenarios", "advise", "--verdicts", "--run", "one", folder=folder)
    assert refused.returncode == 2
    assert "no scenario in this run `advise`; did you mean `advised`?" in one_line(refused.stderr)


def test_a_run_without_advice_has_no_page(tmp_path: Path) -> None:
    assert measured("known_times", "--save", "plain", folder=tmp_path).returncode == 0
    done = perfbench("scenarios", "--verdicts", "--run", "plain", folder=tmp_path)
    assert done.returncode == 5
    assert "no advice in plain" in one_line(done.stderr)


def test_missing_reference_run_is_reported_in_one_line(tmp_path: Path) -> None:
    done = perfbench("scenarios", "--verdicts", folder=tmp_path)
    assert done.returncode in (2, 5)
    assert "reference-verdicts" in one_line(done.stderr)
    alone = perfbench("scenarios", "--markdown", folder=tmp_path)
    assert (alone.returncode, one_line(alone.stderr)) == (2, "perfbench: --markdown requires --verdicts")


CORRECTIONS = (
    ("rings", "ring"),
    ('metric="held"', 'metric="held_bytes"'),
    (', better="neither"', ""),
    ('" "', "NOTES"),
    (", saves=(0.05, 0.01)", ""),
    (", saves=(0.01, 0.05)", ""),
    (", bounded=True", ""),
)
"""What each mistake below stands for in the file."""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('Claim("loop", "rings", 1.0', "a claim is about `rings`, which is not a mode"),
        ('Claim("loop", "ring", 1.0, NOTES, metric="held"', "a claim is about `held`, which is not in METRICS"),
        ('Claim("loop", "ring", 1.0, " "', "the claim about `ring` has no source: name where it comes from"),
        ('"use a ring", saves=(0.05, 0.01)', "saves=(0.05, 0.01), which are the least and the most seconds"),
        ('metric="held_bytes", saves=(0.01, 0.05)', "the claim about `ring` saves seconds, but its metric is in bytes"),
        (
            '"100x by sums", bounded=True',
            "the claim about `sums` is bounded, which is of a metric in METRICS that grows",
        ),
        ('"held_bytes": Metric("bytes", better="neither")', "`held_bytes`, of which neither more nor less is better"),
    ],
)
def test_advice_about_what_is_not_there_is_refused(tmp_path: Path, wrong: str, said: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = (SCENARIOS / "advised.py").read_text()
    right = wrong
    for mistake, correct in CORRECTIONS:
        right = right.replace(mistake, correct)
    assert right in text
    (own / "advised.py").write_text(text.replace(right, wrong))
    done = perfbench("run", "advised", "--scenarios", own, "--rounds", "2", folder=tmp_path)
    assert done.returncode == 5
    assert said in one_line(done.stderr)


def test_the_seconds_of_a_row_and_of_advice_are_those_of_their_own_pairs_so_that_they_fit_the_ratio() -> None:
    """The baseline was slow in its pairs with another mode: neither slower nor faster is what the advice made of it."""
    quick = [sample(number, 1.0, pair=f"ring {number}") for number in range(8)]
    slow = [sample(number, 3.0, pair=f"other {number}") for number in range(30)]
    loop = replace(measurement("loop", [], baseline=True), samples=(*quick, *slow))
    ring = replace(
        measurement("ring", []), samples=tuple(sample(number, 0.5, pair=f"ring {number}") for number in range(8))
    )
    advised = replace(scenario("loop", "ring"), claims=(Claim("loop", "ring", 1.0, "notes", text="use a ring"),))
    table = build.build_report(replace(run([loop, ring]), scenarios=(advised,)), ()).tables[0]
    (judged,) = table.advice
    assert (judged.before, judged.after, judged.ratio) == (1.0, 0.5, 0.5)
    assert table.rows[0].seconds == 3.0
    row = table.rows[1].comparison
    assert row is not None
    assert (row.before, row.after, row.ratio) == (1.0, 0.5, 0.5)
