"""What a run compared, in a line, from its settings and cases: nothing of it needs samples or NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfbench.environments import labels
from perfbench.model import Case, Settings

NAMED = 3
"""Names of a kind that are listed; the others are counted."""


def describe_command(settings: Settings) -> str:
    """The command that measured: ``run``, ``compare``, ``gate``, ``calibrate`` or ``sweep``."""
    if settings.gate is not None:
        return "calibrate" if is_calibration(settings) else "gate"
    if settings.links:
        return "sweep"
    return "compare" if any(len(group) > 1 for group in settings.environments) else "run"


def is_calibration(settings: Settings) -> bool:
    """Whether a run is part of a calibration: pairs of one release, or of one that was slowed down."""
    policy = settings.gate
    if policy is None:
        return False
    alike = any(len(set(group)) == 1 < len(group) for group in settings.environments)
    return bool(policy.injected) or (alike and settings.rounds is not None)  # a gate has no fixed rounds


def describe_subject(settings: Settings, cases: Sequence[Case], corpus: str = "") -> str:
    """What was compared: ``replay · lightweight, full · betfairlightweight 2.11.2 → 2.12.0 · PRO-1.170258213``.

    :param corpus: the name of the corpus that was surveyed.
    """
    data = [corpus] if corpus else [case.data for case in cases if case.data]
    swept = [name for name, _ in settings.sweep]
    parts = (
        _list_names(case.scenario for case in cases) or _list_names(settings.scenarios),
        _list_names(case.mode for case in cases),
        _describe_environments(settings),
        _list_names(data),
        f"over {_list_names(swept)}" if swept else "",
    )
    return " · ".join(part for part in parts if part)


def _describe_environments(settings: Settings) -> str:
    """The sides of a comparison, or the environments of tables of their own where that is not the host alone."""
    groups = settings.environments
    if len(groups) == 1 and len(groups[0]) > 1:
        common, names = labels.split_side_names(groups[0])
        shown = (names[0], names[-1]) if settings.links else names
        if len(set(shown)) == 1:
            return _list_names(shown)
        more = " → …" if len(shown) > NAMED else ""
        return f"{common} {' → '.join(shown[:NAMED])}{more}".strip()
    specs = [spec for group in groups for spec in group]
    return "" if specs in ([], ["here"]) else _list_names(specs)


def _list_names(names: Iterable[str]) -> str:
    """``a, b, c + 4 more``, each once."""
    every = list(dict.fromkeys(names))
    more = f" + {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + more
