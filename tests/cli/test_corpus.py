"""A corpus through the real command line: one table for many market files, with seconds that follow from the files alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import corpora
from support.checkouts import checkout
from support.command_line import SCENARIOS, measured, one_line, perfbench, variables
from support.surveys import count_pairs

from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe


def write_markets(folder: Path, count: int, *, in_play: int = 0, updates: int = 20) -> Path:
    """A folder of plain market files of different lengths, the first of them in-play."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        recipe = Recipe(seed=number, runners=2, updates=updates + 7 * number, in_play=number <= in_play)
        files.write_market(recipe, folder / corpora.name(number))
    return folder


def count_lines(folder: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in folder.iterdir())


def document(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "results").glob("*.json")
    saved: dict[str, Any] = json.loads(path.read_text())
    return saved


def timed_pairs(run: dict[str, Any]) -> Counter[tuple[str, str]]:
    """How often each pair of each case was measured."""
    return Counter({(mode, pair): count for (mode, _, pair), count in count_pairs(run).items()})


def surveyed(folder: Path, *arguments: object, scenario: str = "timed_by_lines") -> subprocess.CompletedProcess[str]:
    return measured(scenario, "--quiet", *arguments, folder=folder)


# One table ------------------------------------------------------------------------------------------------------------


def test_corpus_of_more_than_three_files_are_one_table_with_the_seconds_of_all(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 5)
    done = surveyed(tmp_path, "--data", data, "--rounds", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("timed_by_lines · ") == 1
    assert "timed_by_lines · data (5 files)" in done.stdout
    before, after = map(float, re.search(r"([\d.]+)s → ([\d.]+)s  2\.0x", done.stdout).groups())  # type: ignore[union-attr]
    assert before == pytest.approx(count_lines(data) * 0.001, abs=0.001)
    assert after == pytest.approx(count_lines(data) * 0.0005, abs=0.001)
    assert "census: every one of 5 files" in done.stdout


def test_run_says_at_once_what_a_corpus_is_and_how_long_it_takes_at_most(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 5)
    done = measured("timed_by_lines", "--data", data, "--max-time", "90", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == (
        "5 market files are one corpus, in 1 batch: one table, at most 1 min 30 s; --each gives a table for each file"
    )


def test_each_gives_a_table_for_every_file(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 5)
    done = surveyed(tmp_path, "--data", data, "--each", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("timed_by_lines · 1.9") == 5
    assert "timed_by_lines · geometric mean" in done.stdout
    assert "census" not in done.stdout


def test_up_to_three_market_files_have_a_table_each_whatever_lies_beside_them(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 3)
    (data / "notes.txt").write_text("three races\n")
    (data / "catalogue.json").write_text('{"markets": []}\n')
    done = surveyed(tmp_path, "--data", data, "--rounds", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("timed_by_lines · 1.9") == 3


def test_several_specs_are_one_corpus(tmp_path: Path) -> None:
    one, two = write_markets(tmp_path / "one", 3), write_markets(tmp_path / "two", 4)
    packed = tmp_path / "august.tar"
    packed.write_bytes(corpora.tarred(corpora.markets(3)))
    done = surveyed(tmp_path, "--data", one, "--data", two, "--data", packed, "--rounds", "2")
    assert done.returncode == 0, done.stderr
    # the three first files of both folders are the same markets with the same content
    lines = count_lines(two) + sum(len(corpora.market(number).splitlines()) for number in (1, 2, 3))
    assert f"{lines * 0.001:.3f}s → " in done.stdout


def test_small_markets_are_replayed_together(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 12)
    done = surveyed(tmp_path, "--data", data, "--rounds", "1")
    assert done.returncode == 0, done.stderr
    assert "12 files" in done.stdout
    run = document(tmp_path)
    assert run["corpus"]["batches"] < run["corpus"]["members"] == 12
    works = {sample["work"] for m in run["measurements"] for sample in m["samples"] if sample["kind"] == "duet"}
    assert sum(works) == count_lines(data)


def test_a_sample_estimates_what_a_census_finds(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 60)
    done = surveyed(tmp_path, "--data", data, "--rounds", "10", scenario="own_metric_by_lines")
    assert done.returncode == 0, done.stderr
    assert "sample: 10 draws with 10 markets, of 60 files" in done.stdout
    total = float(re.search(r"whole corpus: before ([\d.]+) s", done.stdout)[1])  # type: ignore[index]
    assert total == pytest.approx(count_lines(data) * 0.001, rel=0.1)
    assert re.search(r"s → [\d.]+s  2\.0x", done.stdout)


def test_strata_show_where_it_is_slower(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 16, in_play=8, updates=100)
    modes = ("--mode", "before", "--mode", "slower_in_play")
    done = surveyed(tmp_path, "--data", data, "--rounds", "16", *modes, scenario="own_metric_by_lines")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "slower_in_play by in-play:" in line)
    assert "never 2.0x [2.00–2.00]" in line
    running = re.search(r"(?:up to|more than) half ([\d.]+)x", line)
    assert running
    assert float(running[1]) < 1.8


def test_tables_of_a_corpus_can_be_shown_again_and_exported(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 5)
    done = surveyed(
        tmp_path, "--data", data, "--rounds", "2", "--export", f"markdown={tmp_path / 'table.md'}", "--save", "august"
    )
    assert done.returncode == 0, done.stderr
    assert perfbench("show", "august", folder=tmp_path).stdout == done.stdout
    assert "whole corpus: before" in (tmp_path / "table.md").read_text()


# Environments ----------------------------------------------------------------------------------------------------------


def test_environments_are_compared_on_the_whole_corpus(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 4)
    done = perfbench(
        "compare", "here", "here", "--scenario", "timed_by_lines", "--scenarios", SCENARIOS, "--data", data,
        "--rounds", "2", "--quiet", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seconds = count_lines(data) * 0.001
    assert re.search(rf"{seconds:.3f}s → {seconds:.3f}s +1\.0+x", done.stdout)
    assert len(re.findall(r"1\.0+x", done.stdout.partition("census")[0])) == 2


# What is wrong with a corpus -------------------------------------------------------------------------------------------


def test_damaged_file_is_named_and_the_others_are_measured(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 6)
    victim = data / corpora.name(3)
    victim.write_bytes(victim.read_bytes()[:-40])
    done = surveyed(tmp_path, "--data", data, "--rounds", "1")
    assert done.returncode == 5
    assert corpora.name(3) in done.stdout
    assert "2.0x" in done.stdout


def test_files_that_are_no_market_streams_are_counted_and_take_no_time(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 30)
    for number in range(5):
        (data / f"note-{number}.txt").write_text("a note\n")
    done = surveyed(tmp_path, "--data", data, "--rounds", "40")
    assert done.returncode == 0, done.stderr
    assert "no market stream" in done.stdout
    lines = sum(len((data / corpora.name(n)).read_bytes().splitlines()) for n in range(1, 31))
    assert f"{lines * 0.001:.3f}s → " in done.stdout


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--count",), "--count"),
        (("--jobs", "0"), "--jobs"),
        (("--jobs", "9999"), "--jobs"),
        (("--shard", "4/3"), "--shard"),
        (("--shard", "one"), "--shard"),
    ],
)
def test_options_that_a_corpus_cannot_have_are_refused(tmp_path: Path, options: tuple[str, ...], cause: str) -> None:
    data = write_markets(tmp_path / "data", 4)
    done = surveyed(tmp_path, "--data", data, "--rounds", "1", *options)
    assert done.returncode in (2, 5), done.stdout
    assert cause in one_line(done.stderr)


def test_a_shard_of_files_with_a_table_each_is_refused(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 2)
    done = surveyed(tmp_path, "--data", data, "--shard", "1/2")
    assert done.returncode == 2
    assert "--shard" in one_line(done.stderr)


# Several cores, and interruptions --------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can pin")
def test_two_jobs_measure_every_draw_once(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is only one core here")
    data = write_markets(tmp_path / "data", 20)
    done = surveyed(tmp_path, "--data", data, "--rounds", "20", "--jobs", "2", scenario="own_metric_by_lines")
    assert done.returncode == 0, done.stderr
    pairs = timed_pairs(document(tmp_path))
    assert set(pairs.values()) == {1}
    assert len({pair for _, pair in pairs}) == 20 + 12  # the noise of a pair is known from 12 that are measured again
    assert f"{count_lines(data) * 0.001:.3f}s → " in done.stdout


def test_an_interrupted_survey_is_resumed_and_no_pair_is_measured_twice(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 16)
    command = [
        sys.executable, "-m", "perfbench", "run", "own_metric_by_lines", "--scenarios", str(SCENARIOS), "--data", str(data),
        "--rounds", "16",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, env=variables(tmp_path), stderr=subprocess.PIPE, text=True)
    journal = wait_for_results(tmp_path, 40)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "perfbench run --resume" in told
    before = journal.read_bytes()
    shown = perfbench("show", journal, folder=tmp_path)
    assert "this run is not finished" in shown.stdout
    done = perfbench("run", "--resume", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    pairs = timed_pairs(document(tmp_path))
    assert set(pairs.values()) == {1}
    assert len({pair for _, pair in pairs}) == 16 + 12
    assert b'"duet' in before


def wait_for_results(folder: Path, count: int) -> Path:
    """The journal of the run in this folder, as soon as it has so many lines."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for journal in (folder / "results").glob("*.journal"):
            if journal.read_bytes().count(b"\n") > count:
                return journal
        time.sleep(0.05)
    raise AssertionError("nothing was measured")


# The plot --------------------------------------------------------------------------------------------------------------


def test_plot_of_a_corpus_has_its_markets_and_its_parts(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 8, in_play=4)
    picture = tmp_path / "corpus.svg"
    done = surveyed(
        tmp_path,
        "--data",
        data,
        "--rounds",
        "8",
        "--plot",
        picture,
        "--save",
        "plotted",
        scenario="own_metric_by_lines",
    )
    assert done.returncode == 0, done.stderr
    drawn = picture.read_text()
    assert "data (8 files) · after" in drawn
    assert "markets, from the lowest ratio to the highest" in drawn
    assert "in-play never" in drawn
    picture.unlink()
    shown = perfbench("show", "plotted", "--plot", picture, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert picture.read_text() == drawn


def test_plot_of_a_few_files_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 2)
    done = surveyed(tmp_path, "--data", data, "--rounds", "1", "--plot", tmp_path / "corpus.svg")
    assert done.returncode == 2
    assert "--plot needs a numeric sweep" in one_line(done.stderr)
    assert not list(tmp_path.glob("results/*"))


# Commands that have a table for each market ----------------------------------------------------------------------------


def test_profile_of_a_corpus_draws_three_of_its_markets(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 6)
    done = perfbench(
        "profile", "--data", data, "--mode", "lightweight", "--rounds", "1", "--no-memory", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "data (6 files): 3 markets drawn in proportion to size; --each takes all" in done.stderr
    names = {name for name in (corpora.name(number) for number in range(1, 7)) if name in done.stdout}
    assert len(names) == 3


# A gate ----------------------------------------------------------------------------------------------------------------


def gated(folder: Path, in_play: float) -> subprocess.CompletedProcess[str]:
    """A gate of two checkouts on twelve small markets of one batch, six of them in-play, at this many seconds a line in-play."""
    data = write_markets(folder / "data", 12, in_play=6, updates=60)
    for name, seconds in (("before", 0.001), ("after", in_play)):
        checkout(folder / name, "1.0" if name == "before" else "2.0", f"PER_LINE, IN_PLAY = 0.001, {seconds}\n")
    return perfbench(
        "gate", "--before", folder / "before", "--after", folder / "after", "--scenario", "ticks_by_lines", "--scenarios",
        SCENARIOS, "--data", data, "--max-time", "60", folder=folder,
    )  # fmt: skip


def test_gate_on_a_corpus_passes_unchanged_code(tmp_path: Path) -> None:
    done = gated(tmp_path, 0.001)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gate passed" in done.stdout
    assert "data (12 files)" in done.stdout


def test_gate_on_a_corpus_finds_code_that_is_slower(tmp_path: Path) -> None:
    done = gated(tmp_path, 0.002)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "is slower" in done.stdout


# Saved runs, and modes that lack something ------------------------------------------------------------------------------


def test_two_runs_of_a_corpus_are_not_put_side_by_side(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 5)
    done = surveyed(tmp_path, "--data", data, "--rounds", "1", "--save", "once")
    assert done.returncode == 0, done.stderr
    for command in ("compare", "show"):
        refused = perfbench(command, "once", "once", folder=tmp_path)
        assert refused.returncode == 5
        assert "once is a run of a corpus, which cannot be put beside another run" in one_line(refused.stderr)
        assert refused.stdout == ""


def test_mode_that_this_machine_lacks_something_for_is_no_failure(tmp_path: Path) -> None:
    data = write_markets(tmp_path / "data", 5)
    (tmp_path / "lacking.py").write_text(
        "from perfbench import NotAvailable, Work, mode, setup\n\n\n"
        "@setup\ndef server():\n    raise NotAvailable('no such server: start one')\n\n\n"
        "@mode(baseline=True)\ndef without(market):\n    return Work(1, seconds=0.25)\n\n\n"
        "@mode\ndef with_server(market, server):\n    return Work(1, seconds=0.125)\n"
    )
    done = perfbench("run", "lacking.py", "--data", data, "--rounds", "1", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("with_server: not available here: no such server: start one") == 1
