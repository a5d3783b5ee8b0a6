"""Listing of a scenario: its question, a line for each mode, and the parameters and packages of the modes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len

from perfbench.model import Mode, Scenario
from perfbench.report.prose import wrap_line
from perfbench.util.formatting import make_printable

MAX_NAME_WIDTH = 32


def render_listing(scenario: Scenario, width: int) -> Iterator[str]:
    """The lines of a listing; those with several words fit the width, in columns."""
    yield wrap_line(f"{scenario.name} · {make_printable(scenario.doc)}", width, 4)
    names = {mode.name: mode.name + (" (baseline)" if mode is scenario.baseline else "") for mode in scenario.modes}
    column = min(MAX_NAME_WIDTH, max(map(cell_len, names.values()), default=0)) + 2
    for mode in scenario.modes:
        head = f"  {names[mode.name]:<{column}}"
        yield wrap_line(head + make_printable(mode.doc), width, column + 2)
    everyone = tuple(mode.name for mode in scenario.modes)
    parameters = _find_users((f"{p.name}={p.default}", mode.name) for mode in scenario.modes for p in mode.parameters)
    packages = _find_users((need, mode.name) for mode in scenario.modes for need in _describe_needs(mode))
    groups = _find_users((mode.group, mode.name) for mode in scenario.modes if mode.group)
    for title, users in (("parameters", parameters), ("packages", packages)):
        if users:
            yield wrap_line(f"  {title}: {_describe_users(users, everyone)}", width, 4)
    for group, members in groups.items():
        yield wrap_line(f"  only with --mode {group}: {', '.join(members)}", width, 4)


def _find_users(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The names of the modes by what they have, in the order of the first."""
    users: dict[str, tuple[str, ...]] = {}
    for value, mode in pairs:
        users[value] = (*users.get(value, ()), mode)
    return users


def _describe_users(users: dict[str, tuple[str, ...]], everyone: tuple[str, ...]) -> str:
    """``key=best reads=40000; instances=50 (advised_lru_method)``: what all modes have first, then the others together."""
    values: dict[tuple[str, ...], list[str]] = {}
    for value, modes in users.items():
        values.setdefault(modes, []).append(value)
    parts = [
        " ".join(texts) + _name_users(modes, everyone)
        for modes, texts in sorted(values.items(), key=lambda item: -len(item[0]))
    ]
    return "; ".join(parts)


def _name_users(modes: tuple[str, ...], everyone: tuple[str, ...]) -> str:
    others = [name for name in everyone if name not in modes]
    if not others:
        return ""
    return f" (all but {', '.join(others)})" if len(others) < len(modes) else f" ({', '.join(modes)})"


def _describe_needs(mode: Mode) -> Iterator[str]:
    for need in mode.needs:
        yield f"{need} (installed when measured)" if need in mode.missing else need
