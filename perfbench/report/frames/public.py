"""The names of ``perfbench.results``, the Python API for saved runs."""

from perfbench.report.frames.comparison_rows import ComparisonRow, TotalRow
from perfbench.report.frames.rows import Rows
from perfbench.report.frames.sample_rows import SampleRow
from perfbench.report.frames.saved_run import Run, load

__all__ = ["ComparisonRow", "Rows", "Run", "SampleRow", "TotalRow", "load"]
