"""Gallery of the saved runs in ``results``: a page for each, with the command that repeats it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from perfbench_docs.blocks import Block, render_block
from perfbench_docs.perfbench_command import has_command, run_perfbench
from perfbench_docs.project import BLOB

PATTERN = "reference-*.json"
PARTS_OF_OTHERS = ("reference-calibration-against", "reference-calibration-slower")
"""Documents that are shown with another one."""

KINDS = {".profile": "profile", ".advice": "advice"}
"""Kinds of blocks by the second suffix of a file."""

CALIBRATION = "reference-calibration"
HTML_FOLDER = "runs"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a saved run is about: title, a sentence, and the make task that measures it again."""

    title: str
    text: str
    task: str


SUBJECTS = {
    "reference-headline": Subject(
        "What 2.12.0 made faster", "The announced speed-ups, on three real markets.", "headline"
    ),
    "reference-headline-debug-off": Subject(
        "The same without the listener's log message", "The switch behind the announced factors.", "headline"
    ),
    "reference-replay": Subject("Modes side by side", "Lightweight, full and patched mode of one release.", ""),
    "reference-engines": Subject("Other readers", "Other readers of stream files, and floors.", "engines"),
    "reference-sweep": Subject("A sweep over releases", "Every release from 2.10.0 to 2.24.0, step by step.", ""),
    "reference-blame": Subject(
        "Which functions made the difference", "The functions behind the speed-up of full mode in 2.12.0.", "blame"
    ),
    "reference-calibration": Subject(
        "A calibration, beside other tools", "What a gate detects, and how often it is wrong.", "calibration"
    ),
    "reference-corpus": Subject("An archive of 500 markets", "A survey of a corpus that anyone can make.", "corpus"),
    "reference-advice-best-price": Subject(
        "What makes a backtest faster", "The levers for the shipped strategy, and what to write.", "advice"
    ),
    "reference-advice-best-price-corpus": Subject(
        "What makes a backtest faster, on a corpus", "The same on 60 generated markets, confirmed on others.", "advice"
    ),
    "reference-advice-mean-reversion": Subject(
        "What makes another backtest faster", "The levers for a strategy with a middleware and a log file.", "advice"
    ),
    "reference-advice-mean-reversion-corpus": Subject(
        "The other backtest on a corpus", "The same on 60 generated markets.", "advice"
    ),
    "reference-live": Subject(
        "Live clients near and after the off", "CPU time and latency of clients of the local exchange.", "live"
    ),
    "reference-live-early": Subject("Live clients half an hour before the off", "The same on a quiet market.", "live"),
    "reference-live-real-time": Subject("Live clients in real time", "The same at the speed of live use.", "live"),
    "reference-verdicts-calculation": Subject("Advice on calculation", "NumPy, caches and models.", "verdicts"),
    "reference-verdicts-databases": Subject("Advice on databases", "Indexes, batches, stores.", "verdicts"),
    "reference-verdicts-following": Subject("Advice on caches, live", "Ages of cached answers.", "verdicts"),
    "reference-verdicts-memory": Subject("Advice on memory", "Buffers, garbage, restarts, leaks.", "verdicts"),
    "reference-verdicts-network": Subject("Advice on the API", "Connections, retries, batches.", "verdicts"),
    "reference-verdicts-reconnect": Subject("Advice on reconnecting", "Resubscription with clocks.", "verdicts"),
    "reference-verdicts-storage": Subject("Advice on storage", "Databases and files behind a backtest.", "verdicts"),
    "reference-verdicts-storage-large": Subject(
        "Advice on storage, many markets", "The same for 120 and 250 markets.", "verdicts"
    ),
    "reference-verdicts-subscriptions": Subject("Advice on subscriptions", "Smaller subscriptions.", "verdicts"),
}
"""The saved runs by name; one that is not listed is shown under its name."""


def list_runs(results: Path) -> list[str]:
    """The file names of the saved runs to show, without ``.json``; the listed ones first."""
    listed = list(SUBJECTS)
    names = {path.name.removesuffix(".json") for path in results.glob(PATTERN)} - set(PARTS_OF_OTHERS)
    places = {
        name: listed.index(split_kind(name)[0]) if split_kind(name)[0] in SUBJECTS else len(listed) for name in names
    }
    return sorted(names, key=lambda name: (places[name], name))


def split_kind(name: str) -> tuple[str, str]:
    """The name of a saved document and the kind of block that shows it."""
    for suffix, kind in KINDS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), kind
    return name, "calibration" if name == CALIBRATION else "shown"


def build_html_pages(results: Path, folder: Path) -> dict[str, str]:
    """Let ``perfbench report`` write a page for a browser of every saved run, if this perfbench has the command.

    Returns the path of the page in the site by the name of the run: that of the run itself, else of the index of all. Without the
    command nothing is written, and the gallery shows the text of ``perfbench show`` alone. Raises RuntimeError if it fails.

    :param folder: becomes the root of the site.
    """
    if not has_command("report"):
        return {}
    site = folder / HTML_FOLDER
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as only:  # the folder may have runs of its user too
        for path in sorted(results.glob(PATTERN)):
            (Path(only) / path.name).symlink_to(path.resolve())
        run_perfbench(["report", only, "-o", str(site)], {})
    pages = {path.stem: path.relative_to(folder).as_posix() for path in sorted(site.rglob("*.html"))}
    index = pages.get("index")
    links = {name: pages.get(name) or pages.get(split_kind(name)[0]) or index for name in list_runs(results)}
    return {name: link for name, link in links.items() if link}


def render_pages(results: Path, html_pages: Mapping[str, str]) -> dict[str, str]:
    """Every page by its path: an index, and a page for each saved run with what ``perfbench`` prints of it."""
    names = list_runs(results)
    with ThreadPoolExecutor(2) as pool:
        texts = list(pool.map(_render_text, names))
    pages = {"index.md": _render_index(names, bool(html_pages))}
    for name, text in zip(names, texts, strict=True):
        pages[f"{name}.md"] = "\n".join(_render_page(name, text, html_pages.get(name, ""))) + "\n"
    return pages


def _render_text(name: str) -> str:
    document, kind = split_kind(name)
    return render_block(Block(kind, document, ""), run_perfbench)


def _render_index(names: Sequence[str], has_site: bool) -> str:
    lines = ["# Saved runs", ""]
    if has_site:
        lines += [f'<a href="../{HTML_FOLDER}/index.html">All of them as pages for a browser</a>', ""]
    lines += ["| run | what it shows |", "|---|---|"]
    lines += [f"| [{_get_subject(name).title}]({name}.md) | {_get_subject(name).text} |" for name in names]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *names, "```", ""])


def _render_page(name: str, text: str, html_page: str) -> Iterator[str]:
    subject, path = _get_subject(name), f"results/{name}.json"
    yield from (f"# {subject.title}", "", subject.text, "")
    if html_page:
        yield f'<a href="../{html_page}">Open its page: sortable cases, distributions, environments, raw samples.</a>'
        yield ""
    yield f"Raw samples: [{path}]({BLOB}{path})." + (f" Measured by `make {subject.task}`." if subject.task else "")
    yield from ("", "```text", text.rstrip("\n"), "```")


def _get_subject(name: str) -> Subject:
    return SUBJECTS.get(split_kind(name)[0], Subject(split_kind(name)[0], "", ""))
