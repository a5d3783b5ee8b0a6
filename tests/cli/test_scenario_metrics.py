"""Numbers that only the modes know: columns, verdicts, exports and the budgets of a gate, through the real command line."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.checkouts import checkout
from support.command_line import SCENARIOS, measured, one_line, perfbench

from perfbench.model import Case, Measurement, Metric, Sample, TrialKind, Verdict
from perfbench.stats import metrics, rank_sum
from perfbench.util import formatting

LOWER, HIGHER = Metric("bytes", name="held"), Metric("share", "higher", "hits")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved run ``own`` of a scenario that has four metrics of its own."""
    folder = tmp_path_factory.mktemp("numbers")
    done = measured("own_numbers", "--save", "own", "--rounds", "6", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def cells(table: str, mode: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.split()[:1] == [mode])
    return re.split(r"  +", line.strip())


# The table ---------------------------------------------------------------------------------------------------------------


def test_every_metric_has_a_column_with_its_unit_and_its_verdict(run: Path) -> None:
    table = perfbench("show", "own", folder=run).stdout
    assert re.search(r"peak memory +bytes per tick +hit ratio +pause +left +same output", table)
    assert cells(table, "keeps")[-4:] == ["96 B", "25 %", "12.5 ms", "0"]
    assert cells(table, "drops")[-5:] == ["0 B ▲", "97.5 % ▲", "12.5 ms =", "3 ▼", "yes"]


def test_undeclared_number_is_saved_and_not_shown(run: Path) -> None:
    document = json.loads((run / "results" / "own.json").read_text())
    assert {s["numbers"].get("other") for m in document["measurements"][:1] for s in m["samples"]} == {7.0}
    assert "other" not in perfbench("show", "own", folder=run).stdout


def test_metric_columns_can_be_hidden_and_requested(run: Path) -> None:
    assert "hit ratio" not in perfbench("show", "own", "--columns", "rate", folder=run).stdout
    assert "hit ratio" in perfbench("show", "own", "--columns", "rate,numbers", folder=run).stdout


@pytest.mark.parametrize(
    ("metric", "timed", "counted"),
    [
        ("cpu_seconds", "cpu_seconds", [1.0, 2.0]),
        ("wall_seconds", "wall_seconds", [1.0, 2.0, 50.0]),
        ("cpu_seconds", "reported_seconds", [1.0, 2.0, 50.0]),
    ],
)
def test_metrics_of_interleaved_passes_are_ignored(metric: str, timed: str, counted: list[float]) -> None:
    """In a pair by turns a pause that is timed by the wall clock has the turns of the other side in it."""
    kinds: tuple[tuple[TrialKind, float], ...] = (("alone", 1.0), ("memory", 2.0), ("duet", 50.0))
    samples = tuple(Sample(kind, 0, 0, kind, 1, {timed: 1.0}, {"pause_ms": pause}) for kind, pause in kinds)
    case = Case("pauses", "one", "here", "")
    made = Measurement(case, "", "units", metric, baseline=True, samples=samples)
    assert metrics.select_metric_values(Metric("ms", name="pause_ms"), made) == counted


# Verdicts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "before", "after", "verdict"),
    [
        (LOWER, [96.0] * 6, [48.0] * 6, Verdict.IMPROVED),
        (LOWER, [96.0] * 6, [0.0] * 6, Verdict.IMPROVED),
        (LOWER, [0.0] * 6, [96.0] * 6, Verdict.REGRESSED),
        (LOWER, [0.0] * 6, [0.0] * 6, Verdict.UNCHANGED),
        (LOWER, [96.0] * 6, [96.1] * 6, Verdict.UNCHANGED),
        (HIGHER, [0.5] * 6, [0.9] * 6, Verdict.IMPROVED),
        (HIGHER, [0.5] * 6, [0.0] * 6, Verdict.REGRESSED),
        (LOWER, [90.0, 99.0, 96.0, 94.0, 97.0, 93.0], [91.0, 98.0, 95.0, 96.0, 92.0, 95.0], Verdict.INCONCLUSIVE),
        (LOWER, [96.0] * 2, [48.0] * 2, Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_follows_the_interval_and_the_direction_of_the_metric(
    metric: Metric, before: list[float], after: list[float], verdict: Verdict
) -> None:
    assert metrics.compare_samples(metric, before, after).verdict is verdict


def test_a_number_that_is_zero_on_one_side_has_a_verdict_and_no_ratio() -> None:
    found = metrics.compare_samples(LOWER, [96.0] * 6, [0.0] * 6)
    assert (found.before, found.after) == (96.0, 0.0)
    assert str(found.ratio) == "nan"


def test_the_interval_of_a_difference_is_that_of_the_rank_sum_test() -> None:
    middle, low, high = rank_sum.compute_difference_interval([0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0])
    assert (middle, low, high) == (10.0, 7.0, 13.0)
    assert rank_sum.compute_difference_interval([1.0], [2.0])[1] == float("-inf")


def test_samples_that_all_lie_above_are_chance_as_often_as_their_order_is() -> None:
    assert rank_sum.compute_rank_sum_p_above([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(1 / 20)
    assert rank_sum.compute_rank_sum_p_above([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (96.04, "bytes", "96 B"),
        (0.512, "bytes", "0.512 B"),
        (0.0, "bytes", "0 B"),
        (1_234_567.0, "bytes", "1.2 MB"),
        (0.9725, "share", "97.2 %"),
        (1.25, "ms", "1.25 ms"),
        (12_345.6, "books", "12,300 books"),
        (3.0, "", "3"),
        (0.004, "seconds", "4.000ms"),
        (float("nan"), "ms", "–"),
    ],
)
def test_an_amount_has_three_figures_and_its_unit(value: float, unit: str, text: str) -> None:
    assert formatting.format_amount(value, unit) == text


# Exports -----------------------------------------------------------------------------------------------------------------


def test_the_csv_has_every_number_with_its_unit(run: Path) -> None:
    text = perfbench("show", "own", "--export", "csv=-", folder=run).stdout
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["metric"] == "bytes_per_tick"]
    assert {(row["mode"], row["unit"], row["value"]) for row in rows} == {
        ("keeps", "bytes", "96.0"),
        ("drops", "bytes", "0.0"),
    }


def test_openmetrics_and_bencher_have_the_numbers(run: Path) -> None:
    text = perfbench("show", "own", "--export", "openmetrics=-", folder=run).stdout
    (family,) = (f for f in text_string_to_metric_families(text) if f.name == "perfbench_reported")
    found = {(s.labels["number"], s.labels["case"].partition("@")[0]): s.value for s in family.samples}
    assert found["hit_ratio", "own_numbers/drops"] == 0.975
    bencher = json.loads(perfbench("show", "own", "--export", "bencher=-", folder=run).stdout)
    assert [measures["pause_ms"]["value"] for measures in bencher.values()] == [12.5, 12.5]


def test_markdown_has_the_columns(run: Path) -> None:
    text = perfbench("show", "own", "--export", "markdown=-", folder=run).stdout
    assert re.search(r"\| bytes per tick \| hit ratio \| pause \| left \|", text)


# The gate ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkouts of a package that holds 96, 192 and 97 bytes for every tick, and one that does not say it."""
    folder = tmp_path_factory.mktemp("holding")
    for number, (name, held) in enumerate({"base": 96.0, "twice": 192.0, "little": 97.0, "silent": -1.0}.items()):
        checkout(folder / name, f"{1 + number}.0", f"HELD = {held}\n", name="holder")
    return folder


def gated(workshop: Path, after: str, *budgets: str) -> tuple[int, str, str]:
    limits = [word for budget in budgets for word in ("--budget", budget)]
    common = ("--scenario", "holds", "--scenarios", SCENARIOS, "--quiet")
    done = perfbench("gate", "--before", "./base", "--after", after, *common, *limits, folder=workshop)
    return done.returncode, done.stdout, done.stderr


def test_a_gate_catches_a_change_that_doubles_the_bytes_per_update(workshop: Path) -> None:
    code, table, complaint = gated(workshop, "./twice", "bytes_per_tick=5%")
    assert code == 3
    assert "holds plain bytes_per_tick 96 B → 192 B: worse by more than 5.0%" in table
    assert "over budget" in table
    assert "the gate failed: 1 of 1 cases" in one_line(complaint)


@pytest.mark.slow
def test_a_gate_lets_a_change_within_the_budget_pass(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./little", "bytes_per_tick=5%", "bytes_per_tick=100")
    assert code == 0, table


@pytest.mark.slow
def test_gate_catches_a_metric_above_its_maximum(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./little", "bytes_per_tick=96.5")
    assert code == 3
    assert "bytes_per_tick 97 B: allowed is at most 96.5 B" in table


@pytest.mark.slow
def test_gate_fails_a_case_that_does_not_report_a_limited_metric(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./silent", "bytes_per_tick=5%")
    assert code == 5
    assert "plain in ./silent reports no bytes_per_tick" in table


def test_a_budget_of_a_metric_that_no_scenario_has_is_refused(workshop: Path) -> None:
    code, table, complaint = gated(workshop, "./twice", "bytes_per_tock=5%")
    assert (code, table) == (2, "")
    assert "--budget bytes_per_tock: no metric of that name; did you mean `bytes_per_tick`?" in one_line(complaint)


def test_metric_without_a_better_direction_is_shown_and_has_no_verdict(tmp_path: Path) -> None:
    done = measured("neither_better", "--rounds", "6", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert cells(done.stdout, "few")[-1] == "10 objects"
    assert cells(done.stdout, "many")[-2:] == ["30 objects", "yes"]
    budget = ("--before", "idna==3.7", "--after", "idna==3.10", "--budget", "freed=5%")
    gated = perfbench("gate", "--scenario", "neither_better", "--scenarios", SCENARIOS, *budget, folder=tmp_path)
    assert gated.returncode == 2
    assert "`freed` cannot have a budget: neither direction is better" in gated.stderr.splitlines()[-1]


# What a machine lacks ----------------------------------------------------------------------------------------------------


def test_mode_whose_server_is_missing_is_reported_and_the_rest_is_measured(tmp_path: Path) -> None:
    done = measured("lacks_a_server", "--export", f"junit={tmp_path / 'junit.xml'}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  with_server: not available here: no such server: start one" in done.stdout.splitlines()
    assert cells(done.stdout, "without")[1] == "0.250s"
    assert 'failures="0"' in (tmp_path / "junit.xml").read_text()
    assert 'errors="0"' in (tmp_path / "junit.xml").read_text()


def test_unavailable_baseline_leaves_nothing_measured(tmp_path: Path) -> None:
    done = measured("lacks_everything", folder=tmp_path)
    assert done.returncode == 5
    assert "in_memory: not available here: takes 9 GB of memory, 1 GB is free: close something" in done.stdout


# --quick -----------------------------------------------------------------------------------------------------------------


def test_quick_takes_the_scenarios_small_values_and_two_rounds(tmp_path: Path) -> None:
    done = perfbench("run", "quick_ticks", "--scenarios", SCENARIOS, "--quick", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("quick_ticks · 10 units · ticks 10 · 2 rounds")
    own = perfbench(
        *("run", "quick_ticks", "--scenarios", SCENARIOS, "--quick", "--set", "ticks=20", "--quiet"), folder=tmp_path
    )
    assert own.stdout.startswith("quick_ticks · 20 units · ticks 20 · 2 rounds")
    swept = perfbench(
        *("run", "quick_ticks", "--scenarios", SCENARIOS, "--quick", "--sweep", "ticks=5,6", "--quiet"), folder=tmp_path
    )
    assert re.findall(r"^quick_ticks · (\d) units", swept.stdout, re.MULTILINE) == ["5", "6"]


def test_a_quick_value_of_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = (SCENARIOS / "quick_ticks.py").read_text()
    (own / "quick_ticks.py").write_text(text.replace('"ticks": 10', '"tocks": 10'))
    done = perfbench("run", "quick_ticks", "--scenarios", own, "--quick", folder=tmp_path)
    assert done.returncode == 5
    assert "QUICK has a value for `tocks`, which is not a parameter of any mode" in one_line(done.stderr)


LINES_SCENARIO = """\"\"\"How many lines?\"\"\"

from perfbench import Work, mode

UNIT = "lines"
{declared}


@mode
def count(market: str, *, repeats: int = 2) -> Work:
    \"\"\"Count the lines of the market.\"\"\"
    with open(market, "rb") as lines:
        return Work(repeats * sum(1 for _ in lines))
"""


@pytest.mark.parametrize(
    ("declared", "data", "lines"),
    [
        ('QUICK = {"repeats": 1}', "sample-win", 8000),
        ('QUICK = {"repeats": 1}\nQUICK_LINES = 300', "sample-win:300", 300),
        ("QUICK_LINES = 300", "sample-win:300", 600),
        ("", "sample-win:2000", 4000),
    ],
    ids=["all of it beside small values", "as many as it says", "without small values", "2,000 where it says nothing"],
)
def test_quick_replays_the_lines_that_the_scenario_says(tmp_path: Path, declared: str, data: str, lines: int) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "lines.py").write_text(LINES_SCENARIO.format(declared=declared))
    done = perfbench(
        *("run", "lines", "--scenarios", "own", "--quick", "--quiet", "--data", "sample-win"), folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"lines · {data} · {lines:,} lines")


@pytest.mark.parametrize("wrong", ["-1", '"many"', "True", "1.5"])
def test_quick_lines_that_are_no_number_are_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "lines.py").write_text(LINES_SCENARIO.format(declared=f"QUICK_LINES = {wrong}"))
    done = perfbench("run", "lines", "--scenarios", "own", "--quick", "--data", "sample-win", folder=tmp_path)
    assert done.returncode == 5
    assert "QUICK_LINES must be the number of first lines for --quick, 0 for the whole market" in one_line(done.stderr)


def test_a_sweep_does_not_measure_a_scenario_again_that_has_no_such_parameter(tmp_path: Path) -> None:
    done = perfbench(
        *("run", "quick_ticks", "own_numbers", "--scenarios", SCENARIOS, "--quick", "--sweep", "ticks=5,6", "--quiet"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^own_numbers · [0-9,]+ ticks", done.stdout, re.MULTILINE)) == 1
    assert len(re.findall(r"^quick_ticks · \d+ units", done.stdout, re.MULTILINE)) == 2


def test_a_sweep_may_be_of_one_scenario_alone(tmp_path: Path) -> None:
    chosen = ("run", "quick_ticks", "own_numbers", "--scenarios", SCENARIOS, "--quick", "--quiet")
    done = perfbench(*chosen, "--sweep", "quick_ticks.ticks=5,6", "--set", "own_numbers.growth=48", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^quick_ticks · (\d+) units", done.stdout, re.MULTILINE) == ["5", "6"]
    assert "quick_ticks · over ticks:" in done.stdout
    assert cells(done.stdout, "keeps")[-4] == "48 B"
    refused = perfbench(*chosen, "--sweep", "quick_tick.ticks=5,6", folder=tmp_path)
    assert refused.returncode == 2
    assert "no parameter `quick_tick.ticks`; did you mean `quick_ticks.ticks`?" in one_line(refused.stderr)
