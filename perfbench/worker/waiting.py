"""Functions of C that may wait: what a profiler that measures wall time counts for them is no work."""

from __future__ import annotations

import re

WAITING_PATTERN = re.compile(
    r"\b(acquire|sleep|poll|select|kevent|control|wait|waitpid|wait[34]|waitid|pause|sigwait|read|readinto|recv|recv_into"
    r"|recvfrom|accept|connect|flock)\b|'get' of '_queue|SimpleQueue\.get|'join' of '_thread|_ThreadHandle\.join"
)
"""Names of built-in functions that may wait, as cProfile and pyinstrument write them."""
