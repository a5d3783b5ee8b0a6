"""The commits of a checkout, by the user's own git: those between two, those below a branch, and where the work stands now."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from perfbench.errors import EnvironmentProblem, UsageProblem

SHORT_HASH_LENGTH = 12


def list_commits(checkout: Path, first: str, last: str) -> tuple[str, ...]:
    """The full hashes of the first-parent commits from ``first`` to ``last``, both included, oldest first.

    Raises UsageProblem for a folder that is no git checkout, a commit that it does not have, and a ``first`` that is not an
    ancestor of ``last`` on its first-parent line; EnvironmentProblem if there is no git.
    """
    find_top_folder(checkout)
    start, end = (_resolve_commit(checkout, text) for text in (first, last))
    between_them = run_git(checkout, "rev-list", "--first-parent", "--reverse", f"{start}..{end}").stdout.split()
    line = run_git(checkout, "rev-list", "--first-parent", end).stdout.split()
    if start == end or start not in line:
        raise UsageProblem(f"--from {first}: not among the ancestors of --to {last} (first parents)")
    return (start, *between_them)


def _resolve_commit(checkout: Path, text: str) -> str:
    found = run_git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    if found.returncode != 0:
        raise UsageProblem(f"{text}: {checkout} has no such commit")
    return found.stdout.strip()


def run_git(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(checkout), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        raise EnvironmentProblem(f"{checkout}: git is not installed, and it is what lists commits") from None


def build_commit_spec(checkout: Path, commit: str) -> str:
    """The environment spec of a commit of a checkout."""
    return f"git+{checkout.resolve().as_uri()}@{commit}"


def shorten_commit(commit: str) -> str:
    """As much of a hash as one needs to name a commit; a version stays as it is."""
    return commit[:SHORT_HASH_LENGTH] if re.fullmatch(r"[0-9a-f]{40,64}", commit) else commit


def read_head(folder: Path) -> tuple[str, bool]:
    """The commit that is checked out, empty outside of git; and whether files that git knows were changed since."""
    try:
        found = run_git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    except EnvironmentProblem:
        return "", False
    if found.returncode != 0:
        return "", False
    changed = run_git(folder, "status", "--porcelain", "--untracked-files=no").stdout
    return found.stdout.strip(), bool(changed.strip())


def find_top_folder(folder: Path) -> Path:
    """The top of the checkout that a folder lies in. Raises UsageProblem outside of git."""
    found = run_git(folder, "rev-parse", "--show-toplevel")
    if found.returncode != 0:
        raise UsageProblem(f"{folder}: not a git checkout")
    return Path(found.stdout.strip())


def list_branch_ancestors(folder: Path, branch: str) -> tuple[str, ...]:
    """The merge base of HEAD and a branch, and its first-parent ancestors, nearest first; none without the branch."""
    base = run_git(folder, "merge-base", "HEAD", branch)
    if base.returncode != 0:
        return ()
    return tuple(run_git(folder, "rev-list", "--first-parent", base.stdout.strip()).stdout.split())
