"""Calls of the user's own git: commits of a checkout, its tracked files, commits of a remote repository."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from perfbench.environments import process, uv_errors
from perfbench.environments.process import ProcessResult
from perfbench.errors import EnvironmentProblem, UsageProblem
from perfbench.model import Checkout

SHORT_HASH_LENGTH = 12
GIT_VARIABLES = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
"""No lock on the user's index, no question for a password, messages in English."""


def run_git(*arguments: str, folder: Path | None = None) -> ProcessResult:
    """Run a git command, in a checkout if one is given, whatever its exit code. Raises EnvironmentProblem without git."""
    if shutil.which("git") is None:
        raise EnvironmentProblem("git is required, but was not found", hint="install git")
    location = () if folder is None else ("-C", os.path.abspath(folder))
    return process.run_program(["git", *location, *arguments], process.copy_variables() | GIT_VARIABLES)


def read_git_output(*arguments: str, about: str, folder: Path | None = None) -> str:
    """Standard output of a git command. Raises EnvironmentProblem with the reason if it fails.

    :param about: the checkout or repository, as named in the error.
    """
    result = run_git(*arguments, folder=folder)
    if not result.code:
        return result.out
    if any(message in result.err for message in uv_errors.UNREACHABLE_MESSAGES):
        raise uv_errors.IndexUnreachable(f"cannot reach {about}")
    reasons = [line for line in result.err.splitlines() if line.startswith(("fatal:", "error:"))]
    raise EnvironmentProblem(f"{about}: git failed: {(reasons or result.err.splitlines() or ['no reason given'])[0]}")


# Commits -----------------------------------------------------------------------------------------------------------------


def list_commits(checkout: Path, first: str, last: str) -> tuple[str, ...]:
    """The full hashes of the first-parent commits from ``first`` to ``last``, both included, oldest first.

    Raises UsageProblem for a folder that is not a git checkout, an unknown commit, and a ``first`` that is not an ancestor of
    ``last`` on its first-parent line; EnvironmentProblem without git.
    """
    find_top_folder(checkout)
    start, end = (_resolve_commit(checkout, text) for text in (first, last))
    between_them = run_git("rev-list", "--first-parent", "--reverse", f"{start}..{end}", folder=checkout).out.split()
    line = run_git("rev-list", "--first-parent", end, folder=checkout).out.split()
    if start == end or start not in line:
        raise UsageProblem(f"--from {first}: not among the ancestors of --to {last} (first parents)")
    return (start, *between_them)


def _resolve_commit(checkout: Path, text: str) -> str:
    result = run_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}", folder=checkout)
    if result.code != 0:
        raise UsageProblem(f"{text}: {checkout} has no such commit")
    return result.out.strip()


def build_commit_spec(checkout: Path, commit: str) -> str:
    """The environment spec of a commit of a checkout."""
    return f"git+{checkout.resolve().as_uri()}@{commit}"


def shorten_commit(commit: str) -> str:
    """The first 12 digits of a commit hash; a version is unchanged."""
    return commit[:SHORT_HASH_LENGTH] if re.fullmatch(r"[0-9a-f]{40,64}", commit) else commit


def read_head(folder: Path) -> tuple[str, bool]:
    """The checked-out commit, empty outside of git; and whether tracked files were modified since."""
    try:
        head = run_git("rev-parse", "--verify", "--quiet", "HEAD", folder=folder)
    except EnvironmentProblem:
        return "", False
    if head.code != 0:
        return "", False
    changes = run_git("status", "--porcelain", "--untracked-files=no", folder=folder).out
    return head.out.strip(), bool(changes.strip())


def find_top_folder(folder: Path) -> Path:
    """The top of the checkout around a folder. Raises UsageProblem outside of git."""
    result = run_git("rev-parse", "--show-toplevel", folder=folder)
    if result.code != 0:
        raise UsageProblem(f"{folder}: not a git checkout")
    return Path(result.out.strip())


def list_branch_ancestors(folder: Path, branch: str) -> tuple[str, ...]:
    """The merge base of HEAD and a branch, and its first-parent ancestors, nearest first; none without the branch."""
    base = run_git("merge-base", "HEAD", branch, folder=folder)
    if base.code != 0:
        return ()
    return tuple(run_git("rev-list", "--first-parent", base.out.strip(), folder=folder).out.split())


# Checkouts and remote repositories ---------------------------------------------------------------------------------------


def is_in_git(folder: Path) -> bool:
    """Whether git is installed and the folder is in a checkout."""
    return shutil.which("git") is not None and any((parent / ".git").exists() for parent in (folder, *folder.parents))


def read_checkout(folder: Path) -> Checkout:
    """The commit of a source folder and whether anything in it was modified. Raises EnvironmentProblem."""
    if not is_in_git(folder):
        return Checkout(str(folder), "", dirty=False)
    commit = run_git("rev-parse", "--verify", "--quiet", "HEAD", folder=folder).out.strip()
    changes = read_git_output("status", "--porcelain", "--", ".", about=str(folder), folder=folder)
    return Checkout(str(folder), commit, dirty=bool(changes.strip()))


def list_unignored_files(folder: Path) -> list[Path]:
    """Files of the working tree that are tracked or not ignored, relative to the folder. Raises EnvironmentProblem."""
    listing = read_git_output(
        "ls-files", "-z", "--cached", "--others", "--exclude-standard", about=str(folder), folder=folder
    )
    return [Path(name) for name in dict.fromkeys(listing.split("\0")) if name and os.path.lexists(folder / name)]


def resolve_remote_commit(url: str, revision: str) -> str:
    """The commit of a branch, a tag or, without a revision, HEAD of a remote repository; empty if only a clone can resolve it.

    Raises EnvironmentProblem, IndexUnreachable for a repository that cannot be reached.
    """
    listing = read_git_output("ls-remote", url, about=f"git+{url}")
    refs = [line.split("\t") for line in listing.splitlines() if "\t" in line]
    commits = {name: commit for commit, name in refs}
    names = [f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}"] if revision else ["HEAD"]
    return next((commits[name] for name in names if name in commits), "")


def clone_repository(url: str, revision: str, folder: Path, about: str) -> str:
    """Clone a repository, check out a revision (empty for the default branch) and return its commit. Raises EnvironmentProblem."""
    read_git_output("clone", "--quiet", "--no-checkout", url, str(folder), about=about)
    read_git_output("checkout", "--quiet", *filter(None, [revision]), about=about, folder=folder)
    return read_git_output("rev-parse", "HEAD", about=about, folder=folder).strip()
