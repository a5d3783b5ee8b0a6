"""The saved document itself: lossless, raw samples, accepted by ``perfbench show``."""

from __future__ import annotations

import msgspec

from perfbench.report.model import Report

SUFFIX = ".json"


def render(report: Report) -> str:
    """The run as it is saved; the published schema is ``run.schema.json`` in the package."""
    return msgspec.json.format(msgspec.json.encode(report.run), indent=1).decode() + "\n"
