"""Every market file of a spec, unpacked: what ``datasets.resolve`` does for paths and names, also for lists and URLs."""

from __future__ import annotations

from pathlib import Path

from perfbench.datasets import resolve
from perfbench.datasets.corpus.listing import list_corpus
from perfbench.datasets.corpus.opening import open_member
from perfbench.datasets.corpus.redaction import is_url, redact_spec
from perfbench.datasets.spec_content import Observer, ignore
from perfbench.errors import DataProblem
from perfbench.model import Market


def open_markets(spec: str, workspace: Path, observe: Observer = ignore) -> tuple[list[Market], list[DataProblem]]:
    """The market files of a spec, ready to be replayed, and the problems of the others.

    :param workspace: folder for the content of compressed files, archives and URLs.
    :param observe: receives a line about the files that are no recordings of markets.
    """
    if not (is_url(spec) or spec.startswith("@")):
        return resolve.open_markets(spec, workspace, observe)
    listing = list_corpus([spec], observe)
    opened = [open_member(member, workspace) for member in listing.members]
    markets = [market for member in opened for market in member.markets]
    problems = [*listing.problems, *(problem for member in opened for problem in member.problems)]
    if others := [line for member in opened for line in member.skipped]:
        observe(f"no recordings of markets: {', '.join(others)}")
    if not markets and not problems:
        problems.append(DataProblem(f"{redact_spec(spec)} contains no market file", hint="choose another file"))
    return markets, problems
