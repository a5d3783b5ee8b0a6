"""Mutated journals of runs and of profiles, and the check of what becomes of them.

A journal is refused in one line with a hint, or loaded; then its results are collected and its document is shown.
"""

from __future__ import annotations

import copy
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from support.profiles import profile

from perfbench.errors import StorageProblem
from perfbench.model import Failure, Result, Run
from perfbench.profiling import journal as profile_journal
from perfbench.profiling.journal import ProfileOutline
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.records import ProfileOptions, ProfileRecord
from perfbench.report import build
from perfbench.results import document, journal
from perfbench.results.document import RUNS
from perfbench.worker.protocol import CpuProfile

Random = random.Random

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden" / "run-schema-1.json"

ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**63, 2**64, 10**30, 10**400, 1e308, -1e308, 1e-320, "", "1", "\x00", "\u202e", "é" * 9, "x" * 4096,
    [], {}, [[]], [{}], [1, 2], [-1], [10**9], {"a": 1},
)  # fmt: skip
"""Values that a field may have and should not."""

ODD_BYTES = (
    b"\x00", b"\r", b"\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b'"', b"\\", b"\\ud800", b"{", b"}", b"[" * 5000, b"]", b",", b":",
    b"NaN", b"1e999", b"9" * 5000, b"-", b"null",
)  # fmt: skip


@cache
def build_run_journal() -> bytes:
    """The journal of an interrupted run: its outline, samples in pairs, an output, a failure."""
    run: Run = RUNS.decode(GOLDEN, GOLDEN.read_bytes())
    empty = tuple(replace(m, samples=(), failures=(), output=None, differences=()) for m in run.measurements)
    lines: list[object] = [replace(run, measurements=empty, finished=False)]
    for measurement in run.measurements:
        case = measurement.case.id
        if measurement.output is not None:
            lines.append(Result("check 0", case, output=measurement.output, packages=measurement.packages))
        lines += [Result(sample.pair, case, sample=sample) for sample in measurement.samples[:6]]
        lines += [Result("differ", case, difference=difference) for difference in measurement.differences]
        lines.append(Result("alone 1", case, failure=Failure("alone", "it broke", "Traceback")))
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


@cache
def build_profile_journal() -> bytes:
    """The journal of an interrupted profile: passes with and without a profiler, and a curve of memory."""
    run: Run = RUNS.decode(GOLDEN, GOLDEN.read_bytes())
    case = run.measurements[0].case
    functions = list(profile({"a.py:one > a.py:two": 1.0}).functions)
    sampled = CpuProfile(9, 1.1, 1.2, 900, 0.0, functions, [[0], [0, 1]], [0.4, 0.6], [[-1, 0, 1], [0, 1, 9]], [])
    curve = MemoryCurve(case, "updates", 9, 1.0, (0.0, 0.5, 1.0), (0.0, 4.0, 9.0), (1 << 20, 2 << 20, 2 << 20), 1 << 20)
    outline = ProfileOutline(
        replace(run, measurements=tuple(replace(m, samples=()) for m in run.measurements)),
        ProfileOptions("pyinstrument", 2, 0.001, memory=True),
    )
    sample = next(s for s in run.measurements[0].samples if s.kind == "alone")
    records = [
        ProfileRecord(0, case.id, calls=sampled),
        ProfileRecord(1, case.id, results=(Result("alone 0", case.id, sample=sample),)),
        ProfileRecord(2, case.id, sampled=sampled, interval=0.001),
        ProfileRecord(3, case.id, curve=curve),
        ProfileRecord(4, case.id, update_ns=(5, 6, 7)),
        ProfileRecord(5, case.id, problem="it broke", failed=True),
    ]
    return b"".join(msgspec.json.encode(line) + b"\n" for line in (outline, *records))


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many mutated journals, the same for the same seed."""
    draw = Random(seed)
    for _ in range(count):
        data = draw.choice((build_run_journal, build_profile_journal))()
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            data = draw.choice((_mutate_bytes, _insert_bytes, _cut, _move_lines, _change_value, _change_value))(
                data, draw
            )
        yield data


def _mutate_bytes(data: bytes, draw: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 4, 64)) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _insert_bytes(data: bytes, draw: Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice(ODD_BYTES) + data[place:]


def _cut(data: bytes, draw: Random) -> bytes:
    first, last = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    return draw.choice((data[:last], data[first:], data[:first] + data[last:]))


def _move_lines(data: bytes, draw: Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b"\n"]
    here, there = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines.insert(there, draw.choice((lines[here], lines.pop(here), b"\n", b"{}\n", b"null\n")))
    return b"".join(lines)


def _change_value(data: bytes, draw: Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b"\n"]
    place = draw.randrange(len(lines))
    try:
        message = json.loads(lines[place])
    except (ValueError, RecursionError):
        return data
    holders = list(_list_containers(message))
    if not holders:
        return data
    holder = draw.choice(holders)
    key = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if draw.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(draw.choice(ODD_VALUES))
    lines[place] = json.dumps(message).encode() + b"\n"
    return b"".join(lines)


def _list_containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _list_containers(item)


def check(data: bytes) -> str:
    """Load a journal as that of a run and as that of a profile; return the exit codes of both.

    Raises AssertionError for a refusal of more than a line, and whatever is no StorageProblem.
    """
    codes = ["0", "0"]
    try:
        run, results = journal.read_journal(Path("mine.journal"), data)
        collected = document.collect_results(run.measurements, results)
        build.build_report(replace(run, measurements=collected), ())
    except StorageProblem as problem:
        codes[0] = check_problem(problem)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"mine{profile_journal.JOURNAL_SUFFIX}")
        path.write_bytes(data)
        try:
            profile_journal.read_journal(path).assemble()
        except StorageProblem as problem:
            codes[1] = check_problem(problem)
    return "/".join(codes)


def check_problem(problem: StorageProblem) -> str:
    """Return the exit code. Raises AssertionError unless it is one line, of a length that a terminal shows."""
    assert problem.exit_code == 5
    assert len(str(problem).splitlines()) == 1, str(problem)
    assert len(str(problem)) < 2000
    return "5"
