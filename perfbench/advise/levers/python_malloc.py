"""Allocate memory with another allocator: the C library's, or mimalloc, which CPython contains since 3.13."""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Iterator, List

from perfbench.kit.lever import SAME, Noted, Proposal

KIND = SAME
SOURCE = "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONMALLOC"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For an interpreter that uses its default."""
    if os.environ.get("PYTHONMALLOC"):
        return
    for name in list_allocators():
        yield Proposal(
            title="PYTHONMALLOC={}".format(name),
            environment="env:PYTHONMALLOC={}".format(name),
            write="export PYTHONMALLOC={}".format(name),
            reason="memory is allocated by the interpreter's default",
        )


def list_allocators() -> List[str]:
    """The allocators that this interpreter can use besides its default."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return []  # a build without the GIL needs mimalloc
    return ["malloc", "mimalloc"] if sys.version_info >= (3, 13) and _has_mimalloc() else ["malloc"]


def _has_mimalloc() -> bool:
    return bool(sysconfig.get_config_var("WITH_MIMALLOC"))
