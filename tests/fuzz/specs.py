"""Mutated environment specs, and the check of what becomes of them.

A spec is parsed to its parts, or refused in one line with a hint; it is never run or resolved here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from perfbench.cli import parse
from perfbench.cli.parse import ValueProblem
from perfbench.environments import spec as specs
from perfbench.errors import UsageProblem

Random = random.Random

NAMES = ("betfairlightweight", "flumine", "betfair-data", "a", "python", "here", "é", "x" * 300, "-e", "--index-url")
VERSIONS = ("2.12.0", "3", "2.*", "1!2.0+local", "v2", "", "2.12.0rc1", "9" * 400, "²", "2..1", "latest")
OPERATORS = ("==", "===", ">=", "~=", "!=", "<", "=", "=>", ":", "@", " == ", ",", ";")
EXTRAS = ("[speed]", "[a,b]", "[", "[]", "[a,]", "[é]", "")
PATHS = (
    ".",
    "..",
    "./checkout",
    "/tmp",
    "~",
    "~nobody/x",
    "./a b",
    "./é",
    "./" + "d/" * 200,
    "C:\\x",
    "./x\x00y",
    "./x\ny",
)
URLS = (
    "git+https://host/repo",
    "git+file:///tmp/repo@main",
    "git+ssh://git@host/r.git@v1#subdirectory=a",
    "git+",
    "git+x",
    "https://host/a.whl",
)
SETTINGS = (
    "-O",
    "-OO",
    "-X",
    "-X gil=0",
    "-Xutf8",
    "env:A=1",
    "env:PATH=x",
    "env:",
    "env:A",
    "env:=1",
    "python==3.14t",
    "pypy==3.10",
)
SEPARATORS = (" ", "  ", ",", "\t", "\n", "")
ODD_TEXTS = ("\x00", "\u202e", "\udc80", "'", '"', "`", "$(x)", "%s", "{}", "[red]", "\\", "#", "|", "&", "==", "@")


def build_word(draw: Random) -> str:
    """A word of a spec: a requirement, a path, a URL of a repository or a setting."""
    kind = draw.randrange(5)
    if kind == 0:
        return draw.choice(PATHS) + draw.choice(EXTRAS)
    if kind == 4:
        return draw.choice(SETTINGS)
    if kind == 1:
        return draw.choice(("", "name@", "name[a]@")) + draw.choice(URLS)
    clauses = [draw.choice(OPERATORS) + draw.choice(VERSIONS) for _ in range(draw.choice((0, 1, 1, 1, 2)))]
    return draw.choice(NAMES) + draw.choice(EXTRAS) + ",".join(clauses)


def build_spec(draw: Random) -> str:
    """A spec of some words, damaged now and then."""
    text = draw.choice(SEPARATORS).join(build_word(draw) for _ in range(draw.choice((1, 1, 2, 3))))
    for _ in range(draw.choice((0, 0, 1, 2))):
        place = draw.randint(0, len(text))
        text = text[:place] + draw.choice(ODD_TEXTS) + text[place + draw.choice((0, 0, 1, 5)) :]
    return text


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many specs; the same seed gives the same."""
    draw = Random(seed)
    for _ in range(count):
        yield build_spec(draw).encode("utf-8", "surrogateescape" if draw.random() < 0.5 else "replace")


def check(data: bytes) -> str:
    """Parse a spec, a need and a list of specs; return the exit code of the worst.

    Raises whatever is not documented, AssertionError for a bad message.
    """
    outcome = "0"
    text = data.decode("utf-8", "surrogateescape")
    for parser in (lambda spec: specs.parse_spec(spec, {"then": "a==1"}), specs.parse_need):
        try:
            parser(text)
        except UsageProblem as problem:
            check_message(problem.cause)
            outcome = str(problem.exit_code.value)
    try:
        items = parse.split_specs(text)
    except ValueProblem as problem:
        check_message(problem.cause)
    else:
        assert items
        assert all(items)
    return outcome


def check_message(cause: str) -> None:
    """Assert that a message is one line."""
    assert cause
    assert "Traceback" not in cause
    assert "\n" not in cause, cause
