"""Git is called on the repository that is given, never on the one of a hook around perfbench."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.releases import commit, git

from perfbench.environments import git as user_git
from perfbench.environments import git_command, uv
from perfbench.errors import EnvironmentProblem, UsageProblem


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
        git_command.read_git_output("ls-remote", str(tmp_path / "none.git"), about="my repository")


# A git that fails is no answer -------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own configuration of git, empty at first."""
    path = tmp_path / "gitconfig"
    path.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return path


@pytest.fixture
def foreign(source: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of another owner; git only pretends it, since a test cannot give files away (t/t0033-safe-directory.sh)."""
    program = source.parent / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec "{shutil.which("git")}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return source


@pytest.mark.parametrize(
    "call",
    [
        user_git.read_head,
        user_git.read_checkout,
        user_git.find_top_folder,
        user_git.list_unignored_files,
        lambda folder: user_git.list_branch_ancestors(folder, "main"),
        lambda folder: user_git.list_commits(folder, "HEAD~1", "HEAD"),
        user_git.identify_history,
    ],
)
def test_repository_of_another_owner_is_refused_with_the_reason_and_the_remedy(
    foreign: Path, settings: Path, call: Callable[[Path], object]
) -> None:
    with pytest.raises(EnvironmentProblem, match="git failed: fatal: detected dubious ownership") as caught:
        call(foreign)
    remedy = caught.value.hint.removeprefix("if you trust this repository: ")
    assert remedy == f"git config --global --add safe.directory {foreign}"
    subprocess.run(remedy.split(), check=True)
    assert user_git.read_head(foreign) != ("", False)


def test_folder_outside_of_git_has_no_commit_and_is_no_failure(tmp_path: Path) -> None:
    assert user_git.read_head(tmp_path) == ("", False)
    assert user_git.read_checkout(tmp_path).commit == ""
    assert user_git.list_branch_ancestors(tmp_path, "main") == ()
    with pytest.raises(UsageProblem, match="not a git checkout"):
        user_git.find_top_folder(tmp_path)


def test_damaged_repository_is_a_failure(source: Path) -> None:
    (source / ".git" / "HEAD").write_text("rubbish\n")
    with pytest.raises(EnvironmentProblem, match="git failed: fatal: "):
        user_git.read_head(source)


def test_repository_without_a_commit_is_read(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert user_git.read_head(tmp_path) == ("", False)
    assert user_git.list_branch_ancestors(tmp_path, "main") == ()


@pytest.fixture
def shallow(source: Path, tmp_path: Path) -> Path:
    """A clone with one of two commits, as actions/checkout makes it."""
    commit(source, "second")
    git(tmp_path, "clone", "--quiet", "--depth", "1", source.as_uri(), str(tmp_path / "shallow"))
    return tmp_path / "shallow"


def test_missing_commit_of_a_shallow_clone_comes_with_the_remedy(shallow: Path, source: Path, tmp_path: Path) -> None:
    first = git(source, "rev-parse", "HEAD~1")
    with pytest.raises(UsageProblem, match="has no such commit") as missing:
        user_git.list_commits(shallow, first, "HEAD")
    with pytest.raises(EnvironmentProblem, match=rf"no commit `{first}` in its shallow history") as uncloned:
        user_git.clone_repository(shallow.as_uri(), first, tmp_path / "clone", "the clone")
    for problem in (missing.value, uncloned.value):
        assert "git fetch --unshallow (actions/checkout: fetch-depth: 0)" in problem.hint
    assert user_git.explain_shallow(source) == ""


def test_missing_commit_of_a_whole_clone_has_no_remedy(source: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"the repository has no commit `nowhere`$") as caught:
        user_git.clone_repository(source.as_uri(), "nowhere", tmp_path / "clone", "the source")
    assert caught.value.hint == ""


def test_hooks_and_settings_of_the_user_do_not_act_on_a_clone(source: Path, settings: Path, tmp_path: Path) -> None:
    hook = tmp_path / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    settings.write_text(f"[core]\n\thooksPath = {hook.parent}\n[status]\n\tshowUntrackedFiles = no\n")
    user_git.clone_repository(source.as_uri(), "", tmp_path / "clone", "the source")
    assert not (tmp_path / "ran").exists()
    (source / "untracked").touch()
    assert user_git.read_checkout(source).dirty


def test_worktree_is_read_by_its_own_commit(source: Path, tmp_path: Path) -> None:
    first = git(source, "rev-parse", "HEAD")
    git(source, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), first)
    commit(source, "second")
    assert user_git.read_head(tmp_path / "tree") == (first, False)
    assert user_git.clone_repository((tmp_path / "tree").as_uri(), "", tmp_path / "clone", "the tree") == first
    assert user_git.clone_history(tmp_path / "tree", tmp_path / "history") == tmp_path / "history"
    assert git(tmp_path / "history", "rev-parse", "HEAD") == first
