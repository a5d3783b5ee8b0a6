"""Rows, columns, DataFrames and notebook tables: types, missing values, names, escapes, and packages that are missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest
from support.runs import measurement, run, sample

from perfbench import results
from perfbench.errors import UsageProblem
from perfbench.report.frames import html
from perfbench.report.frames.columns import ColumnType, Numbers, Parameters, build_columns
from perfbench.report.frames.rows import SHOWN_ROWS, Rows
from perfbench.report.frames.sample_rows import SampleRow, list_samples


@dataclass(frozen=True, slots=True)
class MadeUpRow:
    """A row with a field of every annotation."""

    name: str
    count: int
    core: int | None
    seconds: float
    memory: float | None
    baseline: bool
    parameters: Parameters
    numbers: Numbers
    parts: tuple[float, ...]


FULL = MadeUpRow("a", 1, 0, 1.5, 2.5, True, (("window", 10), ("fast", True)), (("pause_ms", 3.0),), (1.0, 2.0))
EMPTY = MadeUpRow("b", 2, None, 2.5, None, False, (("window", 0.5), ("kind", "odd")), (), ())
ROWS = Rows(MadeUpRow, (FULL, EMPTY))
NAMES = [
    "name", "count", "core", "seconds", "memory", "baseline",
    "parameters", "parameters.window", "parameters.fast", "parameters.kind", "numbers.pause_ms", "parts",
]  # fmt: skip


def test_columns_have_the_order_of_the_fields_and_one_for_each_name() -> None:
    columns = {column.name: column for column in build_columns(MadeUpRow, ROWS)}
    assert list(columns) == NAMES
    assert columns["parameters"].values == ("window=10,fast=True", "window=0.5,kind=odd")
    assert (columns["parameters.window"].type, columns["parameters.window"].values) == (ColumnType.NUMBER, (10.0, 0.5))
    assert (columns["parameters.fast"].type, columns["parameters.fast"].values) == (ColumnType.BOOLEAN, (True, None))


def test_mixed_types_and_integers_beyond_64_bits_become_texts() -> None:
    mixed = [replace(FULL, parameters=(("x", 1),)), replace(FULL, parameters=(("x", "auto"),), count=10**30)]
    columns = {column.name: column for column in build_columns(MadeUpRow, mixed)}
    assert columns["parameters.x"].values == ("1", "auto")
    assert columns["count"].values == ("1", str(10**30))
    Rows(MadeUpRow, tuple(mixed)).to_arrow()


def test_pandas_frame_has_the_types_of_the_columns_and_missing_values() -> None:
    frame = ROWS.to_pandas()
    assert list(frame.columns) == NAMES
    assert [str(frame[name].dtype) for name in ("count", "core", "seconds", "baseline", "parameters.fast")] == [
        "int64", "Int64", "float64", "bool", "boolean",
    ]  # fmt: skip
    assert frame["core"].isna().tolist() == frame["memory"].isna().tolist() == [False, True]
    assert frame["parts"].tolist() == [(1.0, 2.0), ()]


def test_polars_and_arrow_have_the_same_names_and_values() -> None:
    frame, table = ROWS.to_polars(), ROWS.to_arrow()
    assert frame.columns == table.column_names == NAMES
    assert frame.to_dicts() == table.to_pylist()
    assert frame["core"].to_list() == [0, None]
    assert frame["parts"].to_list() == [[1.0, 2.0], []]


def test_frames_without_rows_have_the_columns() -> None:
    nothing = Rows(SampleRow)
    assert list(nothing.to_pandas().columns) == nothing.to_polars().columns == nothing.to_arrow().column_names
    assert "seconds" in nothing.to_pandas().columns
    assert len(nothing.to_pandas()) == 0


def test_rows_are_an_immutable_sequence_whose_slices_are_rows() -> None:
    assert len(ROWS) == 2
    assert ROWS[-1] is EMPTY
    assert list(ROWS) == [FULL, EMPTY]
    assert isinstance(ROWS[:1], Rows)
    assert list(ROWS[:1].to_pandas()["name"]) == ["a"]
    assert repr(ROWS) == "<2 rows of MadeUpRow>"
    with pytest.raises(FrozenInstanceError):
        ROWS.rows = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("method", "package"), [("to_pandas", "pandas"), ("to_polars", "polars"), ("to_arrow", "pyarrow")]
)
def test_missing_package_is_one_line_with_the_extra(monkeypatch: pytest.MonkeyPatch, method: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # what makes an import fail
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(UsageProblem) as raised:
        getattr(ROWS, method)()
    assert str(raised.value) == (
        f"{method}() needs {package}, which is not installed: pip install 'betfair-perfbench[data]'"
    )


def test_api_loads_a_run_without_pandas_polars_pyarrow_and_matplotlib() -> None:
    code = (
        "import sys\nfrom perfbench import results\nassert 'numpy' not in sys.modules\n"
        "run = results.load('results/reference-headline.json')\nlist(run.samples()), list(run.comparisons())\n"
        "run._repr_html_(), run.samples()._repr_html_()\n"
        "print([name for name in ('pandas', 'polars', 'pyarrow', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_application_of_the_command_line_loads_no_frames() -> None:
    code = (
        "import sys, perfbench.cli.app\n"
        "print([name for name in ('numpy', 'pandas', 'polars', 'pyarrow', 'perfbench.report') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_module_has_no_other_names_than_it_lists() -> None:
    assert set(results.__all__) <= set(dir(results))
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        results.lod  # noqa: B018


# Samples ----------------------------------------------------------------------------------------------------------------


def test_sample_row_has_the_metric_of_its_table_and_what_was_not_measured_is_none() -> None:
    memory = replace(sample(0, 1.0, "memory"), metrics={"peak_rss_bytes": 5e6}, numbers={"pause_ms": 4.0})
    made = replace(measurement("only", [1.0, 2.0], baseline=True), samples=(sample(3, 1.5), memory))
    first, second = list_samples(run([made]))
    assert (first.metric, first.seconds, first.round, first.pair, first.baseline) == (
        "cpu_seconds",
        1.5,
        3,
        "pair 3",
        True,
    )
    assert (second.kind, second.seconds, second.peak_rss_bytes) == ("memory", None, 5e6)
    assert second.numbers == (("pause_ms", 4.0),)


def test_samples_of_a_mode_that_times_itself_have_its_seconds() -> None:
    own = replace(sample(0, 9.0), metrics={"cpu_seconds": 9.0, "reported_seconds": 2.0})
    (row,) = list_samples(run([replace(measurement("only", [], baseline=True), samples=(own,))]))
    assert (row.metric, row.seconds, row.cpu_seconds) == ("reported_seconds", 2.0, 9.0)


# HTML -------------------------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e"


def test_every_text_of_a_notebook_table_is_escaped_and_control_characters_are_shown() -> None:
    table = html.render_table([HOSTILE], [[HOSTILE]], title=HOSTILE, notes=[HOSTILE])
    assert "<script" not in table
    assert "\x1b" not in table
    assert "\u202e" not in table
    assert table.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;\\x1b[31m\\u202e") == 4


def test_notebook_table_of_rows_is_self_contained_and_counts_what_it_leaves_out() -> None:
    text = Rows(MadeUpRow, (FULL,) * (SHOWN_ROWS + 3))._repr_html_()
    assert text.count("<tr>") == SHOWN_ROWS + 1
    assert "<p>3 more</p>" in text
    assert not any(word in text for word in ("<style", "<script", "http", "src="))


def test_values_of_a_notebook_table_have_six_figures_and_blanks_for_what_is_missing() -> None:
    values = (1 / 3, None, float("nan"), 12, True, (1.0, 2.5), float("inf"))
    assert [html.format_value(value) for value in values] == ["0.333333", "", "", "12", "True", "1, 2.5", "inf"]
