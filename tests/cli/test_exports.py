"""``--export``: every format through the real command line, accepted by the program that it is for.

pytest-benchmark, pyperf, prometheus_client, an XML schema processor and a Markdown parser read the files themselves. Three are
represented by their schemas in ``schemas``, written after their sources and documentation: github-action-benchmark, which is an
action and no package; Bencher, whose command line sends what it reads to a server; and hyperfine, whose scripts are no package
either. GitHub's runner is represented by its rules for reading workflow commands. JUnit's schema is that of
pytest, fetched with its sources from the package index.
"""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import itertools
import json
import math
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
from lxml import etree
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pyarrow import parquet
from support.command_line import HERE, measured, one_line, perfbench, variables
from support.runs import MARKET, gated, measurement, run, sample, sides_of

from perfbench import results
from perfbench.cli.exports import parse_exports
from perfbench.cli.options import ExportTo
from perfbench.errors import UsageProblem
from perfbench.model import Budget, Case, Checkout, Environment, Failure, OutputDifference, Run
from perfbench.report import build
from perfbench.report.formats import list_formats, list_text_formats, load_binary_renderer, load_renderer
from perfbench.report.status import compute_status
from perfbench.report.tables.comparison import MODE_COLUMNS
from perfbench.results import merge, storage

OLD_RUN = HERE / "data" / "golden" / "run-schema-1.json"
SCHEMAS = HERE / "data" / "schemas"
WITH_SECONDS = ("bencher", "github-action-benchmark", "hyperfine", "openmetrics", "pyperf", "pytest-benchmark")
"""Formats that list seconds, and with them only what was measured."""

FAILURE = Failure("duet 3", "ValueError: no such price")
STEADY = [1.0 + 0.0001 * n for n in range(24)]
SLOWER = [1.1 * seconds for seconds in STEADY]
SCATTERED = [float(value) for value in np.random.default_rng(5).lognormal(0.0, 0.2, 24)]


def exported(saved: Run | Path, folder: Path, code: int) -> dict[str, str]:
    """What one ``perfbench show RUN`` with an ``--export`` of every format writes; the exit code must be this one."""
    path = saved if isinstance(saved, Path) else folder / "saved.json"
    if isinstance(saved, Run):
        path.write_bytes(msgspec.json.encode(saved))
    options = [part for name in list_text_formats() for part in ("--export", f"{name}={folder / name}")]
    done = perfbench("show", path, *options, folder=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return {name: (folder / name).read_text(encoding="utf-8") for name in list_text_formats()}


def rendered(format_: str, made: Run) -> str:
    """A run in a format, without a detour."""
    return load_renderer(format_)(build.build_report(made, MODE_COLUMNS))


def called(module: str, *arguments: object, folder: Path) -> str:
    """What a program that is installed as a module prints; it must end well and complain of nothing."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=folder, env=variables(folder, COLUMNS="300"), check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to load" not in done.stderr
    return done.stdout


def two_modes(**changes: object) -> Run:
    """A run of a mode that is slow, one that is fast, and one that failed after some passes."""
    failed = replace(measurement("broken", [0.7, 0.8]), failures=(FAILURE,))
    return run([measurement("slow", STEADY, baseline=True), measurement("fast", [0.5] * 24), failed], **changes)


HOSTILE = (
    "a|b <script>alert(1)</script> ]]> & \"q\" 'p' `c` \\n %0A ,:;= @all ~x~ $y$ "
    "\x1b[31m\x00\x85\n::error::x\r\u202e\ufffe 😀"
)
"""A name that is markup, an escape, a command or a person in every format that there is."""


def hostile() -> Run:
    """A run in which every text that comes from elsewhere is such a name."""
    case = Case("made_up", HOSTILE, HOSTILE, HOSTILE, ((HOSTILE, HOSTILE),))
    slow, fast, failed = (
        replace(measurement("x", seconds), case=replace(case, mode=f"{mode}{HOSTILE}"), doc=HOSTILE, unit=HOSTILE)
        for mode, seconds in (("slow", STEADY), ("fast", [0.5] * 24), ("broken", []))
    )
    made = run([replace(slow, baseline=True), fast, replace(failed, failures=(Failure("check 0", HOSTILE, HOSTILE),))])
    market = replace(MARKET, name=HOSTILE, doubts=(HOSTILE,))
    return replace(
        made, data=(market,), problems=(HOSTILE,), machine=replace(made.machine, cpu=HOSTILE, python=HOSTILE)
    )


def gate_of_all_kinds(**terms: object) -> Run:
    """A gate with a case that is unchanged, one that is slower, one that cannot be told, and one that failed."""
    sound, slower = sides_of("sound", STEADY, STEADY), sides_of("slower", STEADY, SLOWER)
    open_ = sides_of("open", STEADY, SCATTERED)
    before, after = sides_of("failed", STEADY, STEADY)
    return gated(sound, slower, open_, [before, replace(after, failures=(FAILURE,))], most=24, **terms)


@pytest.fixture(scope="module")
def of_modes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every format of a run in which one case failed."""
    return exported(two_modes(), tmp_path_factory.mktemp("modes"), 5)


@pytest.fixture(scope="module")
def of_gate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every format of a gate that is not passed."""
    return exported(gate_of_all_kinds(), tmp_path_factory.mktemp("gate"), 3)


@pytest.fixture(scope="module")
def of_passed_gate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every format of a gate that is passed."""
    return exported(gated(sides_of("sound", STEADY, STEADY), most=24), tmp_path_factory.mktemp("passed"), 0)


@pytest.fixture(scope="module")
def of_hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every format of a run whose texts are hostile."""
    return exported(hostile(), tmp_path_factory.mktemp("hostile"), 5)


# All formats -------------------------------------------------------------------------------------------------------------


def sweep() -> Run:
    """A mode in three releases, each compared with the one before it."""
    releases = ("tool==1.0", "tool==1.1", "tool==1.2")
    only = measurement("only", STEADY)
    stops = [replace(only, case=replace(only.case, environment=release)) for release in releases]
    ids = [stop.case.id for stop in stops]
    made = run(stops, environments=(releases,), links="neighbours")
    return replace(made, duets=tuple(itertools.pairwise(ids)))


def reports() -> dict[str, Run]:
    """Runs of every kind, and what is at the edge of each."""
    single = replace(measurement("single", [], baseline=True), samples=(sample(0, 1.5, "alone"),))
    broken_clock = replace(
        single, samples=tuple(sample(n, value) for n, value in enumerate((0.0, math.nan, math.inf, -1.0)))
    )
    difference = OutputDifference(7, "runners[1].price", "3.5", "3.55", against="made_up/slow@here")
    other = replace(measurement("other", [0.9] * 9), differences=(difference,), output=None)
    first, second = two_modes(), replace(two_modes(), id="second")
    checkout = Environment("./mine", "python", "3.11.7", sources=(Checkout("/mine", "c0ffee" * 6, dirty=True),))
    return {
        "modes": two_modes(),
        "environments": replace(gate_of_all_kinds(), settings=run([], environments=(("old", "new"),)).settings),
        "gate": gate_of_all_kinds(),
        "gate that fails what is open": gate_of_all_kinds(fail_on_inconclusive=True),
        "gate with budgets": gate_of_all_kinds(budgets=(Budget("peak", 1.0), Budget("memory", 0.05))),
        "gate without cases": gated(),
        "sweep": sweep(),
        "two saved runs": merge.merge_runs(first, second),
        "not finished": replace(two_modes(), finished=False),
        "nothing": run([]),
        "a problem": replace(run([]), problems=("no such file",)),
        "all failed": run([replace(measurement("broken", [], baseline=True), failures=(FAILURE,))]),
        "one pass": run([single]),
        "broken clock": run([broken_clock]),
        "other output": run([measurement("slow", STEADY, baseline=True), other]),
        "checkout": replace(two_modes(), environments=(checkout,)),
        "hostile": hostile(),
    }


@pytest.mark.parametrize("kind", reports())
@pytest.mark.parametrize("format_", list_text_formats())
def test_every_format_renders_every_kind_of_report(format_: str, kind: str) -> None:
    text = rendered(format_, reports()[kind])
    text.encode()
    if format_ in WITH_SECONDS:
        assert not re.search(r"(?<![\w\"])(NaN|[+-]?Inf(inity)?|nan|inf)(?![\w\"])", text)
        assert "broken" not in text
        assert '"value": null' not in text


def test_help_and_reference_name_every_format() -> None:
    option = ExportTo.__metadata__[0]  # type: ignore[attr-defined]
    assert sorted(re.findall(r"[\w-]+", option.help.partition("Formats: ")[2])) == list_formats()
    page = (HERE.parent / "docs" / "reference" / "exports.md").read_text(encoding="utf-8")
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`([\w-]+)`", row)
    }
    assert sorted(named) == list_formats()


def names_in(format_: str, text: str) -> list[str]:
    """What the cases are called in a file of a format that lists seconds."""
    if format_ == "openmetrics":
        families = {family.name: family for family in text_string_to_metric_families(text)}
        return [found.labels["case"] for found in families["perfbench_pass_seconds"].samples]
    document = json.loads(text)
    return {
        "bencher": lambda: list(document),
        "github-action-benchmark": lambda: [entry["name"] for entry in document],
        "hyperfine": lambda: [result["command"] for result in document["results"]],
        "pyperf": lambda: [benchmark["metadata"]["name"] for benchmark in document["benchmarks"]],
        "pytest-benchmark": lambda: [benchmark["fullname"] for benchmark in document["benchmarks"]],
    }[format_]()


@pytest.mark.parametrize("format_", WITH_SECONDS)
def test_a_case_has_one_name_everywhere_and_a_failed_one_is_left_out(of_modes: dict[str, str], format_: str) -> None:
    assert names_in(format_, of_modes[format_]) == ["made_up/slow@here", "made_up/fast@here"]


@pytest.mark.parametrize("format_", WITH_SECONDS)
def test_names_of_hostile_cases_are_printable_and_survive_as_a_whole(of_hostile: dict[str, str], format_: str) -> None:
    slow, fast = names_in(format_, of_hostile[format_])
    assert slow.isprintable()
    assert slow.replace("slow", "fast") == fast
    assert r"<script>alert(1)</script> ]]> & " in slow
    assert r"\x1b[31m\x00\x85\n::error::x\r\u202e" in slow


def test_exported_seconds_are_those_of_pairs_in_the_primary_metric(tmp_path: Path) -> None:
    assert measured("known_times", "--rounds", 2, "--save", "mine", folder=tmp_path).returncode == 0
    document = json.loads(exported(tmp_path / "results" / "mine.json", tmp_path, 0)["pyperf"])
    found = {b["metadata"]["name"]: [r["values"] for r in b["runs"]] for b in document["benchmarks"]}
    assert found == {"known_times/before@here": [[6.86]] * 2, "known_times/after@here": [[2.998]] * 2}


def test_solo_passes_are_exported_when_there_are_no_pairs() -> None:
    alone = replace(measurement("only", []), samples=tuple(sample(n, 2.0 + n, "alone") for n in range(3)))
    checks = (sample(0, 99.0, "check"), sample(0, 99.0, "memory"))
    made = run([replace(alone, samples=alone.samples + checks, baseline=True)])
    document = json.loads(rendered("hyperfine", made))
    assert document["results"][0]["times"] == [2.0, 3.0, 4.0]


# pytest-benchmark ----------------------------------------------------------------------------------------------------


def test_pytest_benchmark_compares_its_export(tmp_path: Path, of_modes: dict[str, str]) -> None:
    (tmp_path / "out").write_text(of_modes["pytest-benchmark"])
    columns = "min,max,mean,stddev,median,iqr,outliers,ops,rounds,iterations"
    options = ("--csv=table.csv", "--columns", columns, "--group-by", "group")
    shown = called("pytest_benchmark", "compare", tmp_path / "out", *options, folder=tmp_path)
    assert "benchmark 'made_up': 2 tests" in shown
    table = csv.DictReader((tmp_path / "table.csv").read_text().splitlines())
    rows = {row["name"].rpartition("/")[2]: row for row in table}
    assert set(rows) == {"slow@here", "fast@here"}
    assert (float(rows["fast@here"]["mean"]), float(rows["fast@here"]["ops"])) == (0.5, 2.0)
    assert rows["slow@here"]["rounds"] == "24"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 23, 24])
def test_pytest_benchmark_statistics_equal_those_of_the_plugin(count: int) -> None:
    from pytest_benchmark.stats import Stats

    theirs = Stats()
    theirs.data = SCATTERED[:count]
    made = run([measurement("only", SCATTERED[:count], baseline=True)])
    (benchmark,) = json.loads(rendered("pytest-benchmark", made))["benchmarks"]
    ours = {name: value for name, value in benchmark["stats"].items() if name not in ("data", "iterations")}
    assert set(ours) == set(Stats.fields)
    for name, value in theirs.as_dict().items():
        assert ours[name] == (value if isinstance(value, str) else pytest.approx(value)), name


def test_the_commit_is_that_of_the_checkout_that_was_measured() -> None:
    def commit(made: Run) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(rendered("pytest-benchmark", made))["commit_info"]
        return found

    assert (commit(reports()["checkout"])["id"], commit(reports()["checkout"])["dirty"]) == ("c0ffee" * 6, True)
    assert commit(two_modes())["id"] == "unversioned"


# pyperf --------------------------------------------------------------------------------------------------------------


def test_pyperf_shows_its_export_with_one_run_for_each_process(tmp_path: Path, of_modes: dict[str, str]) -> None:
    (tmp_path / "out").write_text(of_modes["pyperf"])
    shown = called("pyperf", "show", tmp_path / "out", folder=tmp_path)
    assert "made_up/fast@here: Mean +- std dev: 500 ms +- 0 ms\n" in shown
    stats = called("pyperf", "stats", tmp_path / "out", folder=tmp_path)
    assert stats.count("Total number of run: 24\n") == 2
    assert stats.count("Number of value per run: 1\n") == 2


def test_pyperf_compares_two_exports(tmp_path: Path) -> None:
    slower = run([measurement("slow", SLOWER, baseline=True), measurement("fast", [0.25] * 24)])
    for name, made in (("first", two_modes()), ("second", slower)):
        (tmp_path / f"{name}.json").write_text(rendered("pyperf", made))
    shown = called("pyperf", "compare_to", "first.json", "second.json", folder=tmp_path)
    assert re.search(r"made_up/fast@here.*500 ms .* 250 ms .* 2.00x faster", shown, re.DOTALL)
    assert re.search(r"made_up/slow@here.*1.10x slower", shown, re.DOTALL)


def test_pyperf_takes_hostile_names(tmp_path: Path, of_hostile: dict[str, str]) -> None:
    (tmp_path / "out").write_text(of_hostile["pyperf"])
    shown = called("pyperf", "show", "--metadata", tmp_path / "out", folder=tmp_path)
    assert r"\x1b[31m\x00\x85\n::error::x\r" in shown


# Corpora: what is drawn of them is chance, what is followed over time is their total --------------------------------------


def test_formats_that_follow_figures_over_time_have_the_totals_of_a_corpus_and_no_batch() -> None:
    report = build.build_report(storage.load_run(HERE.parent / "results" / "reference-corpus.json"), MODE_COLUMNS)
    (table,) = report.tables
    assert table.survey is not None
    totals = {side.case: side.total for side in table.survey.totals}
    assert [row.seconds for row in table.rows] == [total.total for total in totals.values()]
    bencher = json.loads(load_renderer("bencher")(report))
    assert {name: values["latency"]["value"] / 1e9 for name, values in bencher.items()} == {
        name: pytest.approx(total.total) for name, total in totals.items()
    }
    entries = json.loads(load_renderer("github-action-benchmark")(report))
    assert {entry["name"]: entry["value"] for entry in entries} == {name: t.total for name, t in totals.items()}
    families = {
        family.name: family.samples for family in text_string_to_metric_families(load_renderer("openmetrics")(report))
    }
    assert {sample.labels["case"]: sample.value for sample in families["perfbench_corpus_low_seconds"]} == {
        name: total.low for name, total in totals.items()
    }
    assert "perfbench_pass_seconds" not in families


# Parquet -------------------------------------------------------------------------------------------------------------


def read_parquet(made: Run) -> pa.Table:
    return parquet.read_table(io.BytesIO(load_binary_renderer("parquet")(build.build_report(made, MODE_COLUMNS))))


@pytest.mark.parametrize("kind", reports())
def test_parquet_has_a_row_for_each_sample_of_every_kind_of_report(kind: str) -> None:
    made = reports()[kind]
    table = read_parquet(made)
    samples = [sample for measurement in made.measurements for sample in measurement.samples]
    seconds = [sample.metrics.get("cpu_seconds") for sample in samples]
    assert list(map(repr, table.column("seconds").to_pylist())) == list(
        map(repr, seconds)
    )  # NaN is not equal to itself
    assert table.column("kind").to_pylist() == [sample.kind for sample in samples]


def test_pandas_and_polars_read_the_parquet_export_with_types_and_the_values_of_csv(tmp_path: Path) -> None:
    options = ("--export", "parquet=samples.parquet", "--export", "csv=samples.csv")
    assert perfbench("show", OLD_RUN, *options, folder=tmp_path).returncode == 6
    frame = pandas.read_parquet(tmp_path / "samples.parquet")
    lines = list(csv.DictReader((tmp_path / "samples.csv").read_text().splitlines()))
    for metric in ("cpu_seconds", "wall_seconds", "peak_rss_bytes"):
        values = [float(line["value"]) for line in lines if line["metric"] == metric]
        assert list(frame[metric].dropna()) == values, metric
    assert (str(frame["work"].dtype), str(frame["round"].dtype)) == ("int64", "int64")
    again = polars.read_parquet(tmp_path / "samples.parquet")
    assert again.columns == list(frame.columns)
    assert again["seconds"].to_list() == frame["seconds"].astype(object).where(frame["seconds"].notna(), None).to_list()


def test_metadata_of_the_parquet_export_has_the_comparisons_of_the_table(tmp_path: Path) -> None:
    perfbench("show", OLD_RUN, "--export", "parquet=samples.parquet", folder=tmp_path)
    metadata = parquet.read_schema(tmp_path / "samples.parquet").metadata
    rows = json.loads(metadata[b"perfbench.comparisons"])
    expected = [dataclasses.asdict(row) for row in results.load(OLD_RUN).comparisons()]
    assert [row["ratio"] for row in rows] == [row["ratio"] for row in expected]
    assert [row["mode"] for row in rows] == [row["mode"] for row in expected]
    assert rows


def test_parquet_goes_to_a_pipe_and_not_to_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "perfbench", "show", str(OLD_RUN), "--export", "parquet=-"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=variables(tmp_path), check=False)
    assert parquet.read_table(io.BytesIO(done.stdout)).num_rows > 0
    monkeypatch.setattr("sys.stdout", TerminalOutput())
    with pytest.raises(UsageProblem, match="--export parquet=-: standard output is a terminal") as raised:
        parse_exports(["parquet=-"])
    assert raised.value.hint == "write parquet=FILE"


class TerminalOutput(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_parquet_without_pyarrow_is_one_line_that_names_the_extra_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find(name))
    done = measured("known_times", "--export", "parquet=samples.parquet", folder=tmp_path)
    assert done.returncode == 2
    assert one_line(done.stderr) == (
        "perfbench: --export parquet=samples.parquet needs pyarrow, which is not installed\n"
        "hint: pip install 'betfair-perfbench[data]'"
    )
    assert not (tmp_path / "results").exists()


# OpenMetrics ---------------------------------------------------------------------------------------------------------


def metrics(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The labels and values of every family, as the strict parser reads them."""
    families = text_string_to_metric_families(text)
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in families}


def test_strict_prometheus_parser_accepts_the_openmetrics_export(of_gate: dict[str, str]) -> None:
    text = of_gate["openmetrics"]
    assert text.endswith("\n# EOF\n")
    found = metrics(text)
    assert [
        (labels["mode"], value) for labels, value in found["perfbench_passes"] if labels["environment"] == "new"
    ] == [
        ("sound", 24),
        ("slower", 24),
        ("open", 24),
    ]
    ratios = {labels["comparison"]: value for labels, value in found["perfbench_ratio"]}
    assert ratios["slower"] == pytest.approx(1.1)
    assert set(ratios) == {"sound", "slower", "open"}
    assert found["perfbench_run"][0][0]["id"] == "made-up"


@pytest.mark.parametrize("kind", reports())
def test_strict_prometheus_parser_accepts_every_kind_of_report(kind: str) -> None:
    metrics(rendered("openmetrics", reports()[kind]))


def test_peak_memory_is_the_median_of_the_processes_that_were_looked_at() -> None:
    peaks = [
        replace(sample(n, 1.0, "memory"), metrics={"peak_rss_bytes": value}) for n, value in enumerate((3e7, 1e7, 2e7))
    ]
    only = measurement("only", STEADY, baseline=True)
    text = rendered("openmetrics", run([replace(only, samples=(*only.samples, *peaks))]))
    assert [value for _, value in metrics(text)["perfbench_peak_memory_bytes"]] == [2e7]


# Formats whose consumers are represented by their schemas -------------------------------------------------------------


@pytest.mark.parametrize("format_", ["github-action-benchmark", "bencher", "hyperfine"])
@pytest.mark.parametrize("kind", ["modes", "gate", "one pass", "checkout", "hostile", "two saved runs"])
def test_schema_of_the_consumer_accepts_the_export(format_: str, kind: str) -> None:
    text = rendered(format_, reports()[kind])
    schema = json.loads((SCHEMAS / f"{format_}.json").read_text())
    if format_ == "bencher" and kind == "hostile":
        del schema["propertyNames"]
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def test_github_action_benchmark_gets_median_seconds_of_which_less_is_better(of_modes: dict[str, str]) -> None:
    entries = json.loads(of_modes["github-action-benchmark"])
    fast = next(entry for entry in entries if entry["name"] == "made_up/fast@here")
    assert (fast["unit"], fast["value"], fast["range"]) == ("seconds", 0.5, "0.5–0.5")
    assert {entry["unit"] for entry in entries} == {"seconds"}


def test_bencher_gets_nanoseconds_and_units_a_second_within_their_quartiles(of_modes: dict[str, str]) -> None:
    found = json.loads(of_modes["bencher"])
    fast = found["made_up/fast@here"]
    assert (fast["latency"]["value"], fast["throughput"]["value"]) == (5e8, 200.0)
    for measures in found.values():
        assert all(m["lower_value"] <= m["value"] <= m["upper_value"] for m in measures.values())


def test_hyperfine_gets_every_pass_and_its_parameters_as_texts() -> None:
    only = measurement("only", [1.0, 2.0, 4.0], baseline=True)
    with_parameters = replace(only, case=replace(only.case, parameters=(("window", 10),)))
    report = build.build_report(run([with_parameters]), ())
    (result,) = json.loads(load_renderer("hyperfine")(report))["results"]
    assert (result["command"], result["parameters"]) == ("made_up/only@here[window=10]", {"window": "10"})
    assert (result["times"], result["exit_codes"]) == ([1.0, 2.0, 4.0], [0, 0, 0])
    assert (result["min"], result["median"], result["max"]) == (1.0, 2.0, 4.0)


# JUnit ---------------------------------------------------------------------------------------------------------------


PYTEST = "pytest-9.2.0"
PYTEST_SHA256 = "97c4f3b1f3c7414aa36465e09b8220f1d03627993bd51b1282e193753c80557b"


@cache
def junit_schema() -> Any:
    """The schema in pytest's sources, fetched from the package index; the tests that need it are skipped without a network."""
    with tempfile.TemporaryDirectory() as folder:
        pin = Path(folder) / "pin.txt"
        pin.write_text(f"{PYTEST.replace('-', '==')} --hash=sha256:{PYTEST_SHA256}\n")
        fetch = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pytest", "--require-hashes")
        done = subprocess.run(
            [sys.executable, *fetch, "--dest", folder, "-r", pin], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"pytest's schema cannot be fetched: {done.stderr.strip().splitlines()[-1:]}")
        with tarfile.open(Path(folder) / f"{PYTEST}.tar.gz") as sources:
            content = sources.extractfile(f"{PYTEST}/testing/example_scripts/junit-10.xsd")
            assert content is not None
            return etree.XMLSchema(etree.fromstring(content.read()))


def suite(text: str) -> Any:
    """The suite of a document that obeys pytest's schema and counts right."""
    root = etree.fromstring(text.encode())
    junit_schema().assertValid(root)
    (found,) = root
    tags = Counter(child.tag for case in found.iter("testcase") for child in case)
    counted = (len(found.findall("testcase")), tags["failure"], tags["error"])
    assert tuple(int(found.get(name)) for name in ("tests", "failures", "errors")) == counted
    return found


def ends(text: str) -> dict[str, str]:
    """How each test case ends: the type of its failure or error, or ``passed``."""
    found = {}
    for case in suite(text).iter("testcase"):
        (child,) = case
        found[case.get("name")] = "passed" if child.tag == "system-out" else f"{child.tag}: {child.get('type')}"
    return found


@pytest.mark.parametrize("kind", reports())
def test_junit_schema_of_pytest_accepts_every_kind_of_report(kind: str) -> None:
    suite(rendered("junit", reports()[kind]))


def test_junit_export_of_a_gate_has_the_outcome_of_every_case(of_gate: dict[str, str]) -> None:
    text = of_gate["junit"]
    assert ends(text) == {
        "made_up sound": "passed",
        "made_up slower": "failure: regressed",
        "made_up open": "passed",
        "made_up failed": "error: not measured",
    }
    slower = suite(text).find("testcase[@name='made_up slower']/failure")
    assert slower.get("message").startswith("is slower: +10.0 %")
    opened = suite(text).findtext("testcase[@name='made_up open']/system-out")
    assert opened.startswith("inconclusive: ")


def test_inconclusive_case_is_a_junit_failure_under_fail_on_inconclusive() -> None:
    assert (
        ends(rendered("junit", gate_of_all_kinds(fail_on_inconclusive=True)))["made_up open"] == "failure: inconclusive"
    )


def test_junit_export_of_a_run_has_the_outcome_of_every_case(tmp_path: Path) -> None:
    assert ends(exported(OLD_RUN, tmp_path, 6)["junit"]) == {
        "known_times/before@here": "passed",
        "known_times/after@here": "passed",
        "crashes/sound@here": "passed",
        "crashes/raises@here": "error: not measured",
        "crashes/dies@here": "error: not measured",
        "crashes/also_sound@here": "passed",
        "other_output/right@here": "passed",
        "other_output/wrong@here": "failure: output differs",
        "other_output/same@here": "passed",
    }


@pytest.mark.parametrize("kind", ["nothing", "a problem", "gate without cases"])
def test_missing_measurement_is_a_junit_error(kind: str) -> None:
    text = rendered("junit", reports()[kind])
    assert ends(text)["everything was measured"] == "error: not measured"


def test_a_gate_that_lost_a_case_is_an_error() -> None:
    report = build.build_report(gate_of_all_kinds(), ())
    (table,) = report.tables
    tables = (replace(table, rows=table.rows[:1]),)
    text = load_renderer("junit")(replace(report, tables=tables, status=compute_status(report.run, tables)))
    (error,) = suite(text).iter("error")
    assert error.text == "4 comparisons were declared, 1 were evaluated"


# GitHub --------------------------------------------------------------------------------------------------------------


def markup(text: str) -> Iterable[str]:
    """All HTML in a Markdown document, as a parser of GitHub's tables finds it."""
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        for part in (token, *(token.children or ())):
            if part.type in ("html_block", "html_inline"):
                yield part.content.strip()
            assert part.type not in ("link_open", "image", "code_inline", "fence", "heading_open") or part.tag == "h3"


def test_summary_begins_with_its_mark_and_the_result_of_the_gate(
    of_gate: dict[str, str], of_passed_gate: dict[str, str]
) -> None:
    mark, headline, *_ = of_gate["github"].splitlines()
    assert mark == "<!-- perfbench -->"
    assert headline == "### perfbench gate failed: 4 cases, 1 regressed, 1 inconclusive, 1 not measured"
    assert of_passed_gate["github"].splitlines()[1] == "### perfbench gate passed: 1 case"


@pytest.mark.parametrize("kind", ["modes", "gate", "hostile", "not finished", "nothing"])
def test_a_summary_has_no_markup_but_its_own(kind: str) -> None:
    text = rendered("github", reports()[kind])
    own = {"<!-- perfbench -->", "<details>\n<summary>How it was measured</summary>", "</details>"}
    assert set(markup(text)) <= own
    assert text.count("<details>") == text.count("</details>")
    assert not re.search(r"@(?!&#8203;)", text)


def many(count: int) -> Run:
    """A run of so many cases that failed."""
    failed = [replace(measurement(f"broken_{n}", [], baseline=n == 0), failures=(FAILURE,)) for n in range(count)]
    return run(failed)


def test_summary_stays_below_a_mebibyte_and_lists_omissions() -> None:
    text = rendered("github", many(20_000))
    assert len(text.encode()) <= 1024 * 1024
    assert re.search(
        r"\n[\d,]+ rows, [\d,]+ notes left out: GitHub takes at most 1 MiB in a step summary\. The whole run: .*\n$",
        text,
    )


@pytest.mark.parametrize("count", [300, 2_000])
def test_comment_stays_below_the_limit_of_github_and_lists_omissions(count: int) -> None:
    text = rendered("github-comment", many(count))
    assert len(text) <= 65_536
    assert text.startswith("<!-- perfbench -->\n")
    assert ("left out: GitHub takes at most 65,536 characters" in text) is (
        len(rendered("github", many(count))) > 65_536
    )
    rows = len(re.findall(r"^\| \\?! ?broken|^\| .*broken_", text, re.MULTILINE))
    left = re.search(r"([\d,]+) rows, ", text)
    assert rows + (int(left[1].replace(",", "")) if left else 0) == count


def test_comment_keeps_failing_tables_before_those_in_order() -> None:
    sound = [measurement("sound", STEADY, baseline=True), measurement("other", STEADY)]
    bad = [replace(sound[0], failures=(FAILURE,)), sound[1]]
    every = [(f"1.{n:08d}", sound if n < 300 else bad) for n in range(301)]
    cases = [replace(m, case=replace(m.case, data=data)) for data, sides in every for m in sides]
    text = rendered("github-comment", run(cases))
    assert len(text) <= 65_536
    assert "1.00000300" in text
    assert re.search(r"\d+ tables, \d+ rows left out: GitHub", text)
    assert text.count("<details>") == text.count("</details>") == 1


def commands(text: str) -> list[tuple[str, str, str]]:
    """Kind, title and message of workflow commands, by the rules of GitHub's runner.

    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs, TryParseV2.
    """
    found = []
    for line in text.splitlines():
        assert line.startswith("::")
        head, _, data = line[2:].partition("::")
        kind, _, properties = head.partition(" ")
        (pair,) = properties.split(",")
        name, _, title = pair.partition("=")
        assert name == "title"
        for token, code in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
            title = title.replace(code, token)
        for token, code in (("\r", "%0D"), ("\n", "%0A"), ("%", "%25")):
            data = data.replace(code, token)
        found.append((kind, title, data))
    return found


def test_annotations_are_errors_for_failures_and_warnings_for_inconclusive_cases(
    of_gate: dict[str, str],
) -> None:
    found = commands(of_gate["github-annotations"])
    assert [(kind, title) for kind, title, _ in found if title != "warning"] == [
        ("error", "made_up slower: regressed"),
        ("error", "made_up failed: not measured"),
        ("warning", "made_up open: inconclusive"),
    ]
    assert found[0][2].startswith("is slower: +10.0 %")


def test_a_passed_gate_has_nothing_to_annotate(of_passed_gate: dict[str, str]) -> None:
    assert of_passed_gate["github-annotations"] == ""


def test_annotations_are_limited_to_ten_of_a_kind_and_the_last_counts_the_others() -> None:
    found = commands(rendered("github-annotations", many(30)))
    assert Counter(kind for kind, *_ in found)["error"] == 10
    assert found[9] == ("error", "perfbench", "and 21 more")


def test_hostile_name_in_an_annotation_is_text_and_not_a_command(of_hostile: dict[str, str]) -> None:
    found = commands(of_hostile["github-annotations"])
    assert {kind for kind, *_ in found} <= {"error", "warning"}
    assert any(r"%0A ,:;= @all" in title for _, title, _ in found)
    assert all(title.isprintable() for _, title, _ in found)
