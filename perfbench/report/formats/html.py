"""A page for a browser, complete in one file: it fetches nothing, and ``perfbench show`` reads the run inside it."""

from __future__ import annotations

from perfbench.report.model import Report
from perfbench.report.page import render as page_render
from perfbench.report.page.run_page import build_run_page
from perfbench.report.page.sweep_page import build_sweep_page

SUFFIX = ".html"


def render(report: Report) -> str:
    """The page of a report, or of a sweep over releases. Raises ExtraMissing where Jinja2 is missing."""
    page = build_sweep_page(report.run) if report.run.settings.links else build_run_page(report)
    return page_render.render_page(page)
