"""Proposals of levers: what could make a program faster, as a worker answers it and as it is saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List

from perfbench.worker.pass_messages import Package
from perfbench.worker.saved_fields import SavedFields

SAME, LESS, CHANGES = "same", "less", "changes"
"""Kinds of levers: the same orders and profit; the same for fewer updates; another answer."""

LEVER_KINDS = (SAME, LESS, CHANGES)


@dataclass(frozen=True)
class Proposal(SavedFields):
    """A lever with a value that applies to a program. A lever file leaves ``lever``, ``kind``, ``source`` and ``applies`` out.

    :param lever: name of the lever: its file without the suffix.
    :param title: in a few words, with the value where it has one.
    :param kind: one of ``LEVER_KINDS``; whether the orders really stay the same is for a check pass to say.
    :param value: the argument of the lever's ``apply``; may be empty.
    :param environment: words to add to the environment spec, such as ``python==3.13`` or ``env:PYTHONMALLOC=malloc``.
    :param applies: whether the lever has an ``apply`` that the worker must run; False for an environment alone.
    :param write: the lines of code to write, or the command to run.
    :param reason: why it applies to this program; with ``less`` also how sure that is.
    :param source: address of the documentation that describes it.
    :param tried: False for one that can only be named: nobody but the author of the program can apply it.
    """

    lever: str = ""
    title: str = ""
    kind: str = ""
    value: str = ""
    environment: str = ""
    applies: bool = True
    write: str = ""
    reason: str = ""
    source: str = ""
    tried: bool = True


@dataclass(frozen=True)
class Proposals:
    """The proposals for a program, in the order of the lever files, and what was noted while it ran (plain values)."""

    proposals: List[Proposal]
    noted: Dict[str, Any]
    packages: List[Package] = field(default_factory=list)


def replace_infinity(value: Any) -> Any:
    """Plain values with None for each number that JSON does not have, such as a limit that is infinite."""
    if isinstance(value, dict):
        return {name: replace_infinity(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace_infinity(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
