"""Environments: what a user writes about packages and Pythons becomes an interpreter in which something can be measured.

A spec (``specs``) is resolved by uv to exact versions (``resolving``), a checkout to a wheel of its snapshot (``snapshots``).
What was resolved is built once (``building``) and kept in the user's cache (``keeping``, ``pruning``).
"""

from __future__ import annotations

from perfbench.environments.installed import has, here
from perfbench.environments.interpreters import OLDEST, Interpreter, find_interpreters
from perfbench.environments.providing import Wanted, provide
from perfbench.environments.pruning import Kept, Pruned, kept, prune

__all__ = [
    "OLDEST",
    "Interpreter",
    "Kept",
    "Pruned",
    "Wanted",
    "find_interpreters",
    "has",
    "here",
    "kept",
    "provide",
    "prune",
]
