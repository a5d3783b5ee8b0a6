"""Words of levers become environments in which everything else keeps its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.advise.environment_words import build_request, list_slots, select_mentioned
from perfbench.environments import host
from perfbench.errors import UsageProblem
from perfbench.model import Environment, Package

BUILT = Environment(
    "flumine==3.3.2", "python", "3.11.7", (Package("flumine", "3.3.2"), Package("betfairlightweight", "2.24.0"))
)
HERE = Environment("here", "python", "3.11.7", (Package("betfairlightweight", "2.24.0"),))


@pytest.mark.parametrize(
    ("words", "slots"),
    [
        ("", {}),
        ("python==3.13", {"python": "3.13"}),
        ("env:PYTHON_JIT=1 -O", {"env:PYTHON_JIT": "1", "-O": "-O"}),
        ("betfairlightweight[speed]", {"betfairlightweight": "betfairlightweight[speed]"}),
    ],
)
def test_slots_of_words_name_what_they_decide(words: str, slots: dict[str, str]) -> None:
    assert list_slots(words) == slots


def test_words_that_are_no_part_of_a_spec_are_refused() -> None:
    with pytest.raises(UsageProblem):
        list_slots("env:PATH=/tmp")


def test_no_words_keep_the_environment_with_its_needs() -> None:
    request = build_request("flumine==3.3.2", BUILT, ["", " "], ["pandas"], [], {})
    assert (request.spec, request.needs) == ("flumine==3.3.2", ("pandas",))


def test_package_with_an_extra_keeps_the_version_of_the_environment() -> None:
    request = build_request("flumine==3.3.2", BUILT, ["betfairlightweight[speed]"], [], [], {})
    assert set(request.spec.split()) == {"flumine==3.3.2", "betfairlightweight[speed]==2.24.0"}


def test_words_of_several_levers_stand_in_one_spec() -> None:
    request = build_request("flumine==3.3.2 python==3.11", BUILT, ["python==3.13", "env:PYTHON_JIT=1 -O"], [], [], {})
    assert set(request.spec.split()) == {"flumine==3.3.2", "python==3.13", "-O", "env:PYTHON_JIT=1"}


def test_variables_and_flags_keep_the_interpreter_that_is_here() -> None:
    request = build_request("here", HERE, ["env:PYTHONMALLOC=malloc"], [], [Package("numpy", "2.0.0")], {})
    assert (request.spec, request.needs) == ("here env:PYTHONMALLOC=malloc", ())


def test_environment_built_like_here_also_has_what_the_program_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "pin_packages", lambda: {"betfairlightweight": "betfairlightweight==2.24.0"})
    imported = [Package("betfairlightweight", "2.24.0"), Package("numpy", "2.0.0"), Package("betfair_perfbench", "1")]
    request = build_request("here", HERE, ["python==3.13"], ["pandas"], imported, {})
    assert (request.spec, request.needs) == ("here python==3.13", ("pandas", "numpy==2.0.0"))


def test_packages_that_libraries_import_are_not_needed_by_the_program(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("import numpy as np\nimport helper\n")
    (tmp_path / "helper.py").write_text("from PIL import Image\n")
    prefix = "{prefix}/lib/python3.11/site-packages/"
    packages = [
        Package("numpy", "2.0.0", f"{prefix}numpy/__init__.py"),
        Package("pillow", "11.0.0", f"{prefix}PIL/__init__.py"),
        Package("boto3", "1.43.0", f"{prefix}boto3/__init__.py"),
        Package("six", "1.16.0", "/elsewhere/six.py"),
    ]
    assert [package.name for package in select_mentioned(packages, f"{program}:run")] == ["numpy", "pillow"]


def test_configured_name_stands_for_its_spec() -> None:
    request = build_request("old", BUILT, ["-O"], [], [], {"old": "flumine==3.3.2"})
    assert set(request.spec.split()) == {"flumine==3.3.2", "-O"}
