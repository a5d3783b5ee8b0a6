"""Switch the just-in-time compiler of CPython on."""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Iterator

from perfbench.kit.lever import SAME, Noted, Proposal

KIND = SAME
SOURCE = "https://docs.python.org/3/using/cmdline.html#envvar-PYTHON_JIT"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For an interpreter that was built with it, from Python 3.13 on, where it is off."""
    if os.environ.get("PYTHON_JIT") is None and has_compiler():
        yield Proposal(
            title="PYTHON_JIT=1",
            environment="env:PYTHON_JIT=1",
            write="export PYTHON_JIT=1",
            reason="this interpreter has the compiler, and it is off",
        )


def has_compiler() -> bool:
    """Whether this interpreter has a just-in-time compiler that is off."""
    compiler = getattr(sys, "_jit", None)  # since Python 3.14
    if compiler is not None:
        return bool(compiler.is_available() and not compiler.is_enabled())
    return "_Py_JIT" in str(sysconfig.get_config_var("PY_CORE_CFLAGS"))
