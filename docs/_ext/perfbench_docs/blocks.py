"""Blocks of pages that perfbench prints: tables of saved runs and the help of commands, with the command that prints each.

A block stands below a comment that says what it is::

    <!-- shown: reference-headline data=PRO-1.170258213 width=100 columns=interval,claim -->

The first word is the kind, the second the name of a saved document, or of a command for ``help``. ``width`` is that of the terminal
(``full``: nothing is folded), ``columns`` the value of ``--columns``. ``data`` selects the tables of one market file, ``part`` the
paragraphs that begin with a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from perfbench_docs.project import RESULTS, ROOT

BLOCK = re.compile(
    r"^(<!-- (shown|help|calibration|profile|verdicts|advice): ([^>]+?) -->\n```text\n)(.*?)(^```$)",
    re.MULTILINE | re.DOTALL,
)
DEFAULT_WIDTH = "110"
FULL_WIDTH = "full"
GOLDEN_HELP = ROOT / "tests" / "data" / "golden"

ACCEPTED_CODES = (0, 5, 6)
"""Exit codes of a command that shows something: the tables of other readers have outputs that differ, and some runs of ``make
verdicts`` were interrupted, which their tables say."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it stands in a page: kind, name, options, and its present text."""

    kind: str
    name: str
    text: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> Sequence[str]:
        """The arguments of perfbench that print it. Raises KeyError for a kind without a command."""
        columns = ["--columns", self.options["columns"]] if "columns" in self.options else []
        return {
            "shown": ["show", f"{RESULTS / self.name}.json", *columns],
            "calibration": ["calibrate", "--show", f"{RESULTS / self.name}.json"],
            "profile": ["profile", "--show", f"{RESULTS / self.name}.profile.json"],
            "advice": ["show", f"{RESULTS / self.name}.advice.json"],
            "verdicts": ["scenarios", "--verdicts", "--results", str(RESULTS)],
        }[self.kind]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the command."""
        width = self.options.get("width", DEFAULT_WIDTH)
        return {} if width == FULL_WIDTH else {"COLUMNS": width}

    def select(self, output: str) -> str:
        """What the block shows of the output of the command. Raises ValueError if nothing of it is selected."""
        market, word = self.options.get("data"), self.options.get("part")
        if market is None and word is None:
            return output
        paragraphs = [paragraph.strip("\n") for paragraph in output.split("\n\n")]
        if market is not None:
            paragraphs = [text for text in paragraphs if f" · {market} · " in " ".join(text.split("\n")[:2])]
        if word is not None:
            paragraphs = [text for text in paragraphs if text.split()[:1] == [word]]
        if not paragraphs:
            raise ValueError(f"{self.name} has nothing of {market or word}")
        return "\n\n".join(paragraphs) + "\n"


Runner = Callable[[Sequence[str], Mapping[str, str]], str]
"""Runs perfbench with these arguments and environment variables; returns its standard output."""


def list_blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for match in BLOCK.finditer(text):
        yield _read_block(match)


def render_block(block: Block, run: Runner) -> str:
    """The text that a block should have. The help of commands comes from the golden files of the tests."""
    if block.kind == "help":
        name = f"help-{block.name}.txt" if block.name != "perfbench" else "help.txt"
        return (GOLDEN_HELP / name).read_text(encoding="utf-8")
    return block.select(run(block.arguments, block.environment))


def replace_blocks(text: str, run: Runner) -> str:
    """A page with every block regenerated."""
    return BLOCK.sub(lambda match: f"{match[1]}{render_block(_read_block(match), run)}{match[5]}", text)


def strip_blocks(text: str) -> str:
    """A page without its blocks: what was written by hand."""
    return BLOCK.sub("", text)


def _read_block(match: re.Match[str]) -> Block:
    name, *options = match[3].split()
    return Block(match[2], name, match[4], dict(option.split("=", 1) for option in options))
