"""Git is called on the repository that is given, never on the one of a hook around perfbench."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.releases import commit, git

from perfbench.environments import git as user_git
from perfbench.environments import uv
from perfbench.errors import EnvironmentProblem


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "pyproject.toml").write_text("")
    git(folder, "add", ".")
    commit(folder, "first")
    return folder


@pytest.fixture
def hook(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository whose hook runs perfbench: git sets these variables for it."""
    folder = tmp_path / "hooked"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "staged").write_text("staged\n")
    git(folder, "add", "staged")
    monkeypatch.setenv("GIT_DIR", str(folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(folder / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(folder))
    monkeypatch.setenv("GIT_PREFIX", "")
    return folder


def test_checkout_is_read_and_not_the_repository_of_the_hook(source: Path, hook: Path) -> None:
    commit, dirty = user_git.read_head(source)
    assert (len(commit), dirty) == (40, False)
    assert user_git.read_checkout(source).commit == commit
    assert user_git.find_top_folder(source) == source
    assert user_git.list_unignored_files(source) == [Path("pyproject.toml")]
    assert user_git.read_head(hook) == ("", False)


def test_clone_is_complete_and_leaves_the_index_of_the_hook_unchanged(hook: Path, source: Path, tmp_path: Path) -> None:
    before = (hook / ".git" / "index").read_bytes()
    head = user_git.resolve_remote_commit(source.as_uri(), "")
    assert user_git.clone_repository(source.as_uri(), "", tmp_path / "clone", "the source") == head
    assert head == user_git.read_head(source)[0] != ""
    assert (tmp_path / "clone" / "pyproject.toml").is_file()
    assert (hook / ".git" / "index").read_bytes() == before


def test_variables_of_a_hook_do_not_reach_the_builds_of_uv(hook: Path) -> None:
    variables = uv.build_variables(0)
    assert (hook / ".git").is_dir()
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"} & variables.keys()


def test_failure_of_git_names_the_repository_and_the_reason(tmp_path: Path) -> None:
    with pytest.raises(
        EnvironmentProblem, match=r"^my repository: git failed: fatal: .*not appear to be a git repository"
    ):
        user_git.read_git_output("ls-remote", str(tmp_path / "none.git"), about="my repository")
