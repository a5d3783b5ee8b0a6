"""Whether a run will have something to plot, before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perfbench.model import Settings
from perfbench.report import figures
from perfbench.results import storage
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.session import Session


def check_plot(source: Settings | Path) -> Callable[[Session, PreparedRun], None] | None:
    """Raises UsageProblem if a run can have no plot; else a check of the prepared run, once its data are known.

    :param source: the settings of a new run, or the journal of an interrupted one.
    """
    settings = storage.load_run(source).settings if isinstance(source, Path) else source
    if settings.data and not settings.each:
        return _require_plottable
    figures.require_numeric_sweep(settings)
    return None


def _require_plottable(_session: Session, prepared: PreparedRun) -> None:
    """Raises UsageProblem for a run of a few files, none of whose parameters is swept."""
    if prepared.survey is None:
        figures.require_numeric_sweep(prepared.run.settings)
