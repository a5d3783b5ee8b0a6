"""``perfbench show --filter --sort`` and the geometric mean of several files, through the real command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from support.command_line import HERE, measured, one_line, perfbench

KEPT = HERE.parent / "results"
HEADLINE = KEPT / "reference-headline.json"
SWEEP = KEPT / "reference-sweep.json"
GATE = KEPT / "reference-calibration-slower.json"
MEAN = """\
replay · betfairlightweight 2.11.2 → 2.12.0 · geometric mean of 3 files
  mode                     faster   95 % interval
  lightweight             1.73x ▲     1.719–1.738
  full                     2.5x ▲       2.51–2.53
  patched                  2.1x ▲       2.06–2.08
  lightweight → patched   1.19x ▲     1.190–1.202
  every file has the same weight; the interval combines those of the tables and covers these files only
"""


def rows_of(text: str) -> list[str]:
    """The first word of every row of the tables."""
    return [line.split()[0] for line in text.splitlines() if line.startswith("  ") and " → " in line and "s  " in line]


def test_only_matching_rows_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    done = perfbench("show", HEADLINE, "--filter", "mode=full data=PRO*", "--sort", "ratio", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows_of(done.stdout) == ["full"]
    assert "replay · PRO-1.170258213" in done.stdout
    assert "SELF-1" not in done.stdout
    assert "geometric mean" not in done.stdout
    assert done.stdout.endswith("\n1 of 12 rows shown: mode=full 'data=PRO*'\n")


def test_options_are_repeatable_and_rows_are_sorted_within_and_between_tables(tmp_path: Path) -> None:
    options = ("--filter", "mode=full", "--filter", "mode=patched", "--sort", "-ratio")
    text = perfbench("show", HEADLINE, *options, folder=tmp_path).stdout
    titles = [line.split(" · ")[1] for line in text.splitlines() if " environments · " in line]
    assert titles == ["1.200806927", "PRO-1.170258213", "SELF-1.181223994"]
    fastest = ["lightweight", "patched", "full"]  # of the row "lightweight → patched", and of the modes
    assert rows_of(text) == ["lightweight", "full", "patched", *fastest, *fastest]
    assert "geometric mean of 3 files" in text


def test_sort_alone_hides_nothing(tmp_path: Path) -> None:
    whole = perfbench("show", HEADLINE, folder=tmp_path).stdout
    ordered = perfbench("show", HEADLINE, "--sort", "ratio", folder=tmp_path).stdout
    assert sorted(rows_of(whole)) == sorted(rows_of(ordered))
    assert "rows shown" not in ordered


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--filter", "mod=full"),
            "--filter mod=full: no field `mod`; did you mean `mode`?\nhint: fields: scenario, mode, ",
        ),
        (("--filter", "mode=fulll"), "--filter mode=fulll: no row matches\nhint: mode: lightweight, full, patched, "),
        (("--filter", "full"), "--filter full: `full` is not FIELD=PATTERN\nhint: for example "),
        (("--sort", "rati"), "--sort rati: no key `rati`; did you mean `ratio`?\nhint: keys: ratio, "),
    ],
)
def test_wrong_filter_is_one_line_with_what_there_is(tmp_path: Path, options: tuple[str, ...], line: str) -> None:
    done = perfbench("show", HEADLINE, *options, folder=tmp_path)
    assert done.returncode == 2
    assert one_line(done.stderr).startswith(f"perfbench: {line}")
    assert done.stdout == ""


def test_exports_of_tables_follow_the_filter_and_all_others_hold_the_run(tmp_path: Path) -> None:
    exports = [part for name in ("markdown", "csv", "json") for part in ("--export", f"{name}={name}")]
    done = perfbench("show", HEADLINE, "--filter", "mode=full data=PRO*", *exports, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "markdown").read_text()
    assert "| full |" in text
    assert "| lightweight |" not in text
    assert "1 of 12 rows shown" in text
    modes = {line["mode"] for line in csv.DictReader((tmp_path / "csv").read_text().splitlines())}
    assert modes == {"lightweight", "full", "patched"}
    assert json.loads((tmp_path / "json").read_text())["id"] == json.loads(HEADLINE.read_text())["id"]


def test_filter_cannot_make_a_failed_gate_pass(tmp_path: Path) -> None:
    whole = perfbench("show", GATE, folder=tmp_path)
    done = perfbench("show", GATE, "--filter", "environment=*1.6*", folder=tmp_path)
    assert (whole.returncode, done.returncode) == (3, 3)
    assert "2 cases, 1 of them shown" in done.stdout
    engines = KEPT / "reference-engines.json"
    assert perfbench("show", engines, "--filter", "mode=lightweight", folder=tmp_path).returncode == 6


def test_sweep_shows_the_selected_modes_and_releases_and_is_not_sorted(tmp_path: Path) -> None:
    whole = perfbench("show", SWEEP, folder=tmp_path).stdout
    done = perfbench("show", SWEEP, "--filter", "mode=patched environment=2.1?.0", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    releases = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  2.1")]
    assert releases == [f"2.1{number}.0" for number in range(len(releases))]
    assert "lightweight CPU seconds" not in done.stdout
    assert "over all 94 steps together" in whole
    assert "over all 94 steps together" in done.stdout
    sorted_sweep = perfbench("show", SWEEP, "--sort", "ratio", folder=tmp_path)
    assert sorted_sweep.returncode == 2
    assert one_line(sorted_sweep.stderr).startswith("perfbench: --sort: a sweep is shown in the order of its releases")


def test_selected_tables_fit_80_columns(tmp_path: Path) -> None:
    done = perfbench("show", HEADLINE, "--filter", "mode=full", folder=tmp_path, env={"COLUMNS": "80"})
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


# Several files ----------------------------------------------------------------------------------------------------------


def test_show_ends_with_the_geometric_mean_of_several_files(tmp_path: Path) -> None:
    assert perfbench("show", HEADLINE, folder=tmp_path).stdout.endswith(MEAN)


def test_run_on_two_files_prints_the_mean_of_what_each_table_says(tmp_path: Path, market: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"".join(market.read_bytes().splitlines(keepends=True)[:30]))
    done = measured("timed_by_lines", "--data", market, "--data", other, "--rounds", 8, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("timed_by_lines · geometric mean of 2 files\n")[2].splitlines()
    assert table[0].split() == ["mode", "faster", "95", "%", "interval"]
    assert table[1].split() == ["after", "2.0x", "▲", "2.00–2.00"]


@pytest.mark.parametrize("name", ["corpus", "sweep", "calibration", "engines", "live"])
def test_run_of_one_file_a_corpus_a_sweep_and_a_gate_have_no_mean(tmp_path: Path, name: str) -> None:
    assert "geometric mean" not in perfbench("show", KEPT / f"reference-{name}.json", folder=tmp_path).stdout
