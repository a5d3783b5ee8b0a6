"""The passes of a profile taken together, in the seconds of a pass without the profiler. Pure."""

from __future__ import annotations

from collections import defaultdict

from perfbench.profiling.model import Profile, Stack


def pool_stacks(profile: Profile) -> tuple[Stack, ...]:
    """Every stack of all its passes once, in the order of its frames; empty if nothing was sampled, or no stack is whole.

    The seconds of a stack are its share of all samples, times the CPU seconds of a pass without the profiler: all together they are
    ``profile.seconds``.
    """
    if not profile.has_stacks:
        return ()
    weights: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for one in profile.passes:
        for stack in one.stacks:
            weights[stack.frames] += stack.seconds
    whole = sum(weights.values())
    if whole <= 0:
        return ()
    scale = profile.seconds / whole
    return tuple(Stack(frames, weights[frames] * scale) for frames in sorted(weights) if weights[frames] > 0)
