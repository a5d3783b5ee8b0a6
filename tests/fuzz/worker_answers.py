"""Mutated answers of a worker, and the check of what the host makes of them.

A line is refused as a failed trial in one line, or taken; then it becomes a sample, a profile, a curve of memory or an output.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import msgspec

from perfbench.errors import TrialFailed
from perfbench.model import Case, CaseInEnvironment, Environment, Output, Result, Trial
from perfbench.profiling import cpu_pass
from perfbench.profiling.memory import sampler
from perfbench.profiling.memory.curve import classify_growth, compute_plateau, estimate_growth
from perfbench.runner import output_diff
from perfbench.runner.trial import build_sample_result
from perfbench.runner.worker_answers import decode_answer
from perfbench.worker.protocol import (
    Allocation,
    AllocationProfile,
    CpuProfile,
    DescribedScenario,
    Done,
    Failed,
    Function,
    FunctionNames,
    GarbageCollection,
    LineMemoryProfile,
    MemoryObservation,
    OutputDigest,
    OutputItem,
    Package,
    PassCompleted,
    PassMeasurement,
    Ready,
    Replayed,
    Request,
    Stamp,
    TrampolineAddresses,
    UpdateTimings,
    encode_message,
)
from perfbench.worker.scenario_description import Mode, Parameter, Scenario

from .journals import ODD_BYTES, ODD_VALUES

Random = random.Random

CASE = Case("made_up", "one", "here", "")
PLACE = CaseInEnvironment(CASE, Environment("here", "python"))
TRIAL = Trial("alone", 0, (CASE,), 1)
REQUEST = Request("watch", "made_up.py", marks=[3], undone=[["a"]], names=["one"], files=["a.py"])
PACKAGES = [Package("orjson", "3.9", "{prefix}/orjson.so")]
FUNCTIONS = [Function("a.py:one", "user", 3, "x"), Function("a.py:two", "user", 9, "y")]


@cache
def list_answers() -> tuple[bytes, ...]:
    """One sound answer of every kind."""
    stamp = Stamp(9, 1, 1, 1, 1)
    scenario = Scenario(
        "s", "/s.py", "?", "updates", "cpu_seconds", "00", (Mode("one", "", True, parameters=(Parameter("n", 1),)),)
    )
    answers: list[object] = [
        DescribedScenario(scenario, PACKAGES),
        Ready(0.1, "00"),
        PassCompleted(),
        PassMeasurement(9, {"cpu_seconds": 1.0, "wall_seconds": 1.1, "peak_rss_bytes": 1e7}, {"orders": 3.0}, PACKAGES),
        OutputDigest("d", 2000, 1024, ["a", "b"], PACKAGES, {"zone": "utc"}, ["e"], [["a", "b"]]),
        OutputItem(3, {"prices": [1.01, 2], "id": 1}),
        TrampolineAddresses(["0x1f"], ["a.py"], ["one"]),
        FunctionNames([FUNCTIONS[0]]),
        CpuProfile(9, 1.0, 1.1, 900, 0.0, FUNCTIONS, [[0], [0, 1]], [0.4, 0.6], [[-1, 0, 1], [0, 1, 9]], PACKAGES, [1.0, 0.6]),
        MemoryObservation(
            9, 100.0, 101.0, 9, 1, [100.0, 100.5], [100.4], [3, 1, 1], [GarbageCollection(100.2, 0.01)],
            9 << 20, True, 5 << 20, 8 << 20, 6 << 20, PACKAGES,
        ),
        UpdateTimings(3, [5, 6, 7], 1.0, 1.1, PACKAGES),
        AllocationProfile(9, 1 << 20, [Allocation("one", "a.py", 9, 1)], [Allocation("one", "a.py", 9, 1)], "", "", PACKAGES),
        LineMemoryProfile("table", 9, False, PACKAGES),
        Failed("it broke", "Traceback"),
        Done([Replayed(stamp, stamp)]),
    ]  # fmt: skip
    return tuple(map(encode_message, answers))


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many mutated answers, a line each without its end, the same for the same seed."""
    draw = Random(seed)
    for _ in range(count):
        data = draw.choice(list_answers()).rstrip(b"\n")
        for _ in range(draw.choice((1, 1, 2, 3))):
            data = draw.choice((_mutate_bytes, _insert_bytes, _cut, _change_value, _change_value, _change_value))(
                data, draw
            )
        yield data.replace(b"\n", b" ")


def _mutate_bytes(data: bytes, draw: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 4)) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _insert_bytes(data: bytes, draw: Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice(ODD_BYTES) + data[place:]


def _cut(data: bytes, draw: Random) -> bytes:
    first, last = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    return draw.choice((data[:last], data[first:], data[:first] + data[last:]))


def _change_value(data: bytes, draw: Random) -> bytes:
    try:
        message = json.loads(data)
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
    return json.dumps(message).encode()


def _list_containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _list_containers(item)


def check(data: bytes) -> str:
    """Decode an answer, use it, and return the exit code.

    Raises AssertionError for a refusal of more than a line, and whatever is no TrialFailed.
    """
    try:
        answer = decode_answer(data, REQUEST)
        is_usable = use_answer(answer)
    except TrialFailed as error:
        check_failure(error)
        return "5"
    return "0" if is_usable else "5"


def check_failure(error: TrialFailed) -> None:
    """Raises AssertionError unless it has a reason of bounded length."""
    assert error.exit_code == 5
    assert 0 < len(str(error)) < 100_000


def use_answer(answer: object) -> bool:
    """Make of an answer what the host makes of it, which can be saved; whether that is no failure."""
    made: object = None
    if isinstance(answer, PassMeasurement):
        made = build_sample_result(TRIAL, PLACE, 0, Ready(0.1, "00"), answer)
    elif isinstance(answer, OutputDigest):
        output = Output(
            answer.digest, answer.updates, answer.block_size, tuple(answer.blocks), answer.traits, answer.handled
        )
        other = Output("e", 9, 1024, ("z",))
        output_diff.have_equal_outputs(output, other, same_mode=True)
        made = Result("check 0", CASE.id, output=output)
    elif isinstance(answer, CpuProfile):
        made = cpu_pass.merge_passes(CASE, "updates", "3.11", "pyinstrument", 0.001, [answer], answer, [1.0])
        assert made.pool_stacks() is not None
    elif isinstance(answer, MemoryObservation):
        samples = sampler.MemorySamples([answer.started, answer.ended], [1 << 20, 2 << 20])
        curve = sampler.build_curve(CASE, "updates", samples, answer, ["in-play"])
        classify_growth(curve)
        compute_plateau(curve)
        estimate_growth(curve)
        made = curve
    elif isinstance(answer, DescribedScenario):
        made = answer.scenario.baseline
    if made is not None:
        msgspec.json.encode(made)
    else:
        msgspec.json.encode(asdict(answer))  # type: ignore[call-overload]
    return not (isinstance(made, Result) and made.failure)
