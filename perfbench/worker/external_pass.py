"""One pass as a call, for other tools that time it their own way: without a host, without pinning, as often as they like."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Callable

from perfbench.worker.protocol import Request
from perfbench.worker.scenario_loader import LoadedScenario
from perfbench.worker.timed_pass import burn_cpu


def bind_external_pass(request: str, *, whole_process: bool) -> Callable[[], Any]:
    """A call that runs the mode of a request (JSON) once to its end, set-ups included, and is slower by the share to burn.

    :param whole_process: the share is of all CPU seconds since the process started, since that is what is timed.
    """
    asked = Request(**json.loads(request))
    loaded = LoadedScenario(asked.scenario)

    def call() -> None:
        start = 0 if whole_process else time.process_time_ns()
        with loaded.bound(asked.mode, asked.market, asked.parameters) as mode:
            outcome = mode()
            if isinstance(outcome, Iterator):
                for _ in outcome:
                    pass
            if asked.burn:
                burn_cpu(start, asked.burn)

    return call
