"""A campaign: one target for some seconds or inputs, each input within a time limit, all of them within a memory limit."""

from __future__ import annotations

import hashlib
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fuzz.minimise import minimise
from fuzz.targets import Target

HANG_SECONDS = 10.0
"""Time after which an input counts as a hang."""

GROWTH_LIMIT_BYTES = 48 << 20
"""Growth of resident memory after the first third of a campaign that counts as a failure."""

BATCH = 100
"""Inputs of a seed; the next seed follows."""


class Hang(BaseException):
    """An input that is not done in time. No Exception, so that nothing under test takes it for one of its own."""


@dataclass(slots=True)
class Failure:
    """A fault that an input shows, with the file that holds the smallest such input, and how many inputs show it."""

    cause: str
    path: Path
    count: int = 1


@dataclass(slots=True)
class Summary:
    """What a campaign found."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failure] = field(default_factory=dict)
    resident_bytes: list[int] = field(default_factory=list)

    @property
    def growth_bytes(self) -> int:
        """Growth of resident memory from the end of the first third of the samples to the last."""
        return (
            self.resident_bytes[-1] - self.resident_bytes[len(self.resident_bytes) // 3] if self.resident_bytes else 0
        )

    @property
    def has_failed(self) -> bool:
        """Whether an input failed or the memory grew."""
        return bool(self.failures) or self.growth_bytes > GROWTH_LIMIT_BYTES


def run_campaign(target: Target, folder: Path, *, seed: int, seconds: float, inputs: int) -> Summary:
    """Check inputs until the seconds or the inputs are over; failing inputs are minimised and written to the folder."""
    summary = Summary(target.name)
    begin = time.monotonic()
    process = psutil.Process()
    generated = _generate_inputs(target, seed)
    while summary.inputs < inputs and time.monotonic() - begin < seconds:
        try:
            data = next(generated)
        except Exception as error:  # what was found so far is not lost
            cause = f"the generator failed: {describe_fault(error)}"
            summary.failures[cause] = Failure(cause, find_mark(folder, target.name))
            break
        mark_input(folder, target.name, data)
        started = time.monotonic()
        outcome, fault = try_input(target.check, data)
        summary.slowest_seconds = max(summary.slowest_seconds, time.monotonic() - started)
        summary.outcomes[outcome] += 1
        summary.inputs += 1
        if fault:
            _note_failure(summary, target, folder, data, fault)
        if summary.inputs % BATCH == 1:
            summary.resident_bytes.append(process.memory_info().rss)
    summary.resident_bytes.append(process.memory_info().rss)
    summary.seconds = time.monotonic() - begin
    find_mark(folder, target.name).unlink(missing_ok=True)
    return summary


def find_mark(folder: Path, name: str) -> Path:
    """The file that holds the input under check, which is left when the process dies of it."""
    return folder / f"{name}.current"


def mark_input(folder: Path, name: str, data: bytes) -> None:
    """Write the input that comes next to its file."""
    find_mark(folder, name).write_bytes(data)


def _generate_inputs(target: Target, seed: int) -> Iterator[bytes]:
    while True:
        yield from target.generate(seed, BATCH)
        seed += 1


def try_input(check: Callable[[bytes], str], data: bytes) -> tuple[str, str]:
    """The outcome of an input, and its fault: type, place and text of what was raised, empty if nothing was."""
    try:
        with limit_time(HANG_SECONDS):
            return check(data), ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        name = "hang" if isinstance(error, Hang) else "failure"
        return name, describe_fault(error)


def describe_fault(error: BaseException) -> str:
    """Type, place and first line of an error; a hang has no place, as it can be noticed anywhere."""
    if isinstance(error, Hang):
        return f"hang (> {HANG_SECONDS:g} s)"
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    text = "".join(str(error).splitlines()[:1])[:200]
    return f"{type(error).__name__} at {place}: {text}".encode(errors="backslashreplace").decode()


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Raise Hang in the main thread if the body is not done in time."""

    def interrupt(_number: int, _frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _note_failure(summary: Summary, target: Target, folder: Path, data: bytes, fault: str) -> None:
    """Count a fault; the first input of it is minimised and written."""
    place = get_place(fault)
    if place in summary.failures:
        summary.failures[place].count += 1
        return
    path = write_input(folder, target.name, data)
    summary.failures[place] = Failure(fault, path)
    if not fault.startswith("hang"):
        smaller = minimise(data, lambda each: get_place(try_input(target.check, each)[1]) == place)
        path.write_bytes(smaller)


def get_place(fault: str) -> str:
    """Type and place of a fault: faults with the same count as one."""
    return fault.partition(": ")[0]


def write_input(folder: Path, name: str, data: bytes) -> Path:
    """Write a failing input to the folder of its target and return the path."""
    path = folder / name / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
