"""One pass as a function, for other benchmark tools: without a host, without pinning."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Callable

from perfbench.worker.program_loader import load_scenario
from perfbench.worker.protocol import Request
from perfbench.worker.timed_pass import inject_slowdown


def bind_external_pass(json_request: str, *, whole_process: bool) -> Callable[[], Any]:
    """A function that runs the mode of a request (JSON) once to its end, set-ups included, with its injected slowdown.

    :param whole_process: the slowdown is relative to all CPU seconds since the process started.
    """
    request = Request(**json.loads(json_request))
    loaded = load_scenario(request.scenario)

    def call() -> None:
        start = 0 if whole_process else time.process_time_ns()
        with loaded.bound(request.mode, request.market, request.parameters) as mode:
            outcome = mode()
            if isinstance(outcome, Iterator):
                for _ in outcome:
                    pass
            if request.slowdown:
                inject_slowdown(start, request.slowdown)

    return call
