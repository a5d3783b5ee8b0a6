"""``perfbench show``: every format against its golden file; damaged, cut, foreign and newer files in one clear line.

``make golden`` writes the golden files anew, from ``golden/run-schema-1.json``, which stays what it is.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command_line import HERE, measured, one_line, perfbench

from perfbench import bundle, storage
from perfbench.renderers import formats

GOLDEN = HERE / "golden"
OLD_RUN = GOLDEN / "run-schema-1.json"
SCHEMA = bundle.PACKAGE / "run.schema.json"


def compare(path: Path, text: str, refresh: bool) -> None:
    if refresh:
        path.write_text(text)
    assert path.read_text() == text


# Formats -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", formats())
def test_every_format_is_as_its_golden_file(tmp_path: Path, refresh_golden: bool, name: str) -> None:
    done = perfbench("show", OLD_RUN, "--export", f"{name}={tmp_path / 'out'}", folder=tmp_path)
    assert done.returncode == 6
    compare(GOLDEN / f"run.{name}", (tmp_path / "out").read_text(), refresh_golden)


def test_the_terminal_shows_what_the_terminal_format_writes(tmp_path: Path) -> None:
    assert perfbench("show", OLD_RUN, folder=tmp_path).stdout == (GOLDEN / "run.terminal").read_text()


def test_a_table_fits_80_columns(tmp_path: Path, refresh_golden: bool) -> None:
    done = perfbench("show", OLD_RUN, folder=tmp_path, env={"COLUMNS": "80"})
    compare(GOLDEN / "run.80-columns", done.stdout, refresh_golden)
    tables = [line for line in done.stdout.splitlines() if "→" in line and "MB" in line]
    assert tables
    assert max(map(len, tables)) <= 80


def holds(new: object, old: object) -> bool:
    """Whether all of an old document stands in a new one, which may have fields that the old one did not know."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and holds(new[key], value) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(new) == len(old) and all(map(holds, new, old))
    return type(new) is type(old) and new == old


def test_json_is_the_saved_document_without_loss(tmp_path: Path) -> None:
    perfbench("show", OLD_RUN, "--export", f"json={tmp_path / 'again.json'}", folder=tmp_path)
    again = json.loads((tmp_path / "again.json").read_text())
    assert holds(again, json.loads(OLD_RUN.read_text()))


def test_csv_has_one_line_for_each_metric_of_each_sample_and_none_for_failures(tmp_path: Path) -> None:
    done = perfbench("show", OLD_RUN, "--export", "csv=-", folder=tmp_path)
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    run = json.loads(OLD_RUN.read_text())
    samples = [s for m in run["measurements"] for s in m["samples"]]
    assert len(lines) == sum(len(s["metrics"]) + len(s["numbers"]) for s in samples)
    assert {line["mode"] for line in lines} == {m["case"]["mode"] for m in run["measurements"] if m["samples"]}
    value = next(x for x in lines if x["mode"] == "after" and x["metric"] == "reported_seconds")
    assert (value["value"], value["unit"], value["scenario"]) == ("2.998", "seconds", "known_times")


def test_an_export_to_standard_output_has_it_for_itself(tmp_path: Path) -> None:
    done = perfbench("show", OLD_RUN, "--export", "json=-", folder=tmp_path)
    assert json.loads(done.stdout)["schema"] == 1
    assert "6.860s → 2.998s  2.3x" in done.stderr
    both = perfbench("show", OLD_RUN, "--export", "json=-", "--export", "csv=-", folder=tmp_path)
    assert both.returncode == 2
    assert "only one format can go to standard output" in one_line(both.stderr)


def test_exports_that_can_be_written_are_written_beside_one_that_cannot(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    options = ("--export", "csv=taken", "--export", "markdown=table.md")
    done = perfbench("show", OLD_RUN, *options, folder=tmp_path)
    assert done.returncode == 5
    assert "taken cannot be written" in one_line(done.stderr)
    assert (tmp_path / "table.md").read_text() == (GOLDEN / "run.markdown").read_text()


@pytest.mark.parametrize(
    ("options", "env", "colored"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {}, False),
    ],
)
def test_colour_is_for_terminals_unless_it_is_asked_for(
    tmp_path: Path, options: tuple[str, ...], env: dict[str, str], colored: bool
) -> None:
    done = perfbench("show", OLD_RUN, *options, folder=tmp_path, env=env)
    assert ("\x1b[" in done.stdout) is colored


def test_markup_in_names_stays_text(tmp_path: Path) -> None:
    run = json.loads(OLD_RUN.read_text())
    for measurement in run["measurements"]:
        measurement["case"]["mode"] = "<b>|" + measurement["case"]["mode"] + "[red]\x1b[31m"
    (tmp_path / "evil.json").write_text(json.dumps(run))
    done = perfbench("show", "evil.json", "--export", "markdown=out.md", folder=tmp_path)
    assert done.returncode == 6
    assert "<b>|before[red]" in done.stdout
    assert "\x1b" not in done.stdout
    markdown = (tmp_path / "out.md").read_text()
    assert r"\<b\>\|before\[red\]" in markdown
    assert "\x1b" not in markdown


# The document --------------------------------------------------------------------------------------------------------


def test_the_published_schema_is_that_of_the_model(refresh_golden: bool) -> None:
    compare(SCHEMA, storage.json_schema().decode(), refresh_golden)


def test_a_saved_run_obeys_the_published_schema(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    validator.validate(json.loads(OLD_RUN.read_text()))
    measured("parameters", "--set", "window=4", folder=tmp_path)
    (path,) = (tmp_path / "results").glob("*.json")
    validator.validate(json.loads(path.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**json.loads(OLD_RUN.read_text()), "measurements": 3})


def test_a_run_is_found_by_file_and_by_name(tmp_path: Path) -> None:
    measured("known_times", "--save", "mine", folder=tmp_path)
    for name in ("mine", "results/mine.json", "mine.json"):
        done = perfbench("show", name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "6.860s → 2.998s" in done.stdout


def damaged(text: str) -> dict[str, tuple[str, str]]:
    document: dict[str, Any] = json.loads(text)
    return {
        "cut": (text[: len(text) // 2], "is damaged or cut off"),
        "empty": ("", "is damaged or cut off"),
        "binary": ("\x00\x01\x02", "is damaged or cut off"),
        "foreign": ('{"benchmarks": []}', "is not a run saved by perfbench: it has no `schema`"),
        "list": ("[]", "is not a run saved by perfbench"),
        "newer": (
            json.dumps({**document, "schema": 99}),
            "was saved by a newer perfbench (schema 99): update perfbench",
        ),
        "wrong type": (json.dumps({**document, "settings": 3}), "is not a run saved by perfbench: Expected"),
        "wrong schema": (json.dumps({**document, "schema": "x"}), "is not a run saved by perfbench"),
        "missing field": (
            json.dumps({key: value for key, value in document.items() if key != "machine"}),
            "is not a run saved by perfbench: Object missing required field `machine`",
        ),
        "not a number": (text.replace('"work": 44687', '"work": NaN', 1), "is damaged or cut off"),
    }


@pytest.mark.parametrize("kind", damaged(OLD_RUN.read_text()))
def test_a_file_that_is_no_saved_run_is_one_line(tmp_path: Path, kind: str) -> None:
    content, complaint = damaged(OLD_RUN.read_text())[kind]
    (tmp_path / "bad.json").write_text(content)
    done = perfbench("show", "bad.json", folder=tmp_path)
    assert done.returncode == 5
    assert f"bad.json {complaint}" in one_line(done.stderr)
    assert not done.stdout


def test_a_run_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = perfbench("show", "nothing", folder=tmp_path)
    assert done.returncode == 5
    assert "nothing: no such file, and no run of that name in results" in one_line(done.stderr)


# Journals ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal as a run leaves it that was killed before it was finished."""
    folder = tmp_path_factory.mktemp("journal")
    from perfbench.storage import Journal, load

    done = measured("waits", "--save", "whole", folder=folder)
    assert done.returncode == 0
    run = load(folder / "results" / "whole.json")
    from dataclasses import replace

    from perfbench.model import Result

    empty = tuple(replace(m, samples=(), packages=(), output=None) for m in run.measurements)
    kept = Journal.create(folder / "again", replace(run, finished=False, measurements=empty))
    for measurement in run.measurements:
        kept.append([Result("check 0", measurement.case.id, output=measurement.output)])
    pairs = zip(*(measurement.samples for measurement in run.measurements), strict=True)
    for pair in pairs:
        sides = zip(pair, run.measurements, strict=True)
        kept.append([Result(sample.pair, side.case.id, sample=sample) for sample, side in sides])
    kept.close()
    return kept.path.read_bytes()


def test_a_journal_is_shown_like_a_run_and_says_that_it_is_not_finished(tmp_path: Path, journal: bytes) -> None:
    (tmp_path / "left.journal").write_bytes(journal)
    done = perfbench("show", "left.journal", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "this run was not finished: perfbench run --resume goes on" in done.stdout
    assert "waits" in done.stdout


def test_a_journal_cut_at_any_byte_still_loads_with_all_whole_lines(tmp_path: Path, journal: bytes) -> None:
    path = tmp_path / "cut.journal"
    first = journal.index(b"\n") + 1
    for end in range(first, len(journal), 97):
        path.write_bytes(journal[:end])
        run = storage.load(path)
        kept = [sample for measurement in run.measurements for sample in measurement.samples]
        outputs = sum(measurement.output is not None for measurement in run.measurements)
        assert journal[:end].count(b"\n") - 1 - len(kept) - outputs in (0, 1)
        pairs = Counter(sample.pair for sample in kept if sample.kind == "duet")
        assert set(pairs.values()) <= {2}


def test_a_journal_damaged_in_the_middle_names_the_line(tmp_path: Path, journal: bytes) -> None:
    lines = journal.splitlines(keepends=True)
    lines[4] = b"{garbage}\n"
    (tmp_path / "bad.journal").write_bytes(b"".join(lines))
    done = perfbench("show", "bad.journal", folder=tmp_path)
    assert done.returncode == 5
    assert "bad.journal, line 5 is damaged" in one_line(done.stderr)


def test_a_journal_that_was_cut_in_its_first_line_is_one_line(tmp_path: Path, journal: bytes) -> None:
    (tmp_path / "bad.journal").write_bytes(journal[:50])
    done = perfbench("show", "bad.journal", folder=tmp_path)
    assert done.returncode == 5
    assert "holds no run: it was cut off before its first line was written; delete it" in one_line(done.stderr)
