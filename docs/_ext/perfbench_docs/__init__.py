"""Sphinx extension: writes the pages that are made from saved runs and from the code, before the site is built.

``advice/`` and ``gallery/`` become pages; ``_generated/`` holds what pages include, and pages of ``perfbench report``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def setup(app: Any) -> dict[str, Any]:
    """Register the extension; returns its metadata."""
    app.connect("builder-inited", _write_generated_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _write_generated_pages(app: Any) -> None:
    write_generated_pages(Path(app.srcdir))


def write_generated_pages(docs: Path) -> None:
    """Write every generated page below ``docs``. Raises OSError, and RuntimeError if perfbench fails."""
    from perfbench_docs import advice_pages, gallery_pages, pictures, run_format  # noqa: PLC0415  (they load NumPy)
    from perfbench_docs.generated_files import write_folder  # noqa: PLC0415
    from perfbench_docs.project import RESULTS  # noqa: PLC0415

    scenarios = advice_pages.load_advised_scenarios(RESULTS)
    advice: dict[str, str | bytes] = {**advice_pages.render_pages(scenarios)}
    for scenario in scenarios:
        for number, run in enumerate(scenario.runs):
            if run.report.figures:
                path = f"{scenario.name}/{advice_pages.name_figure(number)}"
                advice[path] = pictures.draw_parameter_sweep(run.report)
    write_folder(docs / "advice", advice)
    html_pages = gallery_pages.build_html_pages(RESULTS, docs / "_generated" / "extra")
    write_folder(docs / "gallery", {**gallery_pages.render_pages(RESULTS, html_pages)})
    write_folder(docs / "_generated" / "include", {"run-format.md": run_format.render_fields()})
