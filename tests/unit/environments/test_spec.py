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
    assert parse_spec(" here ", {}).is_here


def test_a_python_alone_is_an_environment_without_packages() -> None:
    assert parse_spec("python==3.12", {}).parts == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "an environment spec is empty"),
        ("==2.12.0", "`==2.12.0` is not a valid environment spec"),
        ("betfairlightweight==", "`betfairlightweight==` is not a valid environment spec"),
        ("betfair light;weight", "is not a valid environment spec"),
        ("here flumine", "`here`, the interpreter that runs perfbench, cannot be combined"),
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
