"""Caches of other packages: modes of ``caching``."""

from __future__ import annotations

import importlib
from pathlib import Path

from _caches import Answered, Stream

from perfbench import Work, mode


@mode(needs=["cachetools==6.2.6"])
def cachetools_ttl(stream: Stream, *, maxsize: int = 1024) -> Work:
    """cachetools' TTLCache with the market's clock as its timer."""
    cachetools = importlib.import_module("cachetools")
    now = 0
    cache = cachetools.TTLCache(maxsize or float("inf"), stream.ttl_ms, lambda: now)
    cached = cachetools.cached(cache)(stream.model)
    answers = []
    for now, _, key in stream.reads:  # noqa: B007 - the timer reads it
        answers.append(cached(key))
    return Answered(stream, answers, cache, len(cache))


@mode(needs=["joblib==1.5.3"], group="disk")
def joblib_memory(stream: Stream, folder: Path) -> Work:
    """joblib.Memory: every answer is a file that later runs reuse (--set reads=5000)."""
    cached = importlib.import_module("joblib").Memory(str(folder), verbose=0).cache(stream.model)
    answers = [cached(key) for _, _, key in stream.reads]
    files = list(folder.rglob("output.pkl"))
    size = sum(file.stat().st_size for file in files)
    # A hit is read from its file, a new float each time, so the key distinguishes the computations.
    computed = [key for _, _, key in stream.reads]
    return Answered(stream, answers, entries=len(files), computed=computed, kept_bytes=size)
