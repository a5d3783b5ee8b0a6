"""Preload a faster malloc of this machine: mimalloc or jemalloc."""

from __future__ import annotations

import glob
import os
import sys
from typing import Iterator, List

from perfbench.kit.lever import SAME, Noted, Proposal

KIND = SAME
SOURCES = {
    "mimalloc": "https://microsoft.github.io/mimalloc/overrides.html",
    "jemalloc": "https://github.com/jemalloc/jemalloc/wiki/Getting-Started",
}
SOURCE = SOURCES["mimalloc"]
FOLDERS = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")


def propose(noted: Noted) -> Iterator[Proposal]:
    """For each such library on Linux, alone and for all memory of Python."""
    if not sys.platform.startswith("linux") or os.environ.get("LD_PRELOAD"):
        return
    for name, source in SOURCES.items():
        library = next(iter(find_libraries(name)), "")
        if library:
            words = ["LD_PRELOAD={}".format(library), "PYTHONMALLOC=malloc"]
            yield Proposal(
                title="{} preloaded".format(name),
                environment=" ".join("env:" + word for word in words),
                write="export " + " ".join(words),
                reason="{} is on this machine".format(library),
                source=source,
            )


def find_libraries(name: str) -> List[str]:
    """The paths of a shared library, the shortest name first."""
    patterns = [os.path.join(folder, "lib{}.so*".format(name)) for folder in FOLDERS]
    return sorted((path for pattern in patterns for path in glob.glob(pattern)), key=lambda path: (len(path), path))
