"""Parsers of option values."""

from __future__ import annotations

import re
from typing import Optional

import typer

from perfbench.errors import UsageProblem

ENVIRONMENT_NAMES_KEY = "perfbench.environments"

SHARE_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def read_environment_names(ctx: typer.Context) -> tuple[tuple[str, str], ...]:
    """The names of environments in the configuration, and the specs that they stand for."""
    found: tuple[tuple[str, str], ...] = ctx.meta.get(ENVIRONMENT_NAMES_KEY, ())
    return found


def parse_assignment(option: str, text: str) -> tuple[str, str]:
    """Name and value of ``NAME=VALUE``. Raises UsageProblem."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageProblem(f"{option} {text}: write NAME=VALUE")
    return name, value


def parse_assignments(option: str, texts: Optional[list[str]]) -> tuple[tuple[str, str], ...]:  # noqa: UP045
    """The names and values of a repeatable option."""
    return tuple(parse_assignment(option, text) for text in texts or ())


def parse_share(option: str, text: str) -> float:
    """The share that is written ``5%``. Raises UsageProblem."""
    found = SHARE_PATTERN.fullmatch(text.strip())
    if found is None:
        raise UsageProblem(f"{option} {text}: write a share such as 5%")
    return float(found[1]) / 100


def parse_sweeps(texts: Optional[list[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:  # noqa: UP045
    """The names and lists of values of ``--sweep``."""
    return tuple((name, tuple(values.split(","))) for name, values in parse_assignments("--sweep", texts))
