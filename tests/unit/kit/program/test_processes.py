"""Processes and threads of a program."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from perfbench.kit.program import processes
from perfbench.kit.program.processes import RecordFolder, forked_children, wait_for_threads
from perfbench.worker.scenario_api import ProgramError

VALUES: list[int] = []


def note_value(folder: RecordFolder, value: int) -> None:
    """What a child does: it sees the value that its parent noted only if it was forked."""
    folder.add((value, list(VALUES)))


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork", None])
def test_children_are_forked_whichever_start_method_is_chosen(tmp_path: Path, method: str | None) -> None:
    folder = RecordFolder(str(tmp_path / "records"))
    VALUES[:] = [7]
    with forked_children():
        context: Any = multiprocessing.get_context(method)
        children = [context.Process(target=note_value, args=(folder, number)) for number in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
    folder.add("own")
    assert sorted(map(str, folder.collect())) == ["(0, [7])", "(1, [7])", "(2, [7])", "own"]


def test_start_methods_are_restored() -> None:
    before = multiprocessing.get_start_method(allow_none=True)
    with forked_children():
        multiprocessing.set_start_method("spawn", force=True)
    assert multiprocessing.get_start_method(allow_none=True) == before


def test_first_value_of_a_key_is_that_of_all(tmp_path: Path) -> None:
    folder = RecordFolder(str(tmp_path / "records"))
    assert folder.agree("key", "first") == "first"
    child = os.fork()
    if child == 0:
        os._exit(0 if folder.agree("key", "second") == "first" and folder.agree("other", "child") == "child" else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert folder.agree("other", "parent") == "child"


def test_threads_are_waited_for_unless_they_are_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "THREAD_SECONDS", 0.05)
    before = threading.enumerate()
    end, ended = threading.Event(), threading.Event()
    threading.Thread(target=end.wait, daemon=True).start()
    short = threading.Thread(target=ended.set)
    short.start()
    wait_for_threads(before)
    assert not short.is_alive()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ended.is_set).result()
        wait_for_threads(before)
    long = threading.Thread(target=end.wait, name="downloader")
    long.start()
    with pytest.raises(ProgramError, match=r"left threads running: downloader \(join them at its end\)"):
        wait_for_threads(before)
    end.set()
    long.join()
