"""The kinds of documents in a results folder, and their list with verdicts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfbench.cli.console import detect_width
from perfbench.errors import PerfbenchError
from perfbench.report import prose
from perfbench.report.run_list import LEGEND, RunListEntry, render_run_list
from perfbench.report.run_subject import describe_command, describe_subject, is_calibration
from perfbench.report.verdict_cache import VerdictCache, open_cache
from perfbench.results.listing import DocumentKind, Listing, SavedDocument, list_documents
from perfbench.results.storage import load_run
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

RUN, JOURNAL = DocumentKind(".json", "run"), DocumentKind(".journal", "journal", journal=True)
PROFILE = DocumentKind(".profile.json", "profile", nested=True)
PROFILE_JOURNAL = DocumentKind(".profile-journal", "profile journal", nested=True, journal=True)
ADVICE = DocumentKind(".advice.json", "advice", nested=True)
ADVICE_JOURNAL = DocumentKind(".advice-journal", "advice journal", nested=True, journal=True)
TOOL_COMPARISON = DocumentKind("-against.json", "")
"""A part of a calibration, which is not listed by itself."""

KINDS = (RUN, JOURNAL, PROFILE, PROFILE_JOURNAL, ADVICE, ADVICE_JOURNAL, TOOL_COMPARISON)
SUFFIXES = tuple(kind.suffix for kind in KINDS)
FOLDER_OWNERS = (PROFILE.suffix, PROFILE_JOURNAL.suffix)
"""The documents with a folder of their name for flame graphs and raw profiles."""

COMMANDS = {"profile": "profile", "advice": "advise"}
"""The command that writes the other kinds of documents, by the first word of the kind."""

UNFINISHED = "unfinished"
MAX_BROKEN = 5
"""Names of files that cannot be read for the same reason; the others are counted."""


def list_saved(folder: Path) -> Listing:
    """The documents of a folder, newest first. Raises StorageProblem."""
    return list_documents(folder, KINDS)


def render_list(listing: Listing, folder: Path) -> str:
    """The table of a listing, and a line about files that cannot be read. Verdicts are computed once for each state of a file."""
    verdicts, damaged = _find_verdicts(listing.documents, folder)
    shown = [document for document in listing.documents if document.path not in damaged]
    width = detect_width(sys.stdout)
    text = render_run_list([_build_entry(d, verdicts[d.path]) for d in shown], width) if shown else ""
    broken = (*listing.broken, *((path.name, reason) for path, reason in damaged.items()))
    return text + "".join(prose.wrap_line(line, width) + "\n" for line in _describe_rest(shown, broken))


def _describe_rest(shown: Sequence[SavedDocument], broken: Sequence[tuple[str, str]]) -> Iterator[str]:
    if shown:
        size = formatting.format_bytes(sum(document.size_bytes for document in shown))
        yield f"{formatting.format_plural(len(shown), 'saved run')}, {size} · {LEGEND}"
    if broken:
        yield f"! not listed: {make_printable('; '.join(_describe_broken(broken)))}"


def _describe_broken(broken: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The files that cannot be read, by their reason; of many with the same reason the first."""
    for reason in dict.fromkeys(reason for _, reason in broken):
        names = [name for name, other in broken if other == reason]
        more = f" and {len(names) - MAX_BROKEN} more" if len(names) > MAX_BROKEN else ""
        yield f"{', '.join(names[:MAX_BROKEN])}{more} ({reason})"


def _build_entry(document: SavedDocument, verdict: str) -> RunListEntry:
    facts, word = document.facts, document.kind.word.partition(" ")[0]
    measured = document.kind in (RUN, JOURNAL)
    corpus = facts.corpus.name if facts.corpus is not None else ""
    return RunListEntry(
        name=document.name,
        created=facts.created[:16].replace("T", " "),
        verdict=verdict,
        size=formatting.format_bytes(document.size_bytes),
        command=describe_command(facts.settings) if measured else COMMANDS[word],
        subject=describe_subject(facts.settings, facts.cases, corpus),
    )


def _find_verdicts(documents: Sequence[SavedDocument], folder: Path) -> tuple[dict[Path, str], dict[Path, str]]:
    """The verdict of each document, and the reason of each whose samples cannot be read."""
    cache = open_cache()
    verdicts = {document.path: _read_verdict(document, cache) for document in documents}
    pending = [document for document in documents if verdicts[document.path] is None]
    computed, damaged = _compute_verdicts(pending)
    for document in pending:
        if document.path in computed:
            cache.add(document.path, document.size_bytes, document.modified, computed[document.path])
    cache.save(folder, [(document.path, document.size_bytes, document.modified) for document in documents])
    ready = {path: verdict for path, verdict in verdicts.items() if verdict is not None}
    return {**ready, **computed}, damaged


def _read_verdict(document: SavedDocument, cache: VerdictCache) -> str | None:
    """The verdict that needs no samples; None if it has to be computed."""
    if document.kind.journal:
        return UNFINISHED
    if document.kind is not RUN or (document.facts.finished and is_calibration(document.facts.settings)):
        return ""
    return cache.find(document.path, document.size_bytes, document.modified)


def _compute_verdicts(documents: Sequence[SavedDocument]) -> tuple[dict[Path, str], dict[Path, str]]:
    """The verdicts of runs from their samples, and the reasons of those that cannot be read."""
    verdicts: dict[Path, str] = {}
    damaged: dict[Path, str] = {}
    if not documents:
        return verdicts, damaged
    from perfbench.cli.count_progress import CountProgress  # noqa: PLC0415 - with cached verdicts a list needs no NumPy
    from perfbench.report.build import build_report  # noqa: PLC0415
    from perfbench.report.run_summary import describe_verdict  # noqa: PLC0415

    with CountProgress("reading saved runs") as progress:
        for number, document in enumerate(documents):
            progress.update(number, len(documents))
            try:
                verdicts[document.path] = describe_verdict(build_report(load_run(document.path), ()))
            except PerfbenchError as problem:
                damaged[document.path] = problem.cause.removeprefix(f"{document.path} ")
            except (
                ArithmeticError,
                LookupError,
                TypeError,
                ValueError,
            ) as error:  # one odd file must not hide all others
                damaged[document.path] = f"cannot be shown: {type(error).__name__}"
    return verdicts, damaged
