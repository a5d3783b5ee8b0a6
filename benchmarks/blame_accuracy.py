"""Accuracy of `perfbench profile --diff` on injected slowdowns: ``blame_accuracy.py CHECKOUT FOLDER [NAME…]``.

CHECKOUT is a checkout of betfairlightweight 2.24.0; copies of it with one slower function go into FOLDER, which must not exist.
Each is compared with the original by the command line; ``unchanged`` compares the original ten times with an unmodified copy.
Printed are the rank of the function, its expected cost and the measured cost. A function that the edited one calls more often
counts too.
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

from perfbench.profiling import compare
from perfbench.profiling.diff import DiffBreakdown
from perfbench.profiling.document import PROFILES, ProfileDocument

DATA = "PRO-1.170258213"
UNCHANGED = 10


@dataclass(frozen=True)
class Injection:
    """A statement at the start of a function, repeated until a pass costs about this share more."""

    name: str
    mode: str
    file: str
    function: str
    statement: str
    share: float
    dearer: str = ""

    @property
    def key(self) -> str:
        """The key of the function in a profile."""
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
    """Inject, compare, print. Returns 1 if more than injection slowdown was not ranked first."""
    folder.mkdir()
    wrong = 0
    usual = {mode: _base(original, folder, mode) for mode in dict.fromkeys(injection.mode for injection in INJECTIONS)}
    for injection in INJECTIONS:
        if not which or injection.name in which:
            place, line = _rank(injection, original, folder, usual[injection.mode])
            wrong += place != 1
            print(f"{injection.name:12} {injection.function:38} {line}", flush=True)
    empty = 0
    copy = folder / "untouched"
    shutil.copytree(original, copy)
    for number in range(UNCHANGED if not which or "unchanged" in which else 0):
        diff = _compared(original, copy, folder, "lightweight", f"unchanged-{number}")
        empty += not diff.rows
        print(
            f"unchanged {number + 1}: {[(row.key, round(row.change, 4)) for row in diff.rows] or 'empty'}", flush=True
        )
    print(f"not first: {wrong}; empty without a change: {empty}")
    return int(wrong > 1)


def _base(original: Path, folder: Path, mode: str) -> ProfileDocument:
    _perfbench(folder, "--env", original, "--mode", mode, "--rounds", 1, "--no-memory", "--save", f"base-{mode}")
    return PROFILES.load(folder / "results" / f"base-{mode}.profile.json")


def _rank(injection: Injection, original: Path, folder: Path, usual: ProfileDocument) -> tuple[int, str]:
    checkout = folder / injection.name.replace(" ", "-")
    shutil.copytree(original, checkout)
    repeated = _repeated(injection, usual)
    _insert(checkout / "betfairlightweight" / injection.file, injection.function, repeated)
    diff = _compared(original, checkout, folder, injection.mode, checkout.name)
    places = [number for number, row in enumerate(diff.rows, 1) if _right(injection, row.key)]
    place = min(places, default=0)
    change = diff.difference
    largest = ", ".join(f"{row.key.rpartition(':')[2]} {row.change / change.before:+.1%}" for row in diff.rows[:3])
    return place, f"place {place}, {change.seconds / change.before:+.1%} measured; {len(diff.rows)} rows: {largest}"


def _right(injection: Injection, key: str) -> bool:
    """Whether a key is the function, a comprehension or lambda in it, or what it calls more often."""
    path, _, function = key.rpartition(":")
    dearer = f"{injection.key.rpartition(':')[0]}:{injection.dearer}"
    return f"{path}:{function}".startswith((injection.key, dearer) if injection.dearer else injection.key)


def _repeated(injection: Injection, usual: ProfileDocument) -> str:
    """The statement, in a loop of as many iterations as its share needs; once without a share."""
    if not injection.share:
        return injection.statement
    (profile,) = usual.profiles
    index = next(i for i, function in enumerate(profile.functions) if function.key == injection.key)
    calls = sum(call.count for call in profile.calls if call.callee == index)
    names = {"book_update": [[1.01, 2.0]], "data": [], "self": _Closed()}
    each = (
        min(timeit.repeat(f"for _ in range(100): {injection.statement}", globals=names, number=2000, repeat=3)) / 200000
    )
    return f"for _ in range({max(1, round(injection.share * profile.seconds / calls / each))}): {injection.statement}"


class _Closed:
    @property
    def closed(self) -> bool:
        """As cheap as the property of a cache."""
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
    (sides,) = compare.diff_sides(PROFILES.load(folder / "results" / f"{name}.profile.json"))
    return sides.breakdown


def _perfbench(folder: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "perfbench", "profile", *map(str, arguments), "--data", DATA, "--quiet"]
    subprocess.run([*command, "--results", str(folder / "results")], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
