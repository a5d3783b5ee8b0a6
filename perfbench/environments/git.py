"""Commits of a checkout, its tracked files, and commits of remote repositories. A git that fails is never an answer."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from perfbench.environments.git_command import (
    NOT_A_REPOSITORY_MESSAGE,
    SHALLOW_HINT,
    build_git_problem,
    find_commit,
    is_in_git,
    is_shallow,
    read_git_output,
    run_git,
)
from perfbench.environments.spec import GitRepository, format_repository
from perfbench.errors import EnvironmentProblem, UsageProblem
from perfbench.model import Checkout

SHORT_HASH_LENGTH = 12


# Commits -----------------------------------------------------------------------------------------------------------------


def list_commits(checkout: Path, first: str, last: str) -> tuple[str, ...]:
    """The full hashes of the first-parent commits from ``first`` to ``last``, both included, oldest first.

    Raises UsageProblem for a folder that is not a git checkout, an unknown commit, and a ``first`` that is not an ancestor of
    ``last`` on its first-parent line; EnvironmentProblem without git and if git fails.
    """
    find_top_folder(checkout)
    start, end = (resolve_commit(checkout, text) for text in (first, last))
    line = read_git_output("rev-list", "--first-parent", end, about=str(checkout), folder=checkout).split()
    if start == end or start not in line:
        raise UsageProblem(
            f"--from {first}: not among the ancestors of --to {last} (first parents)", hint=explain_shallow(checkout)
        )
    return tuple(reversed(line[: line.index(start) + 1]))


def resolve_commit(checkout: Path, text: str) -> str:
    """The full hash of a commit of a checkout. Raises UsageProblem for an unknown one, EnvironmentProblem if git fails."""
    commit = find_commit(checkout, text, str(checkout))
    if not commit:
        raise UsageProblem(f"{text}: {checkout} has no such commit", hint=explain_shallow(checkout))
    return commit


def explain_shallow(folder: Path) -> str:
    """A hint how to get the history of a shallow clone; empty for a checkout with its history, and outside of git."""
    return SHALLOW_HINT if is_in_git(folder) and is_shallow(folder) else ""


def build_commit_spec(checkout: Path, commit: str) -> str:
    """The environment spec of a commit of a checkout, or of a folder in it. Raises as ``locate_commit`` does."""
    return format_repository(locate_commit(checkout, commit))


def locate_folder(repository: GitRepository) -> Path | None:
    """The folder of a checkout on this machine, or in one, whether it exists or not; None for another repository."""
    url = urlsplit(repository.url)
    return Path(url2pathname(url.path)) / repository.subdirectory if url.scheme == "file" else None


def locate_commit(checkout: Path, commit: str, extras: tuple[str, ...] = ()) -> GitRepository:
    """A commit of a checkout, or of a folder in it. Raises UsageProblem outside of git, EnvironmentProblem if git fails."""
    top = find_top_folder(checkout).resolve()
    inside = checkout.resolve().relative_to(top).as_posix()
    return GitRepository(top.as_uri(), commit, "" if inside == "." else inside, extras)


def shorten_commit(commit: str) -> str:
    """The first 12 digits of a commit hash; a version is unchanged."""
    return commit[:SHORT_HASH_LENGTH] if re.fullmatch(r"[0-9a-f]{40,64}", commit) else commit


def read_head(folder: Path) -> tuple[str, bool]:
    """The checked-out commit, empty outside of git and before the first commit; and whether tracked files were modified since.

    Raises EnvironmentProblem if git fails in a checkout.
    """
    if not is_in_git(folder) or not (head := find_commit(folder, "HEAD", str(folder))):
        return "", False
    changes = read_git_output("status", "--porcelain", "--untracked-files=no", about=str(folder), folder=folder)
    return head, bool(changes.strip())


def find_top_folder(folder: Path) -> Path:
    """The top of the checkout around a folder. Raises UsageProblem outside of git, EnvironmentProblem if git fails."""
    result = run_git("rev-parse", "--show-toplevel", folder=folder)
    if not result.code:
        return Path(result.out.removesuffix("\n"))
    if NOT_A_REPOSITORY_MESSAGE in result.err or not is_in_git(folder):
        raise UsageProblem(f"{folder}: not a git checkout")
    raise build_git_problem(str(folder), result)


def list_branch_ancestors(folder: Path, branch: str) -> tuple[str, ...]:
    """The merge base of HEAD and a branch, and its first-parent ancestors, nearest first; none without the branch.

    Raises EnvironmentProblem if git fails.
    """
    if not is_in_git(folder):
        return ()
    about = str(folder)
    tips = [find_commit(folder, revision, about) for revision in ("HEAD", branch)]
    if not all(tips):
        return ()
    base = run_git("merge-base", *tips, folder=folder)
    if base.code == 1:  # the two have no common history
        return ()
    if base.code:
        raise build_git_problem(about, base)
    return tuple(read_git_output("rev-list", "--first-parent", base.out.strip(), about=about, folder=folder).split())


# Checkouts and remote repositories ---------------------------------------------------------------------------------------


def read_checkout(folder: Path) -> Checkout:
    """The commit of a source folder and whether anything in it was modified. Raises EnvironmentProblem."""
    if not is_in_git(folder):
        return Checkout(str(folder), "", dirty=False)
    commit = find_commit(folder, "HEAD", str(folder))
    status = ("status", "--porcelain", "--untracked-files=normal", "--", ".")
    return Checkout(str(folder), commit, dirty=bool(read_git_output(*status, about=str(folder), folder=folder).strip()))


def list_unignored_files(folder: Path) -> list[Path]:
    """Files of the working tree that are tracked or not ignored, relative to the folder. Raises EnvironmentProblem."""
    listing = read_git_output(
        "ls-files", "-z", "--cached", "--others", "--exclude-standard", about=str(folder), folder=folder
    )
    return [Path(name) for name in dict.fromkeys(listing.split("\0")) if name and os.path.lexists(folder / name)]


def identify_history(folder: Path) -> str:
    """What a version that is computed from git depends on, apart from the files: commit, branch and tags of a checkout.

    Raises EnvironmentProblem if git fails.
    """
    head = find_commit(folder, "HEAD", str(folder))
    branch = run_git("symbolic-ref", "--quiet", "HEAD", folder=folder).out.strip()  # nothing if HEAD is detached
    listing = ("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    return f"{head} {branch}\n{read_git_output(*listing, about=str(folder), folder=folder)}"


def clone_history(folder: Path, target: Path) -> Path:
    """Clone the repository of a checkout without the files of this folder, which are to be copied, and return its place there.

    The clone shares the objects. Files outside of the folder are those of HEAD. Raises EnvironmentProblem if git fails.
    """
    top, about = find_top_folder(folder).resolve(), str(folder)
    read_git_output("clone", "--quiet", "--shared", "--no-checkout", "--", str(top), str(target), about=about)
    read_git_output("read-tree", "HEAD", about=about, folder=target)
    inside = target / folder.relative_to(top)
    if inside != target:
        read_git_output("checkout-index", "--all", "--quiet", about=about, folder=target)
        shutil.rmtree(inside, ignore_errors=True)
    return inside


def resolve_remote_commit(url: str, revision: str) -> str:
    """The commit of a branch, a tag or, without a revision, HEAD of a remote repository; empty if only a clone can resolve it.

    Raises EnvironmentProblem, IndexUnreachable for a repository that cannot be reached.
    """
    listing = read_git_output("ls-remote", "--", url, about=f"git+{url}")
    refs = [line.split("\t") for line in listing.splitlines() if "\t" in line]
    commits = {name: commit for commit, name in refs}
    names = [f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}"] if revision else ["HEAD"]
    return next((commits[name] for name in names if name in commits), "")


def clone_repository(url: str, revision: str, folder: Path, about: str) -> str:
    """Clone a repository, check out a revision (empty for the default branch) and return its commit. Raises EnvironmentProblem."""
    read_git_output("clone", "--quiet", "--no-checkout", "--", url, str(folder), about=about)
    commits = (find_commit(folder, name, about) for name in (f"origin/{revision}", revision or "HEAD"))
    commit = next((commit for commit in commits if commit), "")
    if not commit:
        shallow = " in its shallow history" if is_shallow(folder) else ""
        reason = f"no commit `{revision}`{shallow}" if revision else "no commit"
        raise EnvironmentProblem(f"{about}: the repository has {reason}", hint=explain_shallow(folder))
    read_git_output("checkout", "--quiet", "--detach", commit, about=about, folder=folder)
    return commit
