"""Whether `perfbench profile --diff` finds a slow-down that was put into a checkout: ``blame_accuracy.py CHECKOUT FOLDER
[WHICH…]``.

CHECKOUT is one of betfairlightweight 2.24.0; copies of it with one function made slower go into FOLDER, which must not be there.
Each is compared with the original by the command line; ``unchanged`` compares it ten times with an untouched copy of itself.
Which place the function got is printed, with what it was to cost and what was measured. A function whose cost rose because
another one was edited to call it more often counts if it is told as called by that one.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import timeit
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbench.profiling import compare, document
from perfbench.profiling.diff import DiffBreakdown

DATA = "PRO-1.170258213"
UNCHANGED = 10


@dataclass(frozen=True)
class Injection:
    """A statement at the head of a function, so often that a pass costs about this share more."""

    name: str
    mode: str
    file: str
    function: str
    statement: str
    share: float
    dearer: str = ""

    @property
    def key(self) -> str:
        """The function as a profile calls it."""
        return f"betfairlightweight/{self.file}:{self.function}"


INJECTIONS = (
    Injection("loop", "lightweight", "streaming/cache.py", "Available._sort_order_book", "pass", 0.03),
    Injection("copy", "lightweight", "streaming/cache.py", "Available.update", "[*book_update]", 0.05),
    Injection(
        "method",
        "lightweight",
        "streaming/cache.py",
        "Available.update",
        "self.serialise()",
        0.0,
        "Available.serialise",
    ),
    Injection(
        "property",
        "lightweight",
        "streaming/cache.py",
        "MarketBookCache.update_cache",
        "self.closed",
        0.02,
        "MarketBookCache.closed",
    ),
    Injection("decoder", "lightweight", "streaming/listener.py", "StreamListener.on_data", "json.loads(raw_data)", 0.0),
    Injection("list", "lightweight", "streaming/cache.py", "RunnerBookCache.serialise", "list(range(8))", 0.10),
    Injection("dict", "lightweight", "streaming/cache.py", "MarketBookCache.serialise", "dict(a=1, b=2)", 0.02),
    Injection("text", "lightweight", "streaming/stream.py", "BaseStream.on_update", "str(1234.5)", 0.04),
    Injection("calls", "lightweight", "streaming/stream.py", "MarketStream._process", "isinstance(data, dict)", 0.06),
    Injection(
        "lambda", "lightweight", "streaming/listener.py", "StreamListener._on_change_message", "(lambda: None)()", 0.08
    ),
    Injection("keywords", "full", "resources/bettingresources.py", "RunnerBook.__init__", "dict(a=1, b=2)", 0.05),
    Injection("cache lost", "full", "resources/baseresource.py", "BaseResource.strip_datetime", "float('1.5')", 0.20),
)


def main(original: Path, folder: Path, which: Sequence[str]) -> int:
    """Inject, compare, print. Returns 1 if a slow-down was not first, or if no change at all gave a row, more than once in 12."""
    folder.mkdir()
    wrong = 0
    usual = {mode: _base(original, folder, mode) for mode in dict.fromkeys(one.mode for one in INJECTIONS)}
    for one in INJECTIONS:
        if not which or one.name in which:
            place, line = _found(one, original, folder, usual[one.mode])
            wrong += place != 1
            print(f"{one.name:12} {one.function:38} {line}", flush=True)
    empty = 0
    copy = folder / "untouched"
    shutil.copytree(original, copy)
    for number in range(UNCHANGED if not which or "unchanged" in which else 0):
        found = _compared(original, copy, folder, "lightweight", f"unchanged-{number}")
        empty += not found.rows
        print(
            f"unchanged {number + 1}: {[(row.key, round(row.change, 4)) for row in found.rows] or 'empty'}", flush=True
        )
    print(f"not first: {wrong}; empty without a change: {empty}")
    return int(wrong > 1)


def _base(original: Path, folder: Path, mode: str) -> document.ProfileDocument:
    _perfbench(folder, "--env", original, "--mode", mode, "--rounds", 1, "--no-memory", "--save", f"base-{mode}")
    return document.load_document(folder / "results" / f"base-{mode}.profile.json")


def _found(one: Injection, original: Path, folder: Path, usual: document.ProfileDocument) -> tuple[int, str]:
    checkout = folder / one.name.replace(" ", "-")
    shutil.copytree(original, checkout)
    repeated = _repeated(one, usual)
    _insert(checkout / "betfairlightweight" / one.file, one.function, repeated)
    found = _compared(original, checkout, folder, one.mode, checkout.name)
    places = [number for number, row in enumerate(found.rows, 1) if _right(one, row.key)]
    place = min(places, default=0)
    change = found.difference
    told = ", ".join(f"{row.key.rpartition(':')[2]} {row.change / change.before:+.1%}" for row in found.rows[:3])
    return place, f"place {place}, {change.seconds / change.before:+.1%} measured; {len(found.rows)} rows: {told}"


def _right(one: Injection, key: str) -> bool:
    """The function itself, a comprehension or a lambda in it, or what it was made to call more often."""
    path, _, function = key.rpartition(":")
    dearer = f"{one.key.rpartition(':')[0]}:{one.dearer}"
    return f"{path}:{function}".startswith((one.key, dearer) if one.dearer else one.key)


def _repeated(one: Injection, usual: document.ProfileDocument) -> str:
    """The statement, once if it has no share to reach, else in a loop of as many turns as that takes."""
    if not one.share:
        return one.statement
    (profile,) = usual.profiles
    index = next(i for i, function in enumerate(profile.functions) if function.key == one.key)
    calls = sum(call.count for call in profile.calls if call.callee == index)
    names = {"book_update": [[1.01, 2.0]], "data": [], "self": _Closed()}
    each = min(timeit.repeat(f"for _ in range(100): {one.statement}", globals=names, number=2000, repeat=3)) / 200000
    return f"for _ in range({max(1, round(one.share * profile.seconds / calls / each))}): {one.statement}"


class _Closed:
    @property
    def closed(self) -> bool:
        """As cheap as that of a cache."""
        return self.__class__ is None


def _insert(file: Path, function: str, statement: str) -> None:
    lines = file.read_text().splitlines()
    node: ast.AST = ast.parse("\n".join(lines))
    for name in function.split("."):
        node = next(
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, (ast.ClassDef, ast.FunctionDef)) and child.name == name
        )
    assert isinstance(node, ast.FunctionDef)
    first = node.body[1] if isinstance(node.body[0], ast.Expr) and len(node.body) > 1 else node.body[0]
    lines.insert(first.lineno - 1, " " * first.col_offset + statement)
    file.write_text("\n".join(lines) + "\n")


def _compared(before: Path, after: Path, folder: Path, mode: str, name: str) -> DiffBreakdown:
    _perfbench(folder, "--diff", before, after, "--mode", mode, "--no-memory", "--save", name)
    (found,) = compare.diff_sides(document.load_document(folder / "results" / f"{name}.profile.json"))
    return found.blame


def _perfbench(folder: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "perfbench", "profile", *map(str, arguments), "--data", DATA, "--quiet"]
    subprocess.run([*command, "--results", str(folder / "results")], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
