"""Parsers of option values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import typer

from perfbench.errors import UsageProblem

ENVIRONMENT_NAMES_KEY = "perfbench.environments"

SHARE_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def read_environment_names(ctx: typer.Context) -> tuple[tuple[str, str], ...]:
    """The environment names in the configuration, each with its spec."""
    names: tuple[tuple[str, str], ...] = ctx.meta.get(ENVIRONMENT_NAMES_KEY, ())
    return names


def parse_assignment(option: str, text: str) -> tuple[str, str]:
    """Name and value of ``NAME=VALUE``. Raises UsageProblem."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageProblem(f"{option} {text}: write NAME=VALUE")
    return name, value


def parse_assignments(option: str, texts: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Names and values of a repeatable option."""
    return tuple(parse_assignment(option, text) for text in texts or ())


def parse_share(option: str, text: str) -> float:
    """A share written as a percentage: 0.05 for ``5%``. Raises UsageProblem."""
    match = SHARE_PATTERN.fullmatch(text.strip())
    if match is None:
        raise UsageProblem(f"{option} {text}: write a share such as 5%")
    return float(match[1]) / 100


def parse_sweeps(texts: Sequence[str] | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names and lists of values of ``--sweep``."""
    return tuple((name, tuple(values.split(","))) for name, values in parse_assignments("--sweep", texts))
