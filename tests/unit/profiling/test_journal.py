"""A damaged journal of a profile is refused with the line that is damaged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support import runs

from perfbench.errors import StorageProblem
from perfbench.model import Result
from perfbench.profiling import journal
from perfbench.profiling.journal import ProfileOutline
from perfbench.profiling.records import ProfileOptions, ProfileRecord
from perfbench.worker.protocol import CpuProfile, Function

MADE = runs.measurement("one", [1.0])
CASE = MADE.case.id
SAMPLED = CpuProfile(9, 1.0, 1.0, 9, 0.0, [Function("a.py:one", "user")], [[0]], [1.0], [], [])


def write(folder: Path, *lines: object) -> Path:
    """A journal of one case with these lines."""
    outline = ProfileOutline(runs.run([MADE]), ProfileOptions("pyinstrument", 1, 0.001, memory=False))
    path = folder / f"mine{journal.JOURNAL_SUFFIX}"
    path.write_bytes(
        b"".join(line if isinstance(line, bytes) else msgspec.json.encode(line) + b"\n" for line in (outline, *lines))
    )
    return path


def test_sound_journal_is_loaded_without_its_incomplete_last_line(tmp_path: Path) -> None:
    path = write(tmp_path, ProfileRecord(0, CASE, sampled=SAMPLED), b'{"step":1,')
    assert [record.step for record in journal.read_journal(path).records] == [0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\xff\n", "is damaged: "),
        (b"[" * 5000 + b"\n", "is damaged: "),
        (ProfileRecord(0, "other"), "line 2 is damaged: no case `other` was profiled"),
        (
            ProfileRecord(0, CASE, results=(Result("alone 0", "x", sample=runs.sample(0, 1.0)),)),
            "line 2 is damaged: no case `x` was profiled",
        ),
        (
            ProfileRecord(0, CASE, sampled=CpuProfile(9, 1.0, 1.0, 9, 0.0, [], [[0]], [1.0], [], [])),
            "line 2 is damaged: a profile with a stack of unknown functions",
        ),
    ],
)
def test_damaged_line_is_named_with_what_to_do(tmp_path: Path, line: object, reason: str) -> None:
    with pytest.raises(StorageProblem, match="damaged") as refused:
        journal.read_journal(write(tmp_path, line))
    assert reason in str(refused.value)
    assert refused.value.hint == "delete it and profile again"
