"""The answers of a worker: one line of JSON each, decoded and checked before anything else of the host sees them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from perfbench.errors import TrialFailed
from perfbench.worker.program_messages import LEVER_KINDS
from perfbench.worker.protocol import (
    ANSWER_TYPES,
    MAX_MAGNITUDE,
    MIN_MAGNITUDE,
    AllocationProfile,
    CpuProfile,
    DescribedScenario,
    Failed,
    FunctionNames,
    LineMemoryProfile,
    MemoryObservation,
    OutputDigest,
    PassMeasurement,
    Proposals,
    Ready,
    Request,
    TrampolineAddresses,
    UpdateTimings,
    is_plausible,
)

SHOWN_BYTES = 80
"""Bytes of a line that is no answer, in messages."""

NO_CALLER = -1


class _MessageType(msgspec.Struct):
    say: str


def decode_answer(line: bytes, request: Request) -> object:
    """The answer of a line. Raises TrialFailed for what is no answer to this request, and with the reason of ``Failed``."""
    try:
        say = msgspec.json.decode(line, type=_MessageType).say
        answer: object = msgspec.json.decode(line, type=ANSWER_TYPES[say])
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, OverflowError, RecursionError) as error:
        raise TrialFailed(f"the worker broke the protocol: {line[:SHOWN_BYTES]!r}") from error
    if isinstance(answer, Failed):
        raise TrialFailed(answer.message or "the pass failed", answer.detail, unavailable=answer.unavailable)
    if reason := find_wrong_value(answer, request):
        raise TrialFailed(f"the worker broke the protocol: {type(answer).__name__} with {reason}")
    return answer


def find_wrong_value(answer: object, request: Request) -> str:
    """What cannot be in an answer, such as ``negative seconds``; empty if everything can."""
    check = _CHECKS.get(type(answer))
    return "" if check is None else check(answer, request)


def _find_negative(what: str, numbers: Iterable[float]) -> str:
    return next((f"negative {what}" for number in numbers if not number >= 0), "")


def _check_measurement(answer: PassMeasurement, request: Request) -> str:
    missing = {"cpu_seconds", "wall_seconds"} - answer.metrics.keys()
    if missing:
        return f"no {min(missing)}"
    if not all(math.isfinite(number) for number in (*answer.metrics.values(), *answer.numbers.values(), *answer.parts)):
        return "a number that is not finite"
    if answer.parts and (len(answer.parts) != 1 + len(request.batch) or min(answer.parts) < 0):
        return "seconds of files that are not those of the batch"
    if not all(map(is_plausible, (answer.work, *answer.metrics.values(), *answer.numbers.values()))):
        return f"a number that is not 0 and not from {MIN_MAGNITUDE:g} to {MAX_MAGNITUDE:g}"
    return _find_negative("work", [answer.work])


def _check_digest(answer: OutputDigest, request: Request) -> str:
    if answer.block_size < 1:
        return "blocks of no size"
    if not len(answer.undone_blocks) == len(answer.undone) == len(request.undone):
        return "digests of unequal numbers"
    if answer.seconds is not None and not (is_plausible(answer.seconds) and answer.seconds >= 0):
        return "seconds that cannot be"
    return _find_negative("updates", [answer.updates])


def _check_profile(answer: CpuProfile, _request: Request) -> str:
    if len(answer.stacks) != len(answer.seconds):
        return "stacks and seconds of unequal numbers"
    if any(not stack or not _are_indices(stack, len(answer.functions)) for stack in answer.stacks):
        return "a stack of unknown functions"
    if any(len(call) != 3 or not _is_call(call, len(answer.functions)) for call in answer.calls):
        return "a call of an unknown function"
    if answer.inclusive and len(answer.inclusive) != len(answer.functions):
        return "functions and seconds of unequal numbers"
    times = (answer.cpu_seconds, answer.wall_seconds, answer.capped, answer.child_seconds, answer.unseen_seconds)
    return _find_negative("work", [answer.work, answer.samples]) or _find_negative(
        "seconds", (*times, answer.queue_seconds or 0.0, *answer.seconds, *answer.inclusive)
    )


def _check_description(answer: DescribedScenario, _request: Request) -> str:
    return "" if answer.scenario.modes else "a scenario without modes"


def _check_ready(answer: Ready, _request: Request) -> str:
    return _find_negative("seconds", [answer.startup_seconds])


def _check_timings(answer: UpdateTimings, _request: Request) -> str:
    times = (answer.cpu_seconds, answer.wall_seconds, *answer.nanoseconds)
    return _find_negative("work", [answer.work]) or _find_negative("times", times)


def _check_allocations(answer: AllocationProfile, _request: Request) -> str:
    sizes = [number for site in (*answer.by_bytes, *answer.by_count) for number in (site.bytes, site.count)]
    return _find_negative("bytes", [answer.work, answer.peak_bytes, *sizes])


def _check_lines(answer: LineMemoryProfile, _request: Request) -> str:
    return _find_negative("calls", [answer.calls])


def _check_names(answer: FunctionNames, request: Request) -> str:
    return "names of other functions" if len(answer.functions) != len(request.names) else ""


def _check_addresses(answer: TrampolineAddresses, _request: Request) -> str:
    equal = len(answer.addresses) == len(answer.files) == len(answer.names)
    return "" if equal else "addresses and names of unequal numbers"


def _check_proposals(answer: Proposals, request: Request) -> str:
    levers = {PurePath(file).stem for file in request.files}
    if any(proposal.lever not in levers for proposal in answer.proposals):
        return "a proposal of another lever"
    if any(proposal.kind not in LEVER_KINDS or not proposal.title for proposal in answer.proposals):
        return "a proposal of no kind or without a title"
    tried = [proposal for proposal in answer.proposals if proposal.tried]
    empty = any(not proposal.applies and not proposal.environment for proposal in tried)
    return "a proposal of nothing" if empty else ""


def _are_indices(numbers: Iterable[int], count: int) -> bool:
    return all(0 <= number < count for number in numbers)


def _is_call(call: Sequence[int], count: int) -> bool:
    caller, callee, often = call
    return NO_CALLER <= caller < count and 0 <= callee < count and often >= 0


def _check_observation(answer: MemoryObservation, request: Request) -> str:
    if not answer.started < answer.ended:
        return "an end before its start"
    if answer.progress and answer.stride < 1:
        return "steps of no update"
    if len(answer.marks) != len(request.marks):
        return "times of other updates"
    if any(later < earlier for earlier, later in zip(answer.progress, answer.progress[1:], strict=False)):
        return "times that go back"
    sizes = (answer.peak_bytes, answer.ready_bytes, answer.end_bytes, answer.left_bytes)
    counts = (answer.work, answer.updates, *answer.collections)
    return _find_negative("work", counts) or _find_negative("bytes", [size for size in sizes if size is not None])


_CHECKS: dict[type, Callable[[Any, Request], str]] = {
    DescribedScenario: _check_description,
    Ready: _check_ready,
    PassMeasurement: _check_measurement,
    OutputDigest: _check_digest,
    CpuProfile: _check_profile,
    MemoryObservation: _check_observation,
    UpdateTimings: _check_timings,
    AllocationProfile: _check_allocations,
    LineMemoryProfile: _check_lines,
    FunctionNames: _check_names,
    TrampolineAddresses: _check_addresses,
    Proposals: _check_proposals,
}
