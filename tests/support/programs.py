"""Passes of the user's own program in a worker, without the rest of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import DescribedScenario, OutputDigest, OutputItem, PassMeasurement, Ready, Request

HERE = Environment("here", sys.executable)


def start(
    task: str,
    program: object,
    market: object = None,
    *,
    where: Environment = HERE,
    arguments: Sequence[object] = (),
    batch: Sequence[object] = (),
    timeout: float = 100,
    seed: int = 0,
    **fields: Any,
) -> WorkerProcess:
    request = Request(
        task,
        str(program),
        "run",
        None if market is None else str(market),
        {"arguments": json.dumps(list(map(str, arguments)))},
        batch=list(map(str, batch)),
        last=1 << 30,
        **fields,
    )
    return WorkerProcess(where, request, hash_seed=seed, timeout=timeout)


def digest(*arguments: Any, **more: Any) -> OutputDigest:
    """The output of a check pass."""
    with start("check", *arguments, **more) as worker:
        answer = worker.expect(OutputDigest)
        worker.end()
    return answer


def measure(*arguments: Any, **more: Any) -> PassMeasurement:
    """A timed pass."""
    with start("time", *arguments, **more) as worker:
        worker.expect(Ready)
        worker.go()
        answer = worker.expect(PassMeasurement)
        worker.end()
    return answer


def dump(*arguments: Any, **more: Any) -> list[Any]:
    """The items of the output."""
    with start("dump", *arguments, **more) as worker:
        return [item.value for item in worker.answers(OutputItem)]


def describe(program: object) -> DescribedScenario:
    with start("describe", program) as worker:
        return worker.expect(DescribedScenario)


def fail(*arguments: Any, **more: Any) -> str:
    """The line of a check pass that fails, without what the program printed."""
    with pytest.raises(TrialFailed) as failed:
        digest(*arguments, **more)
    line = str(failed.value)
    assert "\n" not in line
    return line.partition("; it printed")[0]
