"""Which releases and commits there are: a package index of files, asked through the real pip, and real git checkouts."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from support.releases import VERSIONS, checkout, commit, git, index, publish  # noqa: F401 - fixtures

from perfbench.environments import package_index
from perfbench.environments.git import build_commit_spec, list_commits, shorten_commit
from perfbench.errors import EnvironmentProblem, PerfbenchError, UsageProblem


def one_line(problem: pytest.ExceptionInfo[PerfbenchError]) -> str:
    text = str(problem.value)
    assert "\n" not in text
    return text


# The index ----------------------------------------------------------------------------------------------------------


def test_all_final_releases_are_found_in_the_order_of_versions_and_not_of_letters(index: Path) -> None:
    assert package_index.list_releases("horses") == VERSIONS


def test_a_release_for_another_python_is_there_too(index: Path) -> None:
    publish(index, "old-horses", "1.0", attributes='data-requires-python="&lt;3"')
    assert package_index.list_releases("old-horses") == ("1.0",)


def test_settings_of_pip_about_what_to_install_do_not_hide_releases(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_ONLY_BINARY": ":all:", "PIP_PRE": "1", "PIP_REQUIRE_VIRTUALENV": "1"}.items():
        monkeypatch.setenv(name, value)
    assert package_index.list_releases("horses") == VERSIONS


def test_an_older_pip_that_has_no_json_is_read_by_its_text(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message and the code are those of pip 23.1."""
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--json*) echo >&2 "no such option: --json"; exit 2;; esac\n'
        f'exec "{sys.executable}" "$@"\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(python))
    assert package_index.list_releases("horses") == VERSIONS


def test_a_package_that_is_not_there_is_one_line(index: Path) -> None:
    with pytest.raises(UsageProblem) as problem:
        package_index.list_releases("hoses")
    assert one_line(problem) == "hoses: the package index has no such package"


@pytest.mark.parametrize("name", ["--help", "horses==2.0", "https://example.org", "", "two words"])
def test_invalid_name_never_reaches_pip(index: Path, name: str) -> None:
    with pytest.raises(UsageProblem, match="not the name of a package"):
        package_index.list_releases(name)


def test_unreachable_index_is_reported_in_one_line(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nobody listens
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(EnvironmentProblem) as problem:
        package_index.list_releases("horses")
    assert one_line(problem).startswith("horses: the package index cannot be reached")


def test_half_an_answer_is_not_taken_for_a_whole_one(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of wheels still answers when the index does not: a sweep over its releases would skip the others silently."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "horses-2.10.0.tar.gz").touch()
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(EnvironmentProblem, match="the package index cannot be reached"):
        package_index.list_releases("horses")


# A range ------------------------------------------------------------------------------------------------------------


def test_a_range_holds_both_ends_and_all_between() -> None:
    assert package_index.select_releases(VERSIONS, "2.10.1", "2.12.0") == (
        "2.10.1",
        "2.10.2",
        "2.11.0",
        "2.11.2",
        "2.12.0",
    )


def test_every_minor_is_the_last_of_each_series_and_both_ends() -> None:
    assert package_index.select_releases(VERSIONS, "2.10.0", "2.12.0", "minor") == (
        "2.10.0",
        "2.10.2",
        "2.11.2",
        "2.12.0",
    )
    assert package_index.select_releases(VERSIONS, "1.9.1", "3.0.0", "minor") == (
        "1.9.1",
        "2.9.2",
        "2.10.2",
        "2.11.2",
        "2.12.1",
        "3.0.0",
    )


def test_a_version_may_be_written_shorter() -> None:
    assert package_index.select_releases(VERSIONS, "2.10", "2.10.2") == ("2.10.0", "2.10.1", "2.10.2")


@pytest.mark.parametrize(
    ("first", "last", "line"),
    [
        ("2.10.7", "3", "--from 2.10.7: no such release; there are 2.10.0, 2.10.1, 2.10.2"),
        ("2.10.0", "2.13.0", "--to 2.13.0: no such release; did you mean `2.12.1`?"),
        ("newest", "3", "--from newest: not a version"),
        ("2.12.0", "2.10.0", "--from 2.12.0 must be older than --to 2.10.0"),
        ("2.12.0", "2.12.0", "--from 2.12.0 must be older than --to 2.12.0"),
    ],
)
def test_a_range_that_is_none_is_one_line(first: str, last: str, line: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        package_index.select_releases(VERSIONS, first, last)
    assert one_line(problem) == line


# Commits ------------------------------------------------------------------------------------------------------------


def test_commits_are_those_of_the_first_parents_with_the_first_one(checkout: Path) -> None:
    main = [commit(checkout, "one"), commit(checkout, "two")]
    git(checkout, "switch", "--quiet", "-c", "side")
    side = commit(checkout, "aside")
    git(checkout, "switch", "--quiet", "main")
    main.append(commit(checkout, "three"))
    git(checkout, "merge", "--quiet", "--no-ff", "-m", "merge", "side")
    main.append(git(checkout, "rev-parse", "HEAD"))
    git(checkout, "tag", "v1", main[1])
    assert list_commits(checkout, "v1", "main") == tuple(main[1:])
    assert list_commits(checkout, main[0][:10], "HEAD") == tuple(main)
    with pytest.raises(UsageProblem) as problem:
        list_commits(checkout, side, "main")
    assert one_line(problem) == f"--from {side}: not among the ancestors of --to main (first parents)"


def test_commits_that_are_not_there_or_in_no_order_are_one_line(checkout: Path, tmp_path: Path) -> None:
    commit(checkout, "one")
    commit(checkout, "two")
    for first, last, line in (
        ("nonsense", "main", f"nonsense: {checkout} has no such commit"),
        ("--all", "main", f"--all: {checkout} has no such commit"),
        ("main", "main~1", "--from main: not among the ancestors of --to main~1 (first parents)"),
        ("main", "main", "--from main: not among the ancestors of --to main (first parents)"),
    ):
        with pytest.raises(UsageProblem) as problem:
            list_commits(checkout, first, last)
        assert one_line(problem) == line
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageProblem) as problem:
            list_commits(folder, "a", "b")
        assert one_line(problem) == f"{folder}: not a git checkout"


def test_list_of_commits_without_git_is_refused_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem) as problem:
        list_commits(tmp_path, "a", "b")
    assert one_line(problem) == "git is required, but was not found"


def test_the_spec_of_a_commit_is_a_git_address_that_bears_any_path(checkout: Path) -> None:
    found = commit(checkout, "one")
    assert build_commit_spec(checkout, found) == f"git+file://{checkout.parent}/my%20checkout@{found}"
    assert shorten_commit(found) == found[:12]
    assert shorten_commit("2.10.0") == "2.10.0"
