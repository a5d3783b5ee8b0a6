"""What a lever may propose of this machine and of the package index."""

from __future__ import annotations

import pytest

from perfbench.advise import available
from perfbench.environments import interpreters, package_index
from perfbench.environments.interpreters import Interpreter
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment, Package

INSTALLED = (
    Interpreter("3.9.1", "/a"),
    Interpreter("3.11.7", "/b"),
    Interpreter("3.13.0", "/c"),
    Interpreter("3.13.2", "/d"),
    Interpreter("3.14.0", "/e", "t"),
    Interpreter("3.9.19", "/f", "pypy"),
    Interpreter("3.10.14", "/g", "pypy"),
)
HERE = Environment("here", "python", "3.11.7", (Package("betfairlightweight", "2.23.0"), Package("flumine", "3.3.2")))


def test_newer_pythons_are_listed_once_and_the_newest_pypy() -> None:
    assert available.list_pythons("3.11.7", INSTALLED) == ("python==3.13", "pypy==3.10")
    assert available.list_pythons("3.13.0", INSTALLED[:4]) == ()


def test_newer_releases_are_listed_and_those_that_are_installed_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    releases = {"betfairlightweight": ("2.23.0", "2.24.0"), "flumine": ("3.3.1", "3.3.2")}
    monkeypatch.setattr(package_index, "list_releases", releases.__getitem__)
    assert available.list_available(HERE, {"releases"}, print) == ("betfairlightweight==2.24.0",)


def test_index_that_does_not_answer_is_reported_and_nothing_else_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> tuple[str, ...]:
        raise EnvironmentProblem("the package index cannot be reached")

    lines: list[str] = []
    monkeypatch.setattr(package_index, "list_releases", fail)
    monkeypatch.setattr(interpreters, "find_all_builds", lambda: INSTALLED[:3])
    words = available.list_available(HERE, {"releases", "python_versions"}, lines.append)
    assert words == ("python==3.13",)
    assert lines == ["newer releases are not tried: the package index cannot be reached"]


def test_nothing_is_looked_for_without_the_levers_that_need_it() -> None:
    assert available.list_available(HERE, {"inplay"}, print) == ()
