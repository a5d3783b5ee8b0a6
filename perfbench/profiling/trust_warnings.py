"""Warnings about profiles that should not be trusted as they are."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.profiling.model import Profile
from perfbench.util import formatting


def find_profile_warnings(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The warnings about profiles, or about a comparison of two, each in a line."""
    found = []
    for profile in profiles:
        name = profile.case.id
        samples = sum(one.samples for one in profile.passes)
        if samples < MIN_SAMPLES:
            found.append(
                f"{name}: only {formatting.format_plural(samples, 'sample')}: too few for more than the largest shares"
            )
        wall, cpu = (sum(getattr(one, kind) for one in profile.passes) for kind in ("wall_seconds", "cpu_seconds"))
        if profile.profiler not in PAUSING_PROFILERS and cpu > 0 and wall / cpu > CONTENTION_RATIO:
            found.append(f"{name}: the machine was busy: profiled passes took {wall / cpu:.2f} times their CPU seconds")
        capped = sum(one.capped for one in profile.passes)
        if capped > MAX_LOST_SHARE * wall:
            found.append(
                f"{name}: {capped / wall:.0%} of the samples' seconds were lost to other processes and left out"
            )
    pythons = list(dict.fromkeys(profile.python for profile in profiles))
    if len(pythons) > 1:
        found.append(f"not the same Python on each side ({' and '.join(pythons)}): functions may differ by that alone")
    profilers = list(dict.fromkeys(profile.profiler for profile in profiles))
    if len(profilers) > 1:
        found.append(f"not the same profiler on each side ({' and '.join(profilers)})")
    return tuple(found)


MIN_SAMPLES = 200
CONTENTION_RATIO = 1.1
"""Wall over CPU seconds of a pass that one thread makes: above it, the wall time is not the program's."""
PAUSING_PROFILERS = ("pyspy",)
"""Profilers that hold the process while they look at it: its wall seconds say nothing of the machine."""
MAX_LOST_SHARE = 0.05
