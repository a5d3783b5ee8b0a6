"""Terminal plot of a calibration: the change measured by each pair, in order of time."""

from __future__ import annotations

from collections.abc import Sequence

import plotext

PLOT_HEIGHT = 16
MAX_PLOT_WIDTH = 100


def plot_changes(differences: Sequence[float], *, color: bool, width: int = MAX_PLOT_WIDTH) -> str:
    """Plot the change measured by each pair, in per cent, in order of time."""
    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.theme("colorless")
    figure.plot_size(min(width, MAX_PLOT_WIDTH), PLOT_HEIGHT)
    changes = [100 * value for value in differences]
    figure.draw(figure.signal(range(1, len(changes) + 1), changes, marker=plotext.marker("braille", "blue")))
    text: str = figure.build().string(colorless=not color)
    lines = (line.rstrip() for line in text.rstrip("\n").split("\n"))
    return "\n".join(["  change measured by each pair, in %, in order of time", *lines]) + "\n"
