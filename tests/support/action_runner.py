"""Runs the steps of the composite action as a runner of GitHub does: scripts, outputs, conditions, variables; no container."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.command_line import HERE, variables

ACTION_FOLDER = HERE.parent / ".github" / "actions" / "gate"
ACTION = yaml.safe_load((ACTION_FOLDER / "action.yml").read_text())
EVENTS = HERE / "data" / "github_events"
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
STATUS_FUNCTIONS = ("always()", "cancelled()", "failure()", "success()")


@dataclass
class Uploaded:
    """What the step that uploads would have uploaded."""

    name: str
    files: tuple[str, ...]


@dataclass
class Done:
    """How a job ended: the exit code of its first failing step (0: none), what it printed, and what it left."""

    code: int
    printed: str
    outputs: dict[str, str]
    summary: str
    outcomes: dict[str, str]
    uploads: list[Uploaded]
    changed: str
    """What the action wrote into the files that set variables and PATH of later steps."""


@dataclass
class Job:
    """One job of a workflow; each ``use`` is a step that uses the action.

    :param event: the name of a file of ``data/github_events``.
    :param matrix: the values of this job of a matrix.
    """

    folder: Path
    event: str = "push"
    matrix: Mapping[str, Any] | None = None
    api: str = "http://127.0.0.1:9"
    token: str = "write"
    name: str = "gate"
    run_id: int = 7
    attempt: int = 1
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """RUNNER_TEMP is empty when a job begins."""
        self.temporary = self.folder / "runner-temp"
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(parents=True)
        self.summary = self.folder / "summary"
        self.summary.write_text("")

    def install(self, command: str) -> None:
        """Put a command in the place of an installed perfbench, which the step that installs it leaves alone."""
        for path, text in (
            ("bin/perfbench", command),
            ("venv/bin/python", f'exec "{sys.executable}" "$@"'),
        ):
            file = self.temporary / "perfbench" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)

    def use(self, checkout: Path, **inputs: str) -> Done:
        """Run all steps of the action in the checkout of the job."""
        given = {
            name: self._evaluate(str(about.get("default", "")), {}, {}) for name, about in ACTION["inputs"].items()
        }
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() == ACTION["inputs"].keys()
        steps: dict[str, dict[str, Any]] = {}
        code, printed, uploads = 0, "", list[Uploaded]()
        (self.folder / "changed").write_text("")
        for number, step in enumerate(ACTION["runs"]["steps"]):
            name = step.get("id") or step.get("name") or step["uses"].partition("@")[0]
            here: dict[str, Any] = {"outcome": "skipped", "outputs": {}}
            steps[name] = here
            if not self._wanted(step.get("if", ""), given, steps, failed=bool(code)):
                continue
            values = {key: self._evaluate(text, given, steps) for key, text in step.get("env", {}).items()}
            if "uses" in step:
                wanted = {key: self._evaluate(text, given, steps) for key, text in step["with"].items()}
                root = Path(wanted["path"])
                files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
                uploads.append(Uploaded(wanted["name"], tuple(files)))
                here["outcome"] = "success"
                continue
            assert "${{" not in step["run"]
            ended, here["outputs"] = self._execute(step["run"], values, checkout, number)
            here["outcome"] = "failure" if ended.returncode else "success"
            printed += ended.stdout + ended.stderr
            code = code or ended.returncode
        outputs = {name: self._evaluate(about["value"], given, steps) for name, about in ACTION["outputs"].items()}
        outcomes = {name: str(step["outcome"]) for name, step in steps.items()}
        changed = (self.folder / "changed").read_text()
        return Done(code, printed, outputs, self.summary.read_text(), outcomes, uploads, changed)

    def _execute(
        self, script: str, values: dict[str, str], checkout: Path, number: int
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
        outputs = self.folder / f"outputs-{number}"
        outputs.write_text("")
        environment = {
            **variables(self.folder),
            **self.environment,
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_API_URL": self.api,
            "GITHUB_ENV": str(self.folder / "changed"),
            "GITHUB_EVENT_PATH": str(EVENTS / f"{self.event}.json"),
            "GITHUB_JOB": self.name,
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_PATH": str(self.folder / "changed"),
            "GITHUB_REPOSITORY": "me/my-strategy",
            "GITHUB_RUN_ATTEMPT": str(self.attempt),
            "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKFLOW": "ci",
            **values,
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as a runner calls `shell: bash`
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        lines = outputs.read_text().splitlines()
        return done, dict(line.split("=", 1) for line in lines)

    def _wanted(self, condition: str, given: dict[str, str], steps: dict[str, Any], *, failed: bool) -> bool:
        """Whether a step runs; without a status function only if none failed before it."""
        found = EXPRESSION.fullmatch(condition)
        text = found.group(1) if found else condition
        if failed and not any(function in text for function in STATUS_FUNCTIONS):
            return False
        return all(self._holds(term.strip(), given, steps) for term in text.split("&&")) if text else True

    def _holds(self, term: str, given: dict[str, str], steps: dict[str, Any]) -> bool:
        if term == "!cancelled()":
            return True
        found = re.fullmatch(r"(\S+) == '([^']*)'", term)
        assert found, f"a condition that this runner does not know: {term}"
        return self._look_up(found[1], given, steps) == found[2]

    def _evaluate(self, text: str, given: dict[str, str], steps: dict[str, Any]) -> str:
        return EXPRESSION.sub(lambda found: self._look_up(found.group(1), given, steps), str(text))

    def _look_up(self, expression: str, given: dict[str, str], steps: dict[str, Any]) -> str:
        fixed = {
            "github.action_path": str(ACTION_FOLDER),
            "github.token": self.token,
            "toJSON(matrix)": json.dumps(self.matrix),
        }
        if expression in fixed:
            return fixed[expression]
        if found := re.fullmatch(r"inputs\.([\w-]+)", expression):
            return given[found[1]]
        if found := re.fullmatch(r"steps\.([\w-]+)\.outcome", expression):
            return str(steps[found[1]]["outcome"])
        found = re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+)", expression)
        assert found, f"an expression that this runner does not know: {expression}"
        return str(steps[found[1]]["outputs"].get(found[2], ""))


def path_of_this_python() -> str:
    """PATH with the interpreter of the tests first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
