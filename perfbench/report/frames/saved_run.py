"""A saved run for scripts and notebooks: its samples, comparisons and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from perfbench import model
from perfbench.advise.document import ADVICES
from perfbench.errors import StorageProblem
from perfbench.model import Environment, Machine, Settings
from perfbench.profiling.document import PROFILES
from perfbench.report import build, tables
from perfbench.report.frames import html
from perfbench.report.frames.comparison_rows import ComparisonRow, TotalRow, list_comparisons, list_totals
from perfbench.report.frames.rows import Rows, collect_rows
from perfbench.report.frames.sample_rows import SampleRow, list_samples
from perfbench.report.model import Report
from perfbench.report.run_subject import describe_subject
from perfbench.report.run_summary import describe_verdict
from perfbench.report.sweep_report import build_sweep_report
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.report.text_table import TextTable
from perfbench.results.document import RUNS
from perfbench.results.storage import DEFAULT_RESULTS, load_run

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


@dataclass(frozen=True)
class Run:
    """A saved run, finished or interrupted. ``document`` is all of it as it is saved; ``path`` is its file.

    Ratios and intervals are those of the tables, computed from the raw samples when they are first needed.
    """

    document: model.Run
    path: Path

    @property
    def name(self) -> str:
        """The name of its file, without the suffix."""
        return self.path.stem

    @property
    def id(self) -> str:
        """The name that it was saved with, which its rows have as ``run``."""
        return self.document.id

    @property
    def created(self) -> str:
        """When it was begun, in ISO 8601 with the time zone."""
        return self.document.created

    @property
    def finished(self) -> bool:
        """Whether all of it was measured, and nothing interrupted it."""
        return self.document.finished

    @property
    def machine(self) -> Machine:
        """The machine that measured."""
        return self.document.machine

    @property
    def environments(self) -> tuple[Environment, ...]:
        """The environments that were measured, with all their packages."""
        return self.document.environments

    @property
    def settings(self) -> Settings:
        """What was asked for, with the seed."""
        return self.document.settings

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be measured at all, a line each."""
        return self._report.problems

    @property
    def status(self) -> str:
        """``ok``, ``regressed``, ``inconclusive``, ``not measured`` or ``outputs differ``."""
        return self._report.status.kind.value

    @property
    def compared(self) -> str:
        """What was compared, in a line: ``replay · full · betfairlightweight 2.11.2 → 2.12.0 · PRO-1.170258213``."""
        cases = [measurement.case for measurement in self.document.measurements]
        corpus = self.document.corpus
        return describe_subject(self.document.settings, cases, corpus.name if corpus is not None else "")

    def samples(self) -> Rows[SampleRow]:
        """The raw samples, a row for each pass, in the order of the file; passes that failed have none."""
        return collect_rows(SampleRow, list_samples(self.document))

    def comparisons(self) -> Rows[ComparisonRow]:
        """Every ratio with its interval, as the tables have them, in their order; ratios are after / before."""
        return collect_rows(ComparisonRow, list_comparisons(self._report))

    def totals(self) -> Rows[TotalRow]:
        """The seconds of a whole corpus on each side; no rows without a corpus."""
        return collect_rows(TotalRow, list_totals(self._report))

    def to_pandas(self) -> pd.DataFrame:
        """The samples as a pandas DataFrame. Raises UsageProblem if pandas is not installed."""
        return self.samples().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """The samples as a polars DataFrame. Raises UsageProblem if polars is not installed."""
        return self.samples().to_polars()

    def to_arrow(self) -> pa.Table:
        """The samples as an Arrow table. Raises UsageProblem if pyarrow is not installed."""
        return self.samples().to_arrow()

    def __repr__(self) -> str:
        return f"<Run {self.name}: {self.compared}>"

    def _repr_html_(self) -> str:
        """Its tables for notebooks, with the texts of the terminal, without scripts; every text is escaped."""
        verdict = describe_verdict(self._report)
        front = f"<p>{html.escape(' · '.join(filter(None, (self.name, self.created[:10], verdict))))}</p>"
        problems = "".join(f"<p>! {html.escape(problem)}</p>" for problem in self.problems)
        return f"<div>{front}{''.join(map(html.render_text_table, self._build_tables()))}{problems}</div>"

    def _build_tables(self) -> Iterator[TextTable]:
        if self.document.settings.links:
            yield build_sweep_report(self.document).build_table()
        else:
            yield from tables.build_tables(self._report)

    @cached_property
    def _report(self) -> Report:
        across = any(len(group) > 1 for group in self.document.settings.environments)
        return build.build_report(self.document, SIDE_COLUMNS if across else MODE_COLUMNS)


def load(path: str | Path, results: str | Path = DEFAULT_RESULTS) -> Run:
    """A saved run of any schema, or the journal of one that was interrupted.

    Raises StorageProblem for a file that cannot be read, is damaged, or is no run.

    :param path: its file, or its name in the results folder.
    :param results: the results folder.
    """
    name, folder = str(path), Path(results).expanduser()
    for store, command in ((PROFILES, "profile --show"), (ADVICES, "show")):
        if store.is_saved(name, folder) and not (folder / f"{name}{RUNS.suffix}").is_file():
            raise StorageProblem(f"{name} is a saved {store.kind}, not a run", hint=f"perfbench {command} {name}")
    file = RUNS.find(str(Path(path).expanduser()), folder)
    return Run(load_run(file), file)
