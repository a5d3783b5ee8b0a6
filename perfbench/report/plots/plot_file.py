"""The file of ``--plot``, checked before anything is measured: its format, where it goes, and whether plots are installed."""

from __future__ import annotations

from pathlib import Path

from perfbench.errors import UsageProblem
from perfbench.util.extras import require_extra
from perfbench.util.files import check_destination

PLOT_SUFFIXES = (".png", ".svg")
PLOT_CHOICE = "--plot file"


def check_plot_path(path: Path) -> None:
    """Refuse a name of another picture format, and a file that cannot be written.

    Raises UsageProblem, ExtraMissing without the extra ``plots``.
    """
    check_suffix(path)
    require_extra("plots", "--plot", "matplotlib")
    check_destination(f"--plot {path}", path)


def check_suffix(path: Path) -> None:
    """Raises UsageProblem for a name of another picture format."""
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise UsageProblem(
            f"--plot {path}: unknown picture format", hint=f"write a name that ends in {' or '.join(PLOT_SUFFIXES)}"
        )
