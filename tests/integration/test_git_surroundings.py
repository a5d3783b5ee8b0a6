"""A gate where git puts perfbench: in a hook, a worktree, a shallow clone, a repository of another owner.

The result is right, or one line has git's reason and a remedy; the repository is afterwards what it was before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench, variables
from support.releases import commit, git

BODY = """
AMOUNT = 100
OUTPUT = ["tick"] * 100

def seconds():
    return 1.0
"""
SLOWER = BODY.replace("1.0", "1.05")
GATE = ("--mode", "plain", "--max-time", "1", "--quiet")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a cache that the tests of this file share."""
    return {"PERFBENCH_CACHE": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture
def project(tmp_path: Path, cache: dict[str, str]) -> Path:
    """A project with its scenario and a run of its branch ``main`` in git; on ``feature`` a slower version is committed."""
    folder = checkout(tmp_path / "project", "1.0", BODY)
    shutil.copy(SCENARIOS / "ticks_gated.py", folder / "ticks_gated.py")
    (folder / ".gitignore").write_text("results/\ntmp/\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    commit(folder, "first")
    made = ("run", "ticks_gated.py", "--env", ".", "--mode", "plain", "--rounds", "1", "--quiet", "--save", "base")
    done = perfbench(*made, folder=folder, env=cache)
    assert done.returncode == 0, done.stderr
    git(folder, "switch", "--quiet", "--create", "feature")
    (folder / "ticker.py").write_text(SLOWER)
    git(folder, "add", ".")
    commit(folder, "slower")
    return folder


def describe(folder: Path) -> tuple[str, bytes, str]:
    """What ``git status`` prints, the index, and the files of a checkout."""
    index = Path(git(folder, "rev-parse", "--path-format=absolute", "--git-path", "index")).read_bytes()
    files = sorted(str(path) for path in folder.rglob("*") if not {".git", "results", "tmp"} & set(path.parts))
    # Without optional locks: the question itself must not refresh the index.
    status = git(folder, "--no-optional-locks", "status", "--porcelain", "--untracked-files=all")
    return status, index, "\n".join(files)


def gated(folder: Path, *arguments: object, env: dict[str, str]) -> tuple[int, str, str]:
    """A gate in a folder, which must be afterwards what it was before."""
    (folder / "tmp").mkdir(exist_ok=True)
    before = describe(folder)
    done = perfbench("gate", "--after", ".", *GATE, *arguments, folder=folder, env=env)
    assert describe(folder) == before
    return done.returncode, done.stdout, done.stderr


def test_gate_in_a_checkout_with_staged_work_leaves_it_unchanged(project: Path, cache: dict[str, str]) -> None:
    (project / "ticker.py").write_text(BODY)
    git(project, "add", ".")
    (project / "own_backend.py").write_text((project / "own_backend.py").read_text() + "\n")
    code, table, complaint = gated(project, "--scenario", "ticks_gated.py", "--before", ".", env=cache)
    assert code == 0, complaint
    assert "unchanged" in table


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the hook is a shell script")
def test_gate_in_a_pre_commit_hook_checks_what_is_committed(
    project: Path, cache: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "perfbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m perfbench "$@"\n')
    (tmp_path / "perfbench").chmod(0o755)
    hook = project / ".git" / "hooks" / "pre-commit"
    before = f"git+{project.as_uri()}@HEAD~1"
    gate = f"perfbench gate --before '{before}' --after . --scenario ticks_gated.py {' '.join(GATE)}"
    hook.write_text(f"#!/bin/sh\nenv | grep ^GIT_ > {tmp_path}/variables\n{gate}\n")
    hook.chmod(0o755)
    environment = {**variables(project, **cache)}
    environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")

    def try_commit(body: str) -> subprocess.CompletedProcess[str]:
        (project / "ticker.py").write_text(body)
        git(project, "add", ".")
        command = ["git", *identity, "commit", "--message", "another"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    head, staged = git(project, "rev-parse", "HEAD"), SLOWER + "# staged\n"
    refused = try_commit(staged)
    assert "GIT_INDEX_FILE" in (tmp_path / "variables").read_text()
    assert refused.returncode == 1, refused.stderr
    assert "regressed" in refused.stdout + refused.stderr
    assert git(project, "rev-parse", "HEAD") == head
    assert git(project, "show", ":ticker.py") == staged.strip()
    assert git(project, "status", "--porcelain") == "M  ticker.py"
    passed = try_commit(BODY)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert git(project, "show", "--format=", "--name-only", "HEAD") == "ticker.py"
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.slow
def test_gate_in_a_worktree_measures_its_own_commit(project: Path, cache: dict[str, str], tmp_path: Path) -> None:
    git(project, "worktree", "add", "--quiet", str(tmp_path / "tree"), "main")
    tree = tmp_path / "tree"
    (tree / "ticker.py").write_text(SLOWER)
    for baseline in ("main", "base"):
        arguments = ("--baseline", baseline, "--results", project / "results", "--save", f"tree-{baseline}")
        code, table, complaint = gated(tree, *arguments, env=cache)
        assert code == 3, complaint
        assert f"{baseline} → ." in table


def test_gate_in_a_shallow_clone_says_that_the_history_is_missing(
    project: Path, cache: dict[str, str], tmp_path: Path
) -> None:
    options = ("clone", "--quiet", "--depth", "1", "--no-single-branch", "--branch", "feature")
    git(tmp_path, *options, project.as_uri(), "shallow")
    shallow, results = tmp_path / "shallow", ("--results", project / "results")
    first = git(project, "rev-parse", "main")
    git(project, "branch", "--force", "main", "feature")
    for arguments in (
        ("--baseline", "origin/main", *results),
        ("--before", f"git+{shallow.as_uri()}@{first[:9]}", "--scenario", "ticks_gated.py"),
    ):
        code, table, complaint = gated(shallow, *arguments, env=cache)
        assert (code, table) == (5, "")
        assert "shallow" in complaint
        assert "hint: fetch the history: git fetch --unshallow (actions/checkout: fetch-depth: 0)" in complaint
    git(shallow, "fetch", "--quiet", "--unshallow")
    assert gated(shallow, "--baseline", "base", *results, "--save", "whole", env=cache)[0] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="git is wrapped by a shell script")
def test_gate_in_a_repository_of_another_owner_gives_the_reason_and_the_remedy(
    project: Path, cache: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "git"
    program.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec "{shutil.which("git")}" "$@"\n')
    program.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.touch()
    env = {
        **cache,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": str(settings),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    for arguments in (("--baseline", "main"), ("--before", ".", "--scenario", "ticks_gated.py")):
        code, table, complaint = gated(project, *arguments, env=env)
        assert (code, table) == (5, "")
        assert "git failed: fatal: detected dubious ownership" in one_line(complaint)
        assert f"git config --global --add safe.directory {project}" in complaint
    settings.write_text("[safe]\n\tdirectory = *\n")  # perfbench's clones seem to be of another owner, too
    assert gated(project, "--baseline", "main", env=env)[0] == 3


def test_sweep_of_a_shallow_clone_says_that_the_history_is_missing(
    project: Path, cache: dict[str, str], tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", project.as_uri(), "shallow")
    swept = ("sweep", "./shallow", "--from", "HEAD~1", "--to", "HEAD", "--scenario", "ticks_gated.py")
    done = perfbench(*swept, folder=tmp_path, env=cache)
    assert done.returncode == 2
    assert "HEAD~1: shallow has no such commit" in one_line(done.stderr)
    assert "git fetch --unshallow" in done.stderr
