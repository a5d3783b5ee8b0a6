"""``llms.txt``: an index of the documentation for language models, in the format of https://llmstxt.org."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from perfbench_docs.pages import read_summary, read_title
from perfbench_docs.project import DOCS, RAW, ROOT

PATH = DOCS / "llms.txt"

SECTIONS = ("start", "quants", "maintainers", "ci", "live", "concepts", "reference")
"""Folders of the documentation, in the order of the site; each has an ``index.md`` with a toctree."""

TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONAL = (
    ("CONTRIBUTING.md", "set-up, map of the code, vocabulary, how to add a scenario, a format or a command"),
    ("CHANGELOG.md", "changes by release"),
    ("perfbench/results/run.schema.json", "JSON schema of a saved run"),
)
INTRODUCTION = """\
# perfbench

> Benchmark and profiler for Betfair market-data replay with betfairlightweight and flumine: compares library versions, modes and a
> user's own backtest in interleaved pairs, with an interval for every ratio and a check that both sides give the same output.

Command line: `perfbench run` (modes of a scenario, or your own script), `compare` (two environments), `gate` (exit code for CI),
`advise` (what makes a backtest faster with the same orders), `profile`, `sweep` (releases), `exchange` (local stream and API),
`calibrate`, `show`. `perfbench COMMAND --help` lists the options. Install: `pip install betfair-perfbench`, Python 3.10 or newer.
"""


def render_llms() -> str:
    """The content of ``llms.txt``."""
    lines = [INTRODUCTION]
    for folder in SECTIONS:
        index = DOCS / folder / "index.md"
        lines += [f"## {read_title(index.read_text(encoding='utf-8'))}", ""]
        lines += [*map(_describe_page, list_toctree(index)), ""]
    lines += ["## More", "", *map(_describe_page, _list_other_pages()), ""]
    lines += ["## Optional", "", *(f"- [{name}]({RAW}{name}): {text}" for name, text in OPTIONAL)]
    return "\n".join(lines) + "\n"


def _list_other_pages() -> Iterator[Path]:
    return (path for path in sorted(DOCS.glob("*.md")) if path.name != "index.md")


def list_toctree(index: Path) -> Iterator[Path]:
    """The pages in the repository that the toctrees of a page name, in order."""
    for content in TOCTREE.findall(index.read_text(encoding="utf-8")):
        for line in content.splitlines():
            path = (index.parent / f"{line.strip()}.md").resolve()
            if line.strip() and not line.startswith(":") and path.is_file() and DOCS in path.parents:
                yield path


def _describe_page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return f"- [{read_title(text)}]({RAW}{path.relative_to(ROOT).as_posix()}): {read_summary(text)}"
