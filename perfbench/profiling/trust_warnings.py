"""Warnings about profiles that should not be trusted as they are."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.profiling.model import Profile
from perfbench.util import formatting


def find_profile_warnings(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The warnings about profiles, or about a comparison of two, each in a line."""
    warnings = []
    for profile in profiles:
        name = profile.case.id
        samples = sum(pass_.samples for pass_ in profile.passes)
        if samples < MIN_SAMPLES:
            warnings.append(
                f"{name}: only {formatting.format_plural(samples, 'sample')}: too few for more than the largest shares"
            )
        wall, cpu = (sum(getattr(pass_, kind) for pass_ in profile.passes) for kind in ("wall_seconds", "cpu_seconds"))
        if profile.profiler not in PAUSING_PROFILERS and cpu > 0 and wall / cpu > CONTENTION_RATIO:
            warnings.append(
                f"{name}: the machine was busy: profiled passes took {wall / cpu:.2f} times their CPU seconds"
            )
        capped = sum(pass_.capped for pass_ in profile.passes)
        if capped > MAX_LOST_SHARE * wall:
            warnings.append(
                f"{name}: {capped / wall:.0%} of the samples' seconds were lost to other processes and left out"
            )
    pythons = list(dict.fromkeys(profile.python for profile in profiles))
    if len(pythons) > 1:
        warnings.append(
            f"not the same Python on each side ({' and '.join(pythons)}): functions may differ by that alone"
        )
    profilers = list(dict.fromkeys(profile.profiler for profile in profiles))
    if len(profilers) > 1:
        warnings.append(f"not the same profiler on each side ({' and '.join(profilers)})")
    return tuple(warnings)


MIN_SAMPLES = 200
CONTENTION_RATIO = 1.1
"""Wall over CPU seconds of a pass that one thread makes: above it, the wall time is not the program's."""
PAUSING_PROFILERS = ("pyspy",)
"""Profilers that hold the process while they look at it: its wall seconds say nothing of the machine."""
MAX_LOST_SHARE = 0.05
