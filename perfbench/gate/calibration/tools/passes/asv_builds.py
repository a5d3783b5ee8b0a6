"""A plugin of asv: environments that are built already, one for each commit.

asv interleaves the rounds of commits that it installs itself, and refuses to interleave in an existing environment. Here to install
a commit is to choose the interpreter that ``sides.json`` names for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asv import util
from asv.environment import Environment


class BuiltEnvironment(Environment):  # type: ignore[misc]
    """The interpreter and the variables of the commit that was chosen last."""

    tool_name = "built"

    def __init__(self, conf: Any, python: str, requirements: dict[str, str], tagged_env_vars: dict[Any, str]) -> None:
        self._python, self._requirements = python, requirements
        self._chosen: str | None = None
        self._sides: dict[str, dict[str, Any]] = json.loads(Path("sides.json").read_text(encoding="utf-8"))
        super().__init__(conf, python, requirements, tagged_env_vars)

    @property
    def installed_commit_hash(self) -> str | None:
        """The commit that was chosen last."""
        return self._chosen

    def check_presence(self) -> bool:
        """There is nothing to create."""
        return True

    def create(self) -> None:
        """There is nothing to create."""

    def install_project(self, conf: Any, repo: Any, commit_hash: str) -> None:  # noqa: ARG002
        """Choose the side of a commit."""
        self._chosen = commit_hash
        self._set_commit_hash(commit_hash)

    def run(self, args: list[str], **kwargs: Any) -> Any:
        """Run the interpreter of the chosen side, with its variables and no others."""
        side = self._sides[self._chosen or next(iter(self._sides))]
        kwargs["env"] = {**self._global_env_vars, **side["variables"]}
        return util.check_output([side["python"], *args], **kwargs)
