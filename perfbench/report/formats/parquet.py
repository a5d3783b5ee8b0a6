"""The raw samples as a Parquet file, one row a sample, for pandas, polars, DuckDB and Spark; comparisons are in its metadata."""

from __future__ import annotations

import io
from typing import Any

import msgspec

from perfbench.report.frames.columns import build_columns
from perfbench.report.frames.comparison_rows import list_comparisons
from perfbench.report.frames.conversion import build_arrow
from perfbench.report.frames.sample_rows import SampleRow, list_samples
from perfbench.report.model import Report
from perfbench.util.extras import import_extra

SUFFIX = ".parquet"
NEEDS = "pyarrow"
PURPOSE = "--export parquet"
COMPARISONS_KEY = b"perfbench.comparisons"
"""The key of the comparisons in the metadata of the file's schema: a JSON list of objects, as ``perfbench.results`` has them."""


def render(report: Report) -> bytes:
    """The file. Raises UsageProblem if pyarrow is not installed."""
    table = build_arrow(build_columns(SampleRow, list(list_samples(report.run))), PURPOSE)
    comparisons = msgspec.json.encode(list(list_comparisons(report)))
    table = table.replace_schema_metadata({COMPARISONS_KEY: comparisons})
    parquet: Any = import_extra(PURPOSE, "pyarrow.parquet")
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()
