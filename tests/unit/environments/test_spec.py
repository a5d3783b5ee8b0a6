"""What a user may write about an environment, and how it is understood."""

from __future__ import annotations

import pytest

from perfbench.environments.spec import (
    GitRepository,
    LocalCheckout,
    ModeNeed,
    PackageRequirement,
    parse_need,
    parse_spec,
)
from perfbench.errors import UsageProblem


def test_a_release_with_an_extra_and_a_python() -> None:
    spec = parse_spec("betfairlightweight[speed]==2.24.0 python==3.12", {})
    assert spec.parts == (
        PackageRequirement("betfairlightweight[speed]==2.24.0", "betfairlightweight", ("speed",), "2.24.0"),
    )
    assert spec.python == "3.12"
    assert spec.is_pinned


@pytest.mark.parametrize("text", ["flumine", "flumine>=3", "flumine==3.*", "flumine==3.3.2 betfairlightweight"])
def test_a_spec_that_leaves_a_version_open_is_not_pinned(text: str) -> None:
    assert not parse_spec(text, {}).is_pinned


@pytest.mark.parametrize(
    "text", ["betfairlightweight == 2.12.0  flumine>= 1,<2", "  betfairlightweight ==2.12.0 flumine >=1 , <2 "]
)
def test_spaces_around_operators_do_not_matter(text: str) -> None:
    assert [release.name for release in parse_spec(text, {}).releases] == ["betfairlightweight", "flumine"]
    assert parse_spec(text, {}).releases[0].pin == "2.12.0"


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        (".", LocalCheckout(".", ())),
        (".[speed]", LocalCheckout(".", ("speed",))),
        ("../betfairlightweight", LocalCheckout("../betfairlightweight", ())),
        ("~/src/flumine[a,b]", LocalCheckout("~/src/flumine", ("a", "b"))),
        ("/src/flumine-3", LocalCheckout("/src/flumine-3", ())),
    ],
)
def test_spec_with_a_separator_or_a_leading_dot_is_a_checkout(text: str, folder: LocalCheckout) -> None:
    assert parse_spec(f"{text} python==3.11.7", {}).parts == (folder,)


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("git+https://host/a/b.git", GitRepository("https://host/a/b.git", "", "", ())),
        ("git+https://host/a/b@v1.0", GitRepository("https://host/a/b", "v1.0", "", ())),
        ("git+ssh://git@host/a/b@feature/x", GitRepository("ssh://git@host/a/b", "feature/x", "", ())),
        ("git+ssh://git@host/a/b", GitRepository("ssh://git@host/a/b", "", "", ())),
        ("git+file:///a/b@0123abc#subdirectory=c", GitRepository("file:///a/b", "0123abc", "c", ())),
        ("flumine[x] @ git+https://host/a/b@main", GitRepository("https://host/a/b", "main", "", ("x",))),
    ],
)
def test_a_git_url_with_its_revision(text: str, repository: GitRepository) -> None:
    assert parse_spec(text, {}).parts == (repository,)


def test_a_configured_name_stands_for_its_spec() -> None:
    spec = parse_spec("old", {"old": "betfairlightweight==2.11.2 python==3.8"})
    assert (spec.releases[0].pin, spec.python) == ("2.11.2", "3.8")


def test_here_is_the_interpreter_that_runs_perfbench() -> None:
    assert parse_spec(" here ", {}).is_host


def test_here_with_variables_and_flags_is_the_same_interpreter() -> None:
    spec = parse_spec("here -O env:PYTHONMALLOC=malloc -X frozen_modules=off env:COLOUR=blue", {})
    assert spec.is_host
    assert spec.settings.flags == ("-O", "-Xfrozen_modules=off")
    assert spec.settings.variables == (("COLOUR", "blue"), ("PYTHONMALLOC", "malloc"))
    assert spec.without_settings == parse_spec("here", {})


def test_value_of_a_variable_may_look_like_a_path_or_a_version() -> None:
    spec = parse_spec("flumine==3.3.2 env:LD_PRELOAD=/usr/lib/libmimalloc.so env:RANGE=>=1,<2", {})
    assert spec.settings.variables == (("LD_PRELOAD", "/usr/lib/libmimalloc.so"), ("RANGE", ">=1,<2"))
    assert [release.name for release in spec.releases] == ["flumine"]


@pytest.mark.parametrize("text", ["here flumine==3.2.0", "here python==3.13", "here ./checkout"])
def test_here_with_another_package_or_python_is_built(text: str) -> None:
    spec = parse_spec(text, {})
    assert spec.is_here
    assert not spec.is_host


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("python==3.12", "3.12"),
        ("python == 3.12.*", "3.12"),
        ("python==3.14t", "3.14t"),
        ("pypy==3.10", "pypy3.10"),
        ("python==pypy3.10", "pypy3.10"),
        ("python==pypy-3.10.14", "pypy3.10.14"),
        ("Python==3.13T", "3.13t"),
    ],
)
def test_python_may_be_free_threaded_or_pypy(text: str, python: str) -> None:
    assert parse_spec(f"flumine {text}", {}).python == python


def test_settings_behind_a_configured_name_are_added_to_its_spec() -> None:
    spec = parse_spec("old -O", {"old": "betfairlightweight==2.11.2 env:COLOUR=blue"})
    assert (spec.releases[0].pin, spec.settings.words) == ("2.11.2", ("-O", "env:COLOUR=blue"))


def test_a_python_alone_is_an_environment_without_packages() -> None:
    assert parse_spec("python==3.12", {}).parts == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "an environment spec is empty"),
        ("==2.12.0", "`==2.12.0` is not a valid environment spec"),
        ("betfairlightweight==", "`betfairlightweight==` is not a valid environment spec"),
        ("betfair light;weight", "is not a valid environment spec"),
        ("here here", "`here` stands twice"),
        ("-O", "`-O` is not a valid environment spec: no environment"),
        ("here -E", "`-E`: it cannot be measured"),
        ("here -R", "`-R`: every pass has its own hash seed"),
        ("here -O -OO", "a flag is given twice"),
        ("here -X", "`-X ` is not an option"),
        ("here -X importtime", "`-X importtime` cannot be measured"),
        ("here -X gil=0 -X gil=1", "a flag is given twice"),
        ("here env:PATH=/tmp", "PATH is decided by perfbench"),
        ("here env:PYTHONHASHSEED=1", "PYTHONHASHSEED is decided by perfbench"),
        ("here env:PERFBENCH_CACHE=/tmp", "PERFBENCH_CACHE is decided by perfbench"),
        ("here env:COLOUR", "`env:COLOUR` sets no variable"),
        ("here env:COLOUR=", "`env:COLOUR=` sets no variable"),
        ("here env:2=1", "`env:2=1` sets no variable"),
        ("here env:A=1 env:A=2", "A is set twice"),
        ("python==3.13d", "`python==3.13d` is a debug build"),
        ("python==3.13td", "`python==3.13td` is a debug build"),
        ("pypy==3.10t", "`pypy==3.10t` is not a Python version"),
        ("pypy>=3.10", "`pypy>=3.10` is not a Python version"),
        ("python==3.12 pypy==3.10", "has more than one Python version"),
        ("flumine python==3.8 python==3.9", "has more than one Python version"),
        ("flumine python>=3.8", "` is not a Python version"),
        ("flumine python==3", "` is not a Python version"),
        ("git+https:/host", "is not a git URL"),
        ("a @ https://host/a.whl", "neither name==version, a path nor a git URL"),
    ],
)
def test_invalid_spec_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        parse_spec(text, {})
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_need_may_come_without_its_dependencies() -> None:
    assert parse_need("flumine --no-deps") == ModeNeed(PackageRequirement("flumine", "flumine", (), ""), alone=True)
    assert parse_need("betfair-data==0.3.4") == ModeNeed(
        PackageRequirement("betfair-data==0.3.4", "betfair-data", (), "0.3.4"), alone=False
    )
