"""``perfbench show``: every format against its golden file; damaged, cut, foreign and newer files in one clear line.

``make golden`` writes the golden files anew, from ``golden/run-schema-1.json``, which stays what it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.command_line import HERE, measured, one_line, perfbench, variables
from support.special_files import NULL, Reader, device_numbers, is_fifo, make_device

from perfbench.report.formats import list_text_formats
from perfbench.results import storage
from perfbench.results.document import build_json_schema
from perfbench.util import paths

GOLDEN = HERE / "data" / "golden"
OLD_RUN = GOLDEN / "run-schema-1.json"
SCHEMA = paths.PACKAGE_FOLDER / "results" / "run.schema.json"


def compare(path: Path, text: str, refresh: bool) -> None:
    if refresh:
        path.write_text(text)
    assert path.read_text() == text


# Formats -------------------------------------------------------------------------------------------------------------


def strip_assets(page: str) -> str:
    """A page without its style, its script and their hashes, and without the compressed document, whose bytes depend on zlib."""
    for pattern in (r"(<style>).*?(</style>)", r"(<script\b[^>]*>).*?(</script>)", r"('sha256-)[^']*(')"):
        page = re.sub(pattern, r"\1\2", page, flags=re.DOTALL)
    return page


@pytest.mark.parametrize("name", list_text_formats())
def test_every_format_is_as_its_golden_file(tmp_path: Path, refresh_golden: bool, name: str) -> None:
    done = perfbench("show", OLD_RUN, "--export", f"{name}={tmp_path / 'out'}", folder=tmp_path)
    assert done.returncode == 6
    text = (tmp_path / "out").read_text()
    compare(GOLDEN / f"run.{name}", strip_assets(text) if name == "html" else text, refresh_golden)


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


# Files that cannot be replaced -----------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a folder")
def test_exports_that_can_be_written_are_written_beside_those_that_cannot(tmp_path: Path) -> None:
    cannot = (tmp_path / "proc", "/proc/no-such-process.csv")  # nobody can make a file in /proc, not even root
    cannot[0].symlink_to("/proc/no-such-process.json")
    options = ("--export", f"json={cannot[0]}", "--export", f"csv={cannot[1]}", "--export", "markdown=table.md")
    done = perfbench("show", OLD_RUN, *options, folder=tmp_path)
    assert done.returncode == 5
    line = one_line(done.stderr)
    assert all(f"{path} cannot be written (" in line for path in cannot)
    assert line.endswith("\nhint: choose another --export file")
    assert (tmp_path / "table.md").read_text() == (GOLDEN / "run.markdown").read_text()


@pytest.mark.parametrize("option", ["--export", "--plot"])
def test_destination_that_cannot_be_written_is_refused_before_anything_is_shown(tmp_path: Path, option: str) -> None:
    (tmp_path / "folder.svg").mkdir()
    for name, reason in (("folder.svg", "it is a folder"), ("no/file.svg", "there is no folder no")):
        value = f"csv={name}" if option == "--export" else name
        done = perfbench("show", OLD_RUN, option, value, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert one_line(done.stderr) == f"perfbench: {option} {value}: {reason}\nhint: name another file"


def test_export_over_a_pipe_reaches_its_reader(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "pipe")
    done = perfbench("show", OLD_RUN, "--export", "markdown=pipe", folder=tmp_path)
    assert done.returncode == 6
    assert reader.content().decode() == (GOLDEN / "run.markdown").read_text()
    assert is_fifo(tmp_path / "pipe")


def test_export_over_a_link_writes_its_target(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "table.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real/table.md")
    perfbench("show", OLD_RUN, "--export", "markdown=link.md", folder=tmp_path)
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real" / "table.md").read_text() == (GOLDEN / "run.markdown").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such devices")
def test_export_to_a_null_device_leaves_the_device(tmp_path: Path) -> None:
    make_device(tmp_path / "null", NULL)
    done = perfbench("show", OLD_RUN, "--export", "json=null", folder=tmp_path)
    assert done.returncode == 6
    assert device_numbers(tmp_path / "null") == NULL


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/fd")
@pytest.mark.parametrize("name", ["out.md", "/proc/self/fd/1"])
def test_export_to_the_file_of_standard_output_follows_the_tables(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "perfbench", "show", str(OLD_RUN), "--export", f"markdown={name}"]
    with (tmp_path / "out.md").open("wb") as out:
        subprocess.run(command, cwd=tmp_path, env=variables(tmp_path), stdout=out, stderr=subprocess.PIPE, check=False)
    tables, export = (GOLDEN / "run.terminal").read_text(), (GOLDEN / "run.markdown").read_text()
    assert (tmp_path / "out.md").read_text() == tables + export


@pytest.mark.parametrize(
    ("options", "env", "colored"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {}, False),
    ],
)
def test_colour_is_for_terminals_unless_it_is_requested(
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
    compare(SCHEMA, build_json_schema().decode(), refresh_golden)


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
            "was saved by a newer perfbench (schema 99)\nhint: update perfbench",
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
    from perfbench.results.journal import Journal
    from perfbench.results.storage import load_run

    done = measured("waits", "--save", "whole", folder=folder)
    assert done.returncode == 0
    run = load_run(folder / "results" / "whole.json")
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


def test_journal_is_shown_like_a_run_and_marked_unfinished(tmp_path: Path, journal: bytes) -> None:
    (tmp_path / "left.journal").write_bytes(journal)
    done = perfbench("show", "left.journal", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "this run is not finished; --resume continues it" in done.stdout
    assert "waits" in done.stdout


def test_a_journal_cut_at_any_byte_still_loads_with_all_whole_lines(tmp_path: Path, journal: bytes) -> None:
    path = tmp_path / "cut.journal"
    first = journal.index(b"\n") + 1
    for end in range(first, len(journal), 97):
        path.write_bytes(journal[:end])
        run = storage.load_run(path)
        kept = [sample for measurement in run.measurements for sample in measurement.samples]
        outputs = sum(measurement.output is not None for measurement in run.measurements)
        assert journal[:end].count(b"\n") - 1 - len(kept) - outputs in (0, 1)
        sides = {
            (sample.pair, measurement.case.id)
            for measurement in run.measurements
            for sample in measurement.samples
            if sample.kind == "duet"
        }
        assert set(Counter(pair for pair, _ in sides).values()) <= {2}


def test_a_journal_damaged_in_the_middle_names_the_line(tmp_path: Path, journal: bytes) -> None:
    lines = journal.splitlines(keepends=True)
    lines[4] = b"{garbage}\n"
    (tmp_path / "bad.journal").write_bytes(b"".join(lines))
    done = perfbench("show", "bad.journal", folder=tmp_path)
    assert done.returncode == 5
    assert "bad.journal, line 5 is damaged" in one_line(done.stderr)
    assert "hint: delete the line to use the rest" in done.stderr


def test_a_journal_that_was_cut_in_its_first_line_is_one_line(tmp_path: Path, journal: bytes) -> None:
    (tmp_path / "bad.journal").write_bytes(journal[:50])
    done = perfbench("show", "bad.journal", folder=tmp_path)
    assert done.returncode == 5
    assert "holds no run: it was cut off before its first line was written\nhint: delete it" in one_line(done.stderr)
