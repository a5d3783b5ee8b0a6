"""Levers on the interpreter and its packages: garbage collection, versions, allocators, releases."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.levers import load, make_simulation, note_listener, note_program, note_replay, note_simulation, propose

from perfbench.kit.program.lever_files import Lever
from perfbench.kit.program.noted import Noted
from perfbench.kit.strategies import Idle


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Garbage collection as it was, whatever a test does to it."""
    enabled, threshold = gc.isenabled(), gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    if enabled:
        gc.enable()
    else:
        gc.disable()


def simulate_and_look(race: Path, look: Any) -> list[Any]:
    """What a function returns when a simulation starts, and at its end."""
    seen = []

    class Looking(Idle):
        def start(self, flumine: Any) -> None:
            seen.append(look())

        def finish(self, flumine: Any) -> None:
            seen.append(look())

    make_simulation(race, Looking).run()
    return seen


NAMES = ["gc_freeze", "gc_threshold", "gc_off"]


def observe_garbage(name: str, collections: int) -> Lever:
    """A lever that has observed a program with so many full collections and nothing else."""
    lever = load(name)
    gc.disable()
    with lever.observing():
        for _ in range(collections):
            gc.collect()
        sum(range(20_000))
    return lever


def note_own_simulation(process: int = 0) -> Noted:
    return note_program(note_simulation(process=process or os.getpid()))


@pytest.mark.parametrize("name", NAMES)
def test_collection_that_takes_no_time_is_left_alone(name: str) -> None:
    gc.set_threshold(700, 10, 10)
    assert observe_garbage(name, 3).propose(note_own_simulation())
    assert not observe_garbage(name, 0).propose(note_own_simulation())
    assert not load(name).propose(note_replay(note_listener()))


@pytest.mark.parametrize("name", NAMES)
def test_collection_in_other_processes_is_not_observed(name: str) -> None:
    gc.set_threshold(700, 10, 10)
    (proposal,) = observe_garbage(name, 0).propose(note_own_simulation(os.getpid() + 1))
    assert "%" not in proposal.reason


@pytest.mark.parametrize("name", NAMES)
def test_reason_is_the_share_of_the_collections(name: str) -> None:
    gc.set_threshold(700, 10, 10)
    (proposal,) = observe_garbage(name, 3).propose(note_own_simulation())
    assert re.search(r"collections take \d+(\.\d+)? %", proposal.reason)


def test_higher_thresholds_hold_for_the_program() -> None:
    gc.set_threshold(700, 10, 10)
    (proposal,) = observe_garbage("gc_threshold", 3).propose(note_own_simulation())
    assert proposal.title == "gc.set_threshold(50_000)"
    assert proposal.write == "gc.set_threshold(50_000, 20, 100)"
    assert proposal.reason.startswith("the youngest objects are collected whenever there are 700 new ones, and")
    with load("gc_threshold").applied(""):
        assert gc.get_threshold()[:2] == (50_000, 20)
    assert gc.get_threshold() == (700, 10, 10)
    gc.set_threshold(60_000, 10, 10)
    assert not observe_garbage("gc_threshold", 3).propose(note_own_simulation())


def test_objects_are_frozen_before_every_simulation(race: Path) -> None:
    gc.unfreeze()
    with load("gc_freeze").applied(""):
        assert gc.get_freeze_count() > 10_000
        gc.unfreeze()
        assert simulate_and_look(race, gc.get_freeze_count)[0] > 10_000
    assert gc.get_freeze_count() == 0


def test_garbage_is_collected_when_a_market_closes(race: Path) -> None:
    gc.enable()
    collections = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            collections.append(details["generation"])

    gc.callbacks.append(note)
    try:
        with load("gc_off").applied(""):
            gc.enable()  # as a program may do before its simulation
            assert simulate_and_look(race, gc.isenabled) == [False, False]
    finally:
        gc.callbacks.remove(note)
    assert collections.count(2) == 1
    assert gc.isenabled()


def test_garbage_collection_that_was_off_stays_off() -> None:
    gc.disable()
    with load("gc_off").applied(""):
        pass
    assert not gc.isenabled()


def test_speed_extra_names_what_is_missing() -> None:
    (proposal,) = propose("speed_extra", note_program(note_simulation()))
    assert proposal.environment == "betfairlightweight[speed]"
    assert proposal.write == 'pip install "betfairlightweight[speed]==2.24.0"'
    assert proposal.reason == "orjson and ciso8601 are not installed"
    assert not proposal.applies
    packages = {"betfairlightweight": "2.24.0", "ciso8601": "2.3.3"}
    (proposal,) = propose("speed_extra", note_replay(note_listener(), packages=packages))
    assert proposal.reason == "orjson is not installed"
    assert not propose("speed_extra", note_replay(note_listener(), packages=packages, json_module="orjson"))


def test_newer_releases_are_proposed() -> None:
    words = ["flumine==3.3.2", "flumine==4.0.0", "betfairlightweight==2.24.0", "requests==9.0", "python==3.12"]
    (proposal,) = propose("releases", note_program(note_simulation(), available=words))
    assert (proposal.environment, proposal.title) == ("flumine==4.0.0", "flumine 4.0.0")
    assert proposal.reason == "3.3.2 is installed"
    assert proposal.source == "https://pypi.org/project/flumine/"


def test_other_versions_of_python_are_proposed() -> None:
    words = ["python==3.11.9", "python==3.12", "python==3.14t", "pypy==3.10", "flumine==3.3.2"]
    proposals = propose("python_versions", note_program(note_simulation(), available=words))
    assert [proposal.environment for proposal in proposals] == ["python==3.12", "python==3.14t", "pypy==3.10"]
    assert [proposal.title for proposal in proposals] == ["Python 3.12", "Python 3.14t", "PyPy 3.10"]


def test_free_threaded_build_of_the_same_version_is_another_python() -> None:
    noted = note_program(note_simulation(), available=["python==3.11t", "python==3.11"])
    assert [proposal.environment for proposal in propose("python_versions", noted)] == ["python==3.11t"]


def test_assertions_are_left_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = load("python_optimize").module
    (proposal,) = propose("python_optimize", note_program(note_simulation()))
    assert (proposal.environment, proposal.applies) == ("-O", False)
    monkeypatch.setattr(module.sys, "flags", type("Flags", (), {"optimize": 1})())
    assert not list(module.propose(note_program(note_simulation())))


def test_allocators_are_those_of_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONMALLOC", raising=False)
    words = [proposal.environment for proposal in propose("python_malloc", note_program(note_simulation()))]
    expected = ["env:PYTHONMALLOC=malloc", "env:PYTHONMALLOC=mimalloc"]
    assert words == (expected if sys.version_info >= (3, 13) else expected[:1])
    monkeypatch.setenv("PYTHONMALLOC", "pymalloc")
    assert not propose("python_malloc", note_program(note_simulation()))


def test_preloaded_library_serves_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    for name in ("libmimalloc.so.2.0", "libmimalloc.so", "libother.so"):
        (tmp_path / name).touch()
    lever = load("preloaded_malloc")
    monkeypatch.setattr(lever.module, "FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(lever.module.sys, "platform", "linux")
    (proposal,) = lever.propose(note_program(note_simulation()))
    assert proposal.environment == f"env:LD_PRELOAD={tmp_path}/libmimalloc.so env:PYTHONMALLOC=malloc"
    assert proposal.title == "mimalloc preloaded"
    monkeypatch.setenv("LD_PRELOAD", "libother.so")
    assert not lever.propose(note_program(note_simulation()))


@pytest.mark.parametrize(
    ("available", "enabled", "proposed"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_compiler_is_proposed_where_it_is_off(
    monkeypatch: pytest.MonkeyPatch, available: bool, enabled: bool, proposed: bool
) -> None:
    compiler = type("Compiler", (), {"is_available": lambda _: available, "is_enabled": lambda _: enabled})()
    monkeypatch.setattr(sys, "_jit", compiler, raising=False)
    monkeypatch.delenv("PYTHON_JIT", raising=False)
    proposals = propose("python_jit", note_program(note_simulation()))
    assert [proposal.environment for proposal in proposals] == (["env:PYTHON_JIT=1"] if proposed else [])
