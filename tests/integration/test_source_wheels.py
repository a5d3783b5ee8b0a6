"""Wheels of checkouts: versions that come from git, settings of the build, special and large files, clear reasons."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import one_line, perfbench
from support.releases import commit, git

from perfbench.environments import cache, provide
from perfbench.environments.provide import EnvironmentRequest
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment

DESCRIBE = """
def describe():
    import os, subprocess, sys
    done = subprocess.run(["git", "describe", "--tags", "--dirty=+dirty"], capture_output=True, text=True)
    if done.returncode:
        sys.exit("LookupError: setuptools-scm was unable to detect version for " + os.getcwd())
    text, plus, dirty = done.stdout.strip().removeprefix("v").partition("+")
    return text.replace("-", ".post", 1).partition("-")[0] + plus + dirty


VERSION = os.environ.get("SETUPTOOLS_SCM_PRETEND_VERSION") or describe()
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / "cache"))
    yield
    for key in list(cache._shared_locks):
        cache.release_shared_lock(key)


def make_project(folder: Path) -> Path:
    """A project whose backend takes the version from git, as setuptools-scm does."""
    made = checkout(folder, "1.0", "AMOUNT = 1")
    backend = (made / "own_backend.py").read_text()
    backend = backend.replace("import pathlib", "import os\nimport pathlib")
    backend = backend.replace("NAME, VERSION = 'ticker', '1.0'", f"NAME = 'ticker'\n{DESCRIBE}")
    (made / "own_backend.py").write_text(backend)
    project = (made / "pyproject.toml").read_text().replace('version = "1.0"', 'dynamic = ["version"]')
    (made / "pyproject.toml").write_text(project + "\n[tool.setuptools_scm]\n")
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project in git, at tag v1.2.0."""
    folder = make_project(tmp_path / "project")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    commit(folder, "first")
    git(folder, "tag", "v1.2.0")
    return folder


def build(spec: object, lines: list[str] | None = None) -> Environment:
    observe = print if lines is None else lines.append
    (answer,) = provide.provide_environments([EnvironmentRequest(str(spec))], {}, observe)
    assert isinstance(answer, Environment), answer
    return answer


def version(spec: object) -> str:
    return next(package.version for package in build(spec).packages if package.name == "ticker")


def test_version_from_git_is_that_of_the_checkout_now(project: Path) -> None:
    assert version(project) == "1.2.0"
    git(project, "tag", "v1.3.0")
    git(project, "tag", "--delete", "v1.2.0")
    assert version(project) == "1.3.0", "the same files with another tag"
    commit(project, "second")
    assert version(project) == "1.3.0.post1"
    (project / "ticker.py").write_text("AMOUNT = 2\n")
    assert version(project) == "1.3.0.post1+dirty"
    assert not (project / ".git" / "worktrees").exists()


def test_version_from_git_of_a_project_in_a_folder_of_a_repository(tmp_path: Path) -> None:
    top = tmp_path / "repository"
    folder = make_project(top / "packages" / "ticker")
    (top / "README").write_text("of the repository\n")
    git(top, "init", "--quiet")
    git(top, "add", ".")
    commit(top, "first")
    git(top, "tag", "v2.0")
    assert version(folder) == "2.0", "nothing outside of the folder seems to be modified"


def test_version_from_git_without_git_comes_with_the_remedy_and_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_project(tmp_path / "plain")
    (answer,) = provide.provide_environments([EnvironmentRequest(str(folder))], {}, print)
    assert isinstance(answer, EnvironmentProblem)
    assert "unable to detect version" in answer.cause
    assert "git+file://…@COMMIT, or set SETUPTOOLS_SCM_PRETEND_VERSION" in answer.hint
    for wanted in ("4.0", "5.0"):
        monkeypatch.setenv("SETUPTOOLS_SCM_PRETEND_VERSION", wanted)
        assert version(folder) == wanted, "the setting is part of what is built"


def test_folders_that_git_tracks_are_part_of_the_digest_whatever_their_name(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "project", "1.0", "AMOUNT = 1")
    (folder / "env").mkdir()
    (folder / "env" / "settings.py").write_text("A = 1\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    commit(folder, "first")
    first, again = build(folder), list[str]()
    build(folder, again)
    assert not again, "nothing is built a second time"
    (folder / "env" / "settings.py").write_text("A = 2\n")
    assert build(folder).python != first.python


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_pipe_in_a_folder_outside_of_git_does_not_hold_up_the_build(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "plain", "1.0", "AMOUNT = 1")
    os.mkfifo(folder / "pipe")
    assert version(folder) == "1.0"


def test_large_file_in_a_checkout_is_named(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "plain", "1.0", "AMOUNT = 1")
    with (folder / "data.tar").open("wb") as file:
        file.truncate(101_000_000)
    lines: list[str] = []
    build(folder, lines)
    assert any(f"{folder}: copying 101.0 MB in 4 files, the largest is data.tar (101.0 MB)" in line for line in lines)


def test_building_in_a_relative_cache_folder_works_from_anywhere(tmp_path: Path) -> None:
    checkout(tmp_path / "plain", "1.0", "AMOUNT = 1")
    done = perfbench("environments", "./plain", folder=tmp_path, env={"PERFBENCH_CACHE": "near"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "near" / "environments").is_dir()


def test_disk_that_is_full_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkout(tmp_path / "plain", "1.0", "AMOUNT = 1")

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", fail)
    (answer,) = provide.provide_environments([EnvironmentRequest(str(folder))], {}, print)
    assert isinstance(answer, EnvironmentProblem)
    assert answer.lines == (
        f"cannot copy {folder}: No space left on device",
        "hint: free some space or choose another folder (TMPDIR)",
    )
    assert one_line("\n".join(answer.lines))
