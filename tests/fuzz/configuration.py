"""Mutated configurations, variables and command lines, and the check of what becomes of them.

The first byte decides which: a file ``perfbench.toml``, a ``pyproject.toml``, or variables and arguments, a line each. Each ends
with a documented exit code and a cause in one line; nothing is measured, because every call names a scenario that does not exist.
"""

from __future__ import annotations

import io
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from fuzz.specs import check_message
from perfbench.cli.app import run_command_line
from perfbench.errors import ExitCode, PerfbenchError

Random = random.Random

COMMANDS = (
    "run",
    "compare",
    "gate",
    "profile",
    "sweep",
    "calibrate",
    "exchange",
    "show",
    "scenarios",
    "environments",
    "data",
    "rum",
    "",
    "é",
)
KEYS = (
    "rounds",
    "data",
    "mode",
    "env",
    "max-time",
    "max_time",
    "precision",
    "set",
    "sweep",
    "quick",
    "threshold",
    "budget",
    "rtt",
    "faults",
    "export",
    "columns",
    "color",
    "scenarios",
    "diff",
    "interval",
    "lines",
    "generate",
    "from",
    "save",
    "results",
    "nosuch",
    "é",
    "a.b",
    '""',
)
VALUES = (
    '"m"',
    "[]",
    '["a", "b"]',
    "[1, 2]",
    "{a = 1}",
    "3",
    "-3",
    "0.05",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "true",
    '"5%"',
    '"20ms"',
    '"2m"',
    '"many"',
    '""',
    '"a,,b"',
    '"\'"',
    '"\\u0000"',
    "2020-01-01",
    "[[1]]",
    "[{}]",
    '"x=1,2"',
    '"memory=5%"',
    "99999999999999999999",
    '"""a\nb"""',
    "0x10",
    '"é"',
)
ARGUMENTS = (
    "run",
    "gate",
    "data",
    "generate",
    "--mode",
    "--data",
    "--rounds",
    "--set",
    "--sweep",
    "--max-time",
    "--threshold",
    "--config",
    "--config=",
    "--export",
    "--color",
    "--columns",
    "--precision",
    "--quick",
    "--resume",
    "--nosuch",
    "-h",
    "--",
    "-",
    "nosuch.py",
    "m",
    "a=1",
    "x=",
    "5",
    "5%",
    "1e9",
    "20ms",
    "",
    "é",
    "\udc80",
    "a,b",
    "--budget",
    "peak=1",
    "--interval",
    "--before",
    "./x",
    "--version",
    "--rounds=2=3",
    "=",
    "--=x",
)
ODD_BYTES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"[",
    b"]]",
    b"=",
    b'"',
    b"\n",
    b"\r",
    b"#",
    b"[" * 3000,
    b"\\",
    b"'''",
    b"a.b.c = 1\n",
)
CODES = {code.value for code in ExitCode} - {ExitCode.INTERNAL.value}
FOREIGN_WORDS = ("Value must be", "Input should be", "Value error", "Expected semicolon")
"""Words of libraries about values."""

HARMLESS = ["run", "no-such-scenario-of-the-fuzzer"]


def build_file(draw: Random, prefix: str) -> bytes:
    """A configuration file, damaged now and then."""
    lines = [f"{draw.choice(KEYS)} = {draw.choice(VALUES)}"] if draw.random() < 0.1 else []
    for _ in range(draw.choice((1, 1, 2, 4))):
        name = draw.choice((*COMMANDS, "run", "run", "environments"))
        lines.append(draw.choice(("[{}{}]", "[{}{}]", "[{}{}]", "[[{}{}]]", "{}{} = 3")).format(prefix, name or '""'))
        lines += [f"{draw.choice(KEYS)} = {draw.choice(VALUES)}" for _ in range(draw.choice((0, 1, 2)))]
    content = "\n".join(lines).encode()
    for _ in range(draw.choice((0, 0, 0, 1, 3))):
        place = draw.randint(0, len(content))
        content = content[:place] + draw.choice(ODD_BYTES) + content[place + draw.choice((0, 1, 4)) :]
    return content


def build_call(draw: Random) -> bytes:
    """Variables and arguments, a line each."""
    lines = []
    for _ in range(draw.choice((0, 1, 2))):
        words = "_".join((draw.choice(COMMANDS), draw.choice(KEYS))).replace("-", "_").upper()
        lines.append(f"PERFBENCH_{words}={draw.choice(VALUES).strip(chr(34))}")
    lines += [draw.choice(ARGUMENTS) for _ in range(draw.choice((0, 1, 2, 3, 5)))]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many inputs; the same seed gives the same."""
    draw = Random(seed)
    for _ in range(count):
        kind = draw.randrange(3)
        if kind == 2:
            yield b"\x02" + build_call(draw)
        else:
            yield bytes([kind]) + build_file(draw, ("", "tool.perfbench.")[kind])


def check(data: bytes) -> str:
    """Call perfbench in an empty folder with this input and return the exit code.

    Raises whatever is not documented, AssertionError for a bad message.
    """
    kind, content = (data[0] % 3, data[1:]) if data else (0, b"")
    with tempfile.TemporaryDirectory(prefix="perfbench-fuzz-") as folder:
        variables: dict[str, str] = {}
        arguments = list(HARMLESS)
        if kind < 2:
            Path(folder, ("perfbench.toml", "pyproject.toml")[kind]).write_bytes(content)
        else:
            lines = content.decode("utf-8", "surrogateescape").replace("\x00", "").split("\n")
            variables = {
                n: v for n, equals, v in (x.partition("=") for x in lines) if equals and n.startswith("PERFBENCH_")
            }
            arguments = [*HARMLESS, *(line for line in lines if line.partition("=")[0] not in variables)]
        return str(_check_call(Path(folder), variables, arguments))


def _check_call(folder: Path, variables: dict[str, str], arguments: list[str]) -> int:
    before = Path.cwd()
    code, cause = ExitCode.DONE.value, "done"
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch("sys.argv", ["perfbench", *arguments]),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):
        os.chdir(folder)
        try:
            code = run_command_line()
        except PerfbenchError as problem:
            code, cause = problem.exit_code, problem.cause
        finally:
            os.chdir(before)
    assert code in CODES, code
    check_message(cause)
    assert not any(words in cause for words in FOREIGN_WORDS), cause
    return int(code)
