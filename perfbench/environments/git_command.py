"""The one place that runs git: the user's own, with variables and settings that cannot change any repository of the user."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from perfbench.environments import process, uv_errors
from perfbench.environments.process import ProcessResult
from perfbench.environments.variables import copy_variables
from perfbench.errors import EnvironmentProblem
from perfbench.util.activity import doing
from perfbench.util.formatting import make_printable

GIT_VARIABLES = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "",
}
"""No lock on the user's index, no question for a password, messages in English."""

GIT_SETTINGS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
"""No hook of the user runs in a clone, no daemon is started in a checkout."""

SHALLOW_HINT = "fetch the history: git fetch --unshallow (actions/checkout: fetch-depth: 0)"

NOT_A_REPOSITORY_MESSAGE = "not a git repository (or any"
OWNER_PATTERN = re.compile(r"git config --global --add safe\.directory (\S.*)")


def run_git(*arguments: str, folder: Path | None = None) -> ProcessResult:
    """Run a git command, in a checkout if one is given, whatever its exit code. Raises EnvironmentProblem without git."""
    if shutil.which("git") is None:
        raise EnvironmentProblem("git is required, but was not found", hint="install git")
    location = () if folder is None else ("-C", os.path.abspath(folder))
    command = ["git", *GIT_SETTINGS, *location, *arguments]
    with doing(f"git {arguments[0]}"):
        return process.run_program(command, copy_variables() | GIT_VARIABLES, undecodable="surrogateescape")


def read_git_output(*arguments: str, about: str, folder: Path | None = None) -> str:
    """Standard output of a git command. Raises EnvironmentProblem with git's reason and a remedy if it fails.

    :param about: the checkout or repository, as named in the error.
    """
    result = run_git(*arguments, folder=folder)
    if result.code:
        raise build_git_problem(about, result)
    return result.out


def build_git_problem(about: str, result: ProcessResult) -> EnvironmentProblem:
    """The error of a git command that failed; IndexUnreachable for a repository that cannot be reached."""
    if any(message in result.err for message in uv_errors.UNREACHABLE_MESSAGES):
        return uv_errors.IndexUnreachable(f"cannot reach {about}")
    lines = [line for line in result.err.splitlines() if line.strip()]
    reasons = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    reason = reasons[0] if reasons else f"no reason given, exit code {result.code}"
    return EnvironmentProblem(f"{about}: git failed: {make_printable(reason)}", hint=_find_remedy(result.err))


def _find_remedy(errors: str) -> str:
    if match := OWNER_PATTERN.search(errors):
        return f"if you trust this repository: git config --global --add safe.directory {make_printable(match[1])}"
    return ""


def is_in_git(folder: Path) -> bool:
    """Whether git is installed and the folder is in a checkout."""
    absolute = Path(os.path.abspath(folder))
    return shutil.which("git") is not None and any(
        (parent / ".git").exists() for parent in (absolute, *absolute.parents)
    )


def find_commit(folder: Path, revision: str, about: str) -> str:
    """The commit of a revision; empty if there is none. Raises EnvironmentProblem if git fails."""
    result = run_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", folder=folder)
    if result.code not in (0, 1):
        raise build_git_problem(about, result)
    return result.out.strip() if not result.code else ""


def is_shallow(folder: Path) -> bool:
    """Whether a folder is in a clone without its whole history. Raises EnvironmentProblem if git fails."""
    answer = read_git_output("rev-parse", "--is-shallow-repository", about=str(folder), folder=folder)
    return answer.strip() == "true"
