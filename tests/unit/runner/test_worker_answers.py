"""Answers of a worker are checked before the host uses them: what cannot be is a failed trial in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perfbench.errors import TrialFailed
from perfbench.runner.worker_answers import decode_answer
from perfbench.worker.protocol import (
    CpuProfile,
    Failed,
    Function,
    FunctionNames,
    MemoryObservation,
    OutputDigest,
    PassMeasurement,
    Proposal,
    Proposals,
    Ready,
    Request,
    UpdateTimings,
    encode_message,
)

REQUEST = Request("watch", "s.py", marks=[3], undone=[["a"]], names=["one"], files=["/levers/inplay.py"])
SECONDS = {"cpu_seconds": 1.0, "wall_seconds": 1.0}
MEASURED = PassMeasurement(9, SECONDS, {}, [])
PROFILE = CpuProfile(9, 1.0, 1.0, 9, 0.0, [Function("a.py:one", "user")], [[0]], [1.0], [[-1, 0, 9]], [])
OBSERVED = MemoryObservation(9, 1.0, 2.0, 9, 1, [1.0, 1.5], [1.2], [0, 0, 0], [], 1, True, 1, 1, 1, [])
PROPOSAL = Proposal("inplay", "no updates in-play", "less", value="False")
PROPOSALS = Proposals([PROPOSAL], {"markets": 1})
DIGEST = OutputDigest("d", 9, 1024, ["b"], [], undone=["e"], undone_blocks=[["b"]])


def refuse(line: bytes) -> str:
    """The reason why a line is no answer."""
    with pytest.raises(TrialFailed) as failed:
        decode_answer(line, REQUEST)
    return str(failed.value)


@pytest.mark.parametrize(
    "answer",
    [
        MEASURED,
        PROFILE,
        OBSERVED,
        DIGEST,
        replace(DIGEST, seconds=0.5),
        PROPOSALS,
        Ready(0.0, "00"),
        FunctionNames([Function("a", "user")]),
    ],
)
def test_sound_answer_is_taken_as_it_is(answer: object) -> None:
    assert decode_answer(encode_message(answer), REQUEST) == answer


@pytest.mark.parametrize(
    "line",
    [
        b"", b"hello", b"null", b"[]", b'{"say":1}', b'{"say":"Nothing"}', b'{"say":"Ready"}', b'\xff{"say":"Done"}',
        b'{"say":"Ready","startup_seconds":"\xff","scenario":""}', b'{"say":' * 5000,
        b'{"say":"Ready","startup_seconds":1e999,"scenario":""}', b'{"say":"Ready","startup_seconds":NaN,"scenario":""}',
    ],
)  # fmt: skip
def test_line_that_is_no_answer_breaks_the_protocol_in_one_short_line(line: bytes) -> None:
    reason = refuse(line)
    assert reason.startswith("the worker broke the protocol: b'")
    assert len(reason.splitlines()) == 1
    assert len(reason) < 400


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(MEASURED, work=-1), "PassMeasurement with negative work"),
        (
            replace(MEASURED, work=10**31),
            "PassMeasurement with a number that is not 0 and not from 1e-30 to 1e+30",
        ),
        (
            replace(MEASURED, numbers={"orders": -1e300}),
            "PassMeasurement with a number that is not 0 and not from 1e-30 to 1e+30",
        ),
        (replace(MEASURED, metrics={"cpu_seconds": 1.0}), "PassMeasurement with no wall_seconds"),
        (Ready(-0.1, "00"), "Ready with negative seconds"),
        (Proposals([replace(PROPOSAL, lever="other")], {}), "Proposals with a proposal of another lever"),
        (Proposals([replace(PROPOSAL, kind="more")], {}), "Proposals with a proposal of no kind or without a title"),
        (Proposals([replace(PROPOSAL, applies=False)], {}), "Proposals with a proposal of nothing"),
        (replace(DIGEST, block_size=0), "OutputDigest with blocks of no size"),
        (replace(DIGEST, undone=[], undone_blocks=[]), "OutputDigest with digests of unequal numbers"),
        (replace(DIGEST, seconds=-1.0), "OutputDigest with seconds that cannot be"),
        (replace(PROFILE, seconds=[]), "CpuProfile with stacks and seconds of unequal numbers"),
        (replace(PROFILE, stacks=[[1]]), "CpuProfile with a stack of unknown functions"),
        (replace(PROFILE, stacks=[[-1]]), "CpuProfile with a stack of unknown functions"),
        (replace(PROFILE, stacks=[[]]), "CpuProfile with a stack of unknown functions"),
        (replace(PROFILE, calls=[[0, 0]]), "CpuProfile with a call of an unknown function"),
        (replace(PROFILE, calls=[[-2, 0, 1]]), "CpuProfile with a call of an unknown function"),
        (replace(PROFILE, inclusive=[1.0, 1.0]), "CpuProfile with functions and seconds of unequal numbers"),
        (replace(PROFILE, child_seconds=-1.0), "CpuProfile with negative seconds"),
        (replace(OBSERVED, ended=1.0), "MemoryObservation with an end before its start"),
        (replace(OBSERVED, marks=[]), "MemoryObservation with times of other updates"),
        (replace(OBSERVED, stride=0), "MemoryObservation with steps of no update"),
        (replace(OBSERVED, progress=[1.5, 1.0]), "MemoryObservation with times that go back"),
        (replace(OBSERVED, left_bytes=-1), "MemoryObservation with negative bytes"),
        (UpdateTimings(1, [-5], 1.0, 1.0, []), "UpdateTimings with negative times"),
        (FunctionNames([]), "FunctionNames with names of other functions"),
    ],
)
def test_answer_with_values_that_cannot_be_breaks_the_protocol(answer: object, reason: str) -> None:
    assert refuse(encode_message(answer)) == f"the worker broke the protocol: {reason}"


def test_failure_of_the_worker_keeps_its_reason_and_has_one_in_any_case() -> None:
    assert refuse(encode_message(Failed("it broke", "Traceback"))) == "it broke"
    assert refuse(encode_message(Failed("", ""))) == "the pass failed"
