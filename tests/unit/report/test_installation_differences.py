"""A warning about installations names what differs beside the compared packages, and what a user can do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import runs

from perfbench.model import Environment, Package
from perfbench.report.text import describe_installation_differences

HERE = Environment("here", "", "3.11.7", (Package("engine", "2.0"), Package("orjson", "3.11")))


def describe(recipes: tuple[str, str], orjson: tuple[str, str]) -> list[str]:
    """The warnings about ``engine==1.0`` beside ``here`` or ``engine==2.0``, which import these versions of orjson."""
    other = "engine==2.0" if recipes[1] else "here"
    places = (
        Environment("engine==1.0", "", "3.11.7", demanded=(("engine", "1.0"),), recipe=recipes[0]),
        replace(HERE, name=other, recipe=recipes[1]),
    )
    group = []
    for place, engine, version in zip(places, ("1.0", "2.0"), orjson, strict=True):
        packages = (Package("engine", engine), Package("orjson", version))
        made = runs.measurement("plain", [1.0])
        group.append(replace(made, case=replace(made.case, environment=place.name), packages=packages))
    return list(describe_installation_differences(group, replace(runs.run(group), environments=places)))


def test_environment_here_with_the_same_dependencies_is_no_reason_for_a_warning() -> None:
    assert describe(("pins", ""), ("3.11", "3.11")) == []


def test_environment_here_with_other_dependencies_comes_with_what_to_write_instead() -> None:
    assert describe(("pins", ""), ("3.10", "3.11")) == [
        "here also has other versions of dependencies: orjson 3.10 → 3.11; "
        "to compare engine alone, write engine==2.0 instead of here"
    ]


@pytest.mark.parametrize("orjson", [("3.11", "3.11"), ("3.10", "3.11")])
def test_dependencies_of_two_releases_by_one_recipe_belong_to_them(orjson: tuple[str, str]) -> None:
    assert describe(("pins", "pins"), orjson) == []


def test_different_recipes_are_named_for_each_side() -> None:
    (line,) = describe(("newest dependencies", "pins"), ("3.11", "3.11"))
    assert "different recipes (engine==1.0: newest dependencies, engine==2.0: pins)" in line
