"""An environment that is locked on one machine and built on another: one with another cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.package_index import Index

from perfbench.environments import cache, lock, locked_build, provide
from perfbench.environments.lock import EnvironmentLock
from perfbench.environments.provide import EnvironmentRequest
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment


def nothing(_line: str) -> None:
    return


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go to a machine: what it has cached is its own."""

    def go(name: str) -> None:
        monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / name))

    go("first")
    return go


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, move: Callable[[str], None]) -> Iterator[Index]:
    """The only index that there is."""
    made_up = Index(tmp_path / "index")
    made_up.wheel("engine", "1.0", ("helper>=1.0",))
    made_up.wheel("helper", "1.0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", made_up.url)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    yield made_up
    for key in list(cache._shared_locks):
        cache.release_shared_lock(key)


def build(spec: str, copy: int = 0) -> Environment:
    (environment,) = provide.provide_environments([EnvironmentRequest(spec, copy=copy)], {}, nothing)
    assert isinstance(environment, Environment), environment
    return environment


def lock_checkout(tmp_path: Path) -> tuple[Environment, EnvironmentLock]:
    environment = build(str(checkout(tmp_path / "ticker", "1.5", "TICK = 1")))
    return environment, lock.lock_environment(environment, 0, nothing)


def test_checkout_is_sent_as_its_wheel_and_installed_in_the_same_version(
    tmp_path: Path, move: Callable[[str], None]
) -> None:
    environment, locked = lock_checkout(tmp_path)
    (tmp_path / "ticker" / "ticker.py").unlink()  # the other machine has no checkout
    move("second")
    there = locked_build.build_locked_environment(locked, nothing)
    assert there.python != environment.python
    assert str(tmp_path / "second") in there.python
    assert (there.version, there.packages, there.demanded) == (
        environment.version, environment.packages, environment.demanded,
    )  # fmt: skip
    assert [wheel.file for wheel in locked.wheels] == ["ticker-1.5-py3-none-any.whl"]
    assert locked_build.build_locked_environment(locked, nothing) == there


def test_copies_of_one_lock_are_builds_of_their_own(tmp_path: Path, move: Callable[[str], None]) -> None:
    _, locked = lock_checkout(tmp_path)
    move("second")
    builds = {locked_build.build_locked_environment(replace(locked, copy=copy), nothing).python for copy in (0, 1)}
    assert len(builds) == 2


def test_build_that_differs_from_its_lock_is_refused(tmp_path: Path, move: Callable[[str], None]) -> None:
    _, locked = lock_checkout(tmp_path)
    move("second")
    (package,) = locked.packages
    wanted = replace(locked, packages=(replace(package, version="1.6"),))
    with pytest.raises(EnvironmentProblem, match=r"cannot be built as the plan has it: ticker 1\.5, not 1\.6"):
        locked_build.build_locked_environment(wanted, nothing)


def test_versions_of_the_lock_are_installed_although_the_index_has_newer_ones(
    index: Index, move: Callable[[str], None]
) -> None:
    """A spec without exact dependencies would be resolved otherwise by a machine that comes later."""
    locked = lock.lock_environment(build("engine"), 0, nothing)
    index.wheel("helper", "2.0")
    index.wheel("engine", "1.5", ("helper>=1.0",))
    move("second")
    there = locked_build.build_locked_environment(locked, nothing)
    assert {package.name: package.version for package in there.packages} == {"engine": "1.0", "helper": "1.0"}
    move("third")
    assert {package.name: package.version for package in build("engine").packages} == {"engine": "1.5", "helper": "2.0"}


def test_release_with_other_files_under_the_same_version_is_refused(index: Index, move: Callable[[str], None]) -> None:
    locked = lock.lock_environment(build("engine"), 0, nothing)
    other = tuple(replace(p, digest="0" * 64) if p.name == "helper" else p for p in locked.packages)
    move("second")
    with pytest.raises(
        EnvironmentProblem, match=r"engine cannot be built as the plan has it: helper 1\.0 has other files"
    ):
        locked_build.build_locked_environment(replace(locked, packages=other), nothing)


def test_machine_that_cannot_reach_the_index_is_refused_in_one_line(
    index: Index, move: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = lock.lock_environment(build("engine"), 0, nothing)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv2"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    move("second")
    with pytest.raises(EnvironmentProblem) as problem:
        locked_build.build_locked_environment(locked, nothing)
    assert len(problem.value.cause.splitlines()) == 1
