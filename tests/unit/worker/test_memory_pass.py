"""A memory pass reads what is there before and after it in the same state of the allocator."""

from __future__ import annotations

import pytest

from perfbench.worker import memory_pass
from perfbench.worker.protocol import Request
from perfbench.worker.scenario_api import Work


def test_memory_pass_gives_free_memory_back_before_the_baseline_and_after_the_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    monkeypatch.setattr(memory_pass, "_release_free_memory", lambda: events.append("release"))

    def read(name: str) -> int:
        events.append(name)
        return len(events)

    monkeypatch.setattr(memory_pass, "resident_bytes", read)

    def call() -> Work:
        events.append("pass")
        return Work(3)

    memory_pass.run_memory_pass(call, lambda: events.append("wait"), Request("watch", "scenario.py"))
    assert events == ["release", "VmRSS", "wait", "pass", "VmHWM", "VmRSS", "release", "VmRSS"]
