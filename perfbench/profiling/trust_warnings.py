"""Warnings about profiles that should not be trusted as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.profiling.model import Profile
from perfbench.util import formatting


def find_profile_warnings(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The warnings about profiles, or about a comparison of two, each in a line."""
    warnings = []
    for profile in profiles:
        warnings += [f"{profile.case.id}: {text}" for text in _find_pass_warnings(profile)]
    pythons = list(dict.fromkeys(profile.python for profile in profiles))
    if len(pythons) > 1:
        warnings.append(
            f"not the same Python on each side ({' and '.join(pythons)}): functions may differ by that alone"
        )
    profilers = list(dict.fromkeys(profile.profiler for profile in profiles))
    if len(profilers) > 1:
        warnings.append(f"not the same profiler on each side ({' and '.join(profilers)})")
    return tuple(warnings)


def _find_pass_warnings(profile: Profile) -> Iterator[str]:
    samples = sum(pass_.samples for pass_ in profile.passes)
    if samples < MIN_SAMPLES:
        yield f"only {formatting.format_plural(samples, 'sample')}: too few for more than the largest shares"
    count = len(profile.passes)
    child, unseen, capped = (
        sum(getattr(pass_, kind) for pass_ in profile.passes) / count
        for kind in ("child_seconds", "unseen_seconds", "capped")
    )
    if child > 0:
        seconds = formatting.format_seconds(child)
        yield f"{seconds} of CPU in a pass were in child processes, which {profile.profiler} does not look into"
    if unseen > 0:
        seconds = formatting.format_seconds(unseen)
        yield f"{seconds} of CPU in a pass were in other threads, which {profile.profiler} does not look into"
    wall, cpu = (
        sum(getattr(pass_, kind) for pass_ in profile.passes) / count for kind in ("wall_seconds", "cpu_seconds")
    )
    queued = [pass_.queue_seconds for pass_ in profile.passes if pass_.queue_seconds is not None]
    busy = sum(queued) / count > BUSY_SHARE * (cpu - child) if queued else None
    if busy:
        yield f"the machine was busy: profiled passes waited {formatting.format_seconds(sum(queued) / count)} for a core"
    elif busy is None and not child and profile.profiler not in PAUSING_PROFILERS and wall > CONTENTION_RATIO * cpu > 0:
        yield f"profiled passes took {wall / cpu:.2f} times their CPU seconds: the machine was busy, or they waited"
    if capped > MAX_LOST_SHARE * wall:
        reason = "had no core" if busy else "waited"
        yield f"{formatting.format_seconds(capped)} of a pass, in which its threads {reason}, were left out"


MIN_SAMPLES = 200
CONTENTION_RATIO = 1.1
"""Wall over CPU seconds of a pass that one thread makes: above it, the wall time is not the program's."""
BUSY_SHARE = 0.1
"""Seconds without a core, as a share of the CPU seconds of a pass, above which the machine was busy."""

PAUSING_PROFILERS = ("pyspy",)
"""Profilers that hold the process while they look at it: its wall seconds say nothing of the machine."""
MAX_LOST_SHARE = 0.05
