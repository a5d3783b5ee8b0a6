"""Values of a CPU profile: functions, stacks, calls, passes.

Seconds are CPU seconds unless stated otherwise. Those of a stack are the weight of its samples in the profiled pass: shares of
it, never the duration of the program.
"""

from __future__ import annotations

from collections import defaultdict
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
    """One profiled pass. ``capped`` are the wall seconds of samples that were left out because their thread did not run.

    ``inclusive``: of a profiler that knows no stacks but a function and its caller, the seconds of every function of the profile
    with all that it called.

    ``cpu_seconds`` include the ``child_seconds`` of child processes and the ``unseen_seconds`` of threads, into which the profiler
    does not look; ``queue_seconds`` are those in which the pass waited for a core, None where the system does not tell.
    """

    work: int
    cpu_seconds: float
    wall_seconds: float
    samples: int
    capped: float
    stacks: tuple[Stack, ...]
    inclusive: tuple[float, ...] = ()
    child_seconds: float = 0.0
    unseen_seconds: float = 0.0
    queue_seconds: float | None = None

    @property
    def seconds(self) -> float:
        """All that its samples weigh."""
        return sum(stack.seconds for stack in self.stacks)


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that profiled passes of one case found, and the CPU seconds of the passes without a profiler beside them.

    ``functions`` are those of all its passes. ``calls`` are of one more pass, under a profiler with call counts; empty without one.
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
        return not any(profiled.inclusive for profiled in self.passes)

    @property
    def overhead(self) -> float:
        """The CPU seconds of profiled passes as a multiple of those without a profiler."""
        return median(profiled.cpu_seconds for profiled in self.passes) / self.seconds

    def pool_stacks(self) -> tuple[Stack, ...]:
        """Every stack of all passes once, in the order of its frames; empty without samples or without whole stacks.

        The seconds of a stack are its share of all samples, times the CPU seconds of a pass without the profiler: they add up to
        ``seconds``.
        """
        if not self.has_stacks:
            return ()
        weights: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for profiled in self.passes:
            for stack in profiled.stacks:
                weights[stack.frames] += stack.seconds
        whole = sum(weights.values())
        if whole <= 0:
            return ()
        scale = self.seconds / whole
        return tuple(Stack(frames, weights[frames] * scale) for frames in sorted(weights) if weights[frames] > 0)
