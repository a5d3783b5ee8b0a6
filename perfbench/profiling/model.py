"""What profilers of the CPU found, as values. Pure.

Seconds are CPU seconds unless they say otherwise. Those of a stack are what its samples weigh in the profiled pass: they tell
shares, never how long the program takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from perfbench.model import Case, Package
from perfbench.worker.protocol import Function

__all__ = ["NO_CALLER", "CallCount", "Function", "Profile", "ProfiledPass", "Stack"]

NO_CALLER = -1


@dataclass(frozen=True, slots=True)
class Stack:
    """Functions that call each other, by their index, outermost first, and the seconds in which the last of them ran itself."""

    frames: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CallCount:
    """How often a function, by its index, was called by another one (``NO_CALLER``: by none that is known) in one pass."""

    caller: int
    callee: int
    count: int


@dataclass(frozen=True, slots=True)
class ProfiledPass:
    """One profiled pass. ``capped`` are the wall seconds of samples that were left out because the process did not run.

    ``inclusive``: of a profiler that knows no stacks but a function and its caller, the seconds of every function of the profile
    with all that it called.
    """

    work: int
    cpu_seconds: float
    wall_seconds: float
    samples: int
    capped: float
    stacks: tuple[Stack, ...]
    inclusive: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """All that its samples weigh."""
        return sum(stack.seconds for stack in self.stacks)


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that profiled passes of one case found, and the CPU seconds of the passes without a profiler beside them.

    ``functions`` are those of all its passes. ``calls`` are of one more pass, under a profiler that counts; empty without one.
    ``packages`` are what was really imported.
    """

    case: Case
    unit: str
    python: str
    profiler: str
    interval: float
    functions: tuple[Function, ...]
    passes: tuple[ProfiledPass, ...]
    unprofiled: tuple[float, ...]
    calls: tuple[CallCount, ...] = ()
    packages: tuple[Package, ...] = ()

    @property
    def work(self) -> int:
        """The work of a pass, in the unit of the scenario."""
        return self.passes[0].work

    @property
    def seconds(self) -> float:
        """What a pass takes without a profiler: the median."""
        return median(self.unprofiled)

    @property
    def has_stacks(self) -> bool:
        """Whether its stacks are whole, so that there is a tree."""
        return not any(one.inclusive for one in self.passes)

    @property
    def overhead(self) -> float:
        """So many times as long as without a profiler did the profiled passes take, by their CPU seconds."""
        return median(one.cpu_seconds for one in self.passes) / self.seconds
