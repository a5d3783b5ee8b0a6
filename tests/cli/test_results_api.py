"""``perfbench.results``: saved runs of every kind give the numbers of ``perfbench show`` and of its JSON export."""

from __future__ import annotations

import json
import math
import re
import statistics
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.command_line import HERE, perfbench
from support.runs import measurement, run, sample

from perfbench import results
from perfbench.errors import StorageProblem
from perfbench.model import Result
from perfbench.results.journal import Journal
from perfbench.util import formatting

ROOT = HERE.parent
NOT_RUNS = (".profile.json", ".advice.json", "-against.json")
KEPT = sorted(path for path in (ROOT / "results").glob("*.json") if not path.name.endswith(NOT_RUNS))
OLD_RUN = HERE / "data" / "golden" / "run-schema-1.json"
HEADLINE, CORPUS, SWEEP = (ROOT / "results" / f"reference-{name}.json" for name in ("headline", "corpus", "sweep"))


def name_of(path: Path) -> str:
    return path.stem


def shown(path: Path, folder: Path) -> str:
    return perfbench("show", path, folder=folder).stdout


def exported(path: Path, folder: Path) -> dict[str, Any]:
    perfbench("show", path, "--export", "json=exported.json", folder=folder)
    document: dict[str, Any] = json.loads((folder / "exported.json").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("path", [*KEPT, OLD_RUN], ids=name_of)
def test_samples_of_every_saved_run_are_those_of_its_json_export(path: Path, tmp_path: Path) -> None:
    document = exported(path, tmp_path)
    saved = [(m["case"], s) for m in document["measurements"] for s in m["samples"]]
    rows = results.load(path).samples()
    assert len(rows) == len(saved)
    for row, (case, raw) in zip(rows, saved, strict=True):
        names = ("scenario", "mode", "environment", "data")
        assert {name: getattr(row, name) for name in names} == {name: case[name] for name in names}
        names = ("kind", "round", "pair", "work")
        assert {name: getattr(row, name) for name in names} == {name: raw[name] for name in names}
        names = ("cpu_seconds", "wall_seconds", "peak_rss_bytes", "instructions")
        assert {name: getattr(row, name) for name in names} == {name: raw["metrics"].get(name) for name in names}
        assert row.seconds == raw["metrics"].get(row.metric)


@pytest.mark.parametrize("path", [*KEPT, OLD_RUN], ids=name_of)
def test_every_saved_run_has_the_same_comparisons_as_its_json_export(path: Path, tmp_path: Path) -> None:
    exported(path, tmp_path)
    again = results.load(tmp_path / "exported.json")
    assert again.comparisons() == results.load(path).comparisons()
    assert again.totals() == results.load(path).totals()


@pytest.mark.parametrize("path", [HEADLINE, OLD_RUN, ROOT / "results" / "reference-replay.json"], ids=name_of)
def test_ratios_and_intervals_are_those_of_the_table(path: Path, tmp_path: Path) -> None:
    text = shown(path, tmp_path)
    rows = [row for row in results.load(path).comparisons() if row.kind in ("case", "mean")]
    assert rows
    for row in rows:
        assert row.ratio is not None
        assert row.low is not None
        assert row.high is not None
        if not math.isfinite(row.high):
            continue
        texts = {
            f"{formatting.format_factor(row.ratio, row.low, row.high)} ",
            f"{formatting.format_factor(1 / row.ratio, 1 / row.high, 1 / row.low)} ",
        }
        intervals = {
            formatting.format_interval(row.low, row.high),
            formatting.format_interval(1 / row.high, 1 / row.low),
        }
        lines = [line for line in text.splitlines() if any(interval in line for interval in intervals)]
        assert any(ratio in line for line in lines for ratio in texts), row


def test_ratio_of_the_headline_follows_from_its_raw_json_by_other_code(tmp_path: Path) -> None:
    """The Hodges–Lehmann estimate of the pairs, from the document alone."""
    document = exported(HEADLINE, tmp_path)
    pairs: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for measured in document["measurements"]:
        case = measured["case"]
        key = (case["data"], case["mode"], case["environment"])
        for raw in measured["samples"]:
            if raw["kind"] == "duet":
                pairs.setdefault(key, {}).setdefault(raw["pair"], []).append(raw["metrics"]["cpu_seconds"])
    rows = [row for row in results.load(HEADLINE).comparisons() if row.kind == "case"]
    assert len(rows) == 12
    for row in rows:
        before = pairs[row.data, row.mode_before, row.environment_before]
        after = pairs[row.data, row.mode, row.environment]
        logs = [
            math.log(statistics.fmean(after[pair]) / statistics.fmean(before[pair])) for pair in after if pair in before
        ]
        walsh = [(first + second) / 2 for place, first in enumerate(logs) for second in logs[place:]]
        assert len(logs) == row.pairs
        assert row.ratio == pytest.approx(math.exp(statistics.median(walsh)), rel=1e-9)


def test_corpus_has_the_ratio_of_the_whole_its_parts_and_the_totals_of_both_sides(tmp_path: Path) -> None:
    text, run = shown(CORPUS, tmp_path), results.load(CORPUS)
    whole, *parts = run.comparisons()
    assert (whole.kind, whole.data, whole.mode) == ("corpus", "my-archive.tar (500 files)", "full")
    assert whole.low is not None
    assert whole.high is not None
    assert f"full: 3.1x [{formatting.format_interval(whole.low, whole.high)}]" in text
    assert {part.stratum for part in parts} == {"sport", "market type", "in-play", "runners"}
    for part in parts:
        assert part.low is not None
        assert part.high is not None
        assert f"{part.part} {part.ratio:.1f}x [{formatting.format_interval(part.low, part.high)}]" in text
    before, after = run.totals()
    assert (before.seconds, after.seconds) == (whole.before, whole.after)
    assert f"lightweight {before.seconds:.3g} s [{before.low:.3g}–{before.high:.3g}]" in text
    assert f"full {after.seconds:.3g} s [{after.low:.3g}–{after.high:.3g}]" in text


def test_sweep_has_its_steps_and_its_releases(tmp_path: Path) -> None:
    text, rows = shown(SWEEP, tmp_path), results.load(SWEEP).comparisons()
    steps = [row for row in rows if row.kind == "step"]
    assert f"over all {len(steps)} steps together" in text
    marked = [row for row in steps if row.verdict in ("improved", "regressed")]
    assert len(marked) == len(re.findall(r"^ +[▲▼] \S+ → ", text, re.MULTILINE)) > 0
    for row in marked:
        releases = [name.rpartition("==")[2] for name in (row.environment_before, row.environment)]
        assert row.low is not None
        assert row.high is not None
        interval = formatting.format_change_interval(row.low, row.high)
        assert (
            f"{releases[0]} → {releases[1]} {row.mode}: {formatting.format_change(row.ratio or 0)} ({interval};" in text
        )
    last = [row for row in rows if row.kind == "release" and row.environment.endswith("==2.24.0")]
    (line,) = [line for line in text.splitlines() if line.strip().startswith("2.24.0 ")]
    assert all(f"{row.ratio:.3f}" in line for row in last)
    assert {row.mode for row in last} == {"lightweight", "patched"}


def test_gate_has_the_ratios_of_its_evaluation(tmp_path: Path) -> None:
    path = ROOT / "results" / "reference-calibration-slower.json"
    evaluation = exported(path, tmp_path)["evaluation"]["cases"]
    rows = results.load(path).comparisons()
    names = ("ratio", "low", "high", "before", "after", "pairs", "detectable", "status")
    assert [{name: getattr(row, name) for name in names} for row in rows] == [
        {name: case[name] for name in names} for case in evaluation
    ]
    assert results.load(path).status == "regressed"


def test_metrics_of_a_scenario_are_rows_of_their_own() -> None:
    run = results.load(ROOT / "results" / "reference-verdicts-memory.json")
    rows = [row for row in run.comparisons() if row.kind == "metric"]
    assert rows
    assert all(row.before is not None and row.after is not None for row in rows)
    assert any(column.startswith("numbers.") for column in run.to_pandas().columns)
    assert any(column.startswith("parameters.") for column in run.to_pandas().columns)


def test_parameter_sweep_has_a_comparison_for_each_value(tmp_path: Path) -> None:
    swept = [
        replace(side, case=replace(side.case, parameters=(("periods", periods),)))
        for periods, factor in ((10, 6.7), (100, 0.67))
        for side in (measurement("each", [1.0] * 8, baseline=True), measurement("running", [factor] * 8))
    ]
    (tmp_path / "swept.json").write_bytes(msgspec.json.encode(run(swept, sweep=(("periods", ("10", "100")),))))
    saved = results.load("swept", results=tmp_path)
    ratios = {dict(row.parameters)["periods"]: row.ratio for row in saved.comparisons() if row.kind == "case"}
    assert ratios == {10: pytest.approx(6.7), 100: pytest.approx(0.67)}
    frame = saved.to_pandas()
    assert str(frame["parameters.periods"].dtype) == "int64"
    assert set(frame["parameters.periods"]) == {10, 100}


def test_interrupted_journal_loads_with_what_was_measured(tmp_path: Path) -> None:
    outline = run([measurement("slow", [], baseline=True), measurement("fast", [])])
    journal = Journal.create(tmp_path, replace(outline, id="cut", finished=False))
    slow, fast = (m.case.id for m in outline.measurements)
    for number in range(8):
        samples = {slow: sample(number, 6.86), fast: sample(number, 2.998)}
        journal.append([Result(f"duet {number}", case, sample=own) for case, own in samples.items()])
    journal.close()
    with (tmp_path / "cut.journal").open("a") as file:
        file.write('{"trial": "duet 9", "ca')  # what a kill leaves behind
    saved = results.load("cut", results=tmp_path)
    assert not saved.finished
    assert len(saved.samples()) == 16
    (row,) = saved.comparisons()
    assert row.ratio == pytest.approx(2.998 / 6.86)
    assert row.pairs == 8


def test_run_is_found_by_its_path_and_by_its_name_and_cannot_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    run = results.load("reference-headline")
    assert results.load(HEADLINE).document == run.document
    assert (run.name, run.id, run.finished, run.status) == ("reference-headline", "headline", True, "ok")
    assert repr(run).startswith(
        "<Run reference-headline: replay · lightweight, full, patched · betfairlightweight 2.11.2 → "
    )
    with pytest.raises(FrozenInstanceError):
        run.path = tmp_path  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        run.comparisons()[0].ratio = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("reference-blame", "reference-blame is a saved profile, not a run"),
        ("no-such-run", "no-such-run: no such file, and no run of that name in "),
        ("reference-calibration-against", "is not a run saved by perfbench"),
    ],
)
def test_document_that_is_no_run_is_one_line(name: str, cause: str) -> None:
    with pytest.raises(StorageProblem) as raised:
        results.load(name, results=ROOT / "results")
    assert cause in str(raised.value)


def test_notebook_shows_the_tables_of_the_terminal_escaped(tmp_path: Path) -> None:
    run = results.load(HEADLINE)
    text = run._repr_html_()
    assert "geometric mean of 3 files" in text
    assert ">1.78x ▲</td>" in text
    assert not any(word in text for word in ("<style", "<script", "http:", "src="))
    document = json.loads(HEADLINE.read_text())
    hostile = json.loads(json.dumps(document).replace("SELF-1.181223994", "<script>alert(1)</script>"))
    (tmp_path / "hostile.json").write_text(json.dumps(hostile))
    assert "<script" not in results.load(tmp_path / "hostile.json")._repr_html_()
    assert "&lt;script&gt;" in results.load(tmp_path / "hostile.json")._repr_html_()
    assert "2.10.0 → 2.24.0" in results.load(SWEEP)._repr_html_()
