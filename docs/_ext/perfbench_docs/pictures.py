"""Pictures of saved runs that pages show: which there are, and how each is drawn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from perfbench.report.model import Report
from perfbench.report.plots.crossover import write_crossover_plot
from perfbench_docs.blocks import Runner
from perfbench_docs.headline_picture import draw_headline
from perfbench_docs.project import RESULTS

HEADLINE, HEADLINE_MARKET = "reference-headline", "PRO-1.170258213"

Drawing = Callable[[Runner], bytes]


def draw_parameter_sweep(report: Report) -> bytes:
    """The plot of the figures of a report as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.svg"
        write_crossover_plot(report, path)
        return path.read_bytes()


def _draw_headline(_run: Runner) -> bytes:
    return draw_headline(RESULTS / f"{HEADLINE}.json", HEADLINE_MARKET).encode()


def _plot(name: str) -> Drawing:
    """The plot that ``perfbench show --plot`` draws of a saved run."""

    def draw(run: Runner) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.svg"
            run(["show", str(RESULTS / f"{name}.json"), "--plot", str(path)], {})
            return path.read_bytes()

    return draw


PICTURES: Mapping[Path, Drawing] = {
    RESULTS / f"{HEADLINE}.svg": _draw_headline,
    RESULTS / "reference-sweep.svg": _plot("reference-sweep"),
    RESULTS / "reference-corpus.svg": _plot("reference-corpus"),
}
"""Every picture in the repository that is made from a saved run, with what draws it."""
