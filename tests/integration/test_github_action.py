"""The GitHub action, run step by step as a runner would: its script, its outputs, its summary, its annotations."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.checkouts import checkout
from support.command_line import HERE, SCENARIOS, perfbench, variables
from support.releases import commit, git

ROOT = HERE.parent
ACTION = yaml.safe_load((ROOT / ".github" / "actions" / "gate" / "action.yml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

BODY = """
AMOUNT = 100
OUTPUT = ["tick"] * 100

def seconds():
    return 1.0
"""


def step(name: str) -> dict[str, Any]:
    (found,) = [step for step in ACTION["runs"]["steps"] if step.get("name") == name]
    return dict(found)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("action")
    checkout(folder / "base", "1.0", BODY)
    checkout(folder / "same", "2.0", BODY)
    checkout(folder / "slower", "3.0", BODY.replace("1.0", "1.05"))
    commands = folder / "bin"
    commands.mkdir()
    (commands / "perfbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m perfbench "$@"\n')
    (commands / "perfbench").chmod(0o755)
    return folder


def judged(
    workshop: Path, folder: Path, *, folder_of_project: Path | None = None, **inputs: str
) -> tuple[int, str, dict[str, str], str]:
    """The exit code of the step, what it printed, its outputs, and the summary of the job.

    It is called in the folder of the workshop, unless another is the checkout of the job.
    """
    shutil.rmtree(folder / "perfbench-reports", ignore_errors=True)
    asked = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()}
    asked |= {"scenario": str(SCENARIOS / "ticks_gated.py"), "mode": "plain"}
    asked |= {name.replace("_", "-"): value for name, value in inputs.items()}
    measure = step("Measure and judge")
    given = {name: text[len("${{ inputs.") : -len(" }}")] for name, text in measure["env"].items()}
    outputs, summary = folder / "outputs", folder / "summary"
    summary.touch()
    environment = {
        **variables(workshop),
        "PATH": f"{workshop / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "1",
        **{name: asked[input_] for name, input_ in given.items()},
    }
    command = [
        "bash",
        "--noprofile",
        "--norc",
        "-eo",
        "pipefail",
        "-c",
        measure["run"],
    ]  # as a runner calls `shell: bash`
    done = subprocess.run(
        command, cwd=folder_of_project or workshop, env=environment, capture_output=True, text=True, check=False
    )
    said = dict(line.split("=", 1) for line in outputs.read_text().splitlines()) if outputs.exists() else {}
    return done.returncode, done.stdout, said, summary.read_text()


def test_unchanged_code_passes_and_the_run_is_saved(workshop: Path, tmp_path: Path) -> None:
    code, _, outputs, summary = judged(workshop, tmp_path, before="./base", after="./same")
    assert code == 0
    assert (outputs["exit-code"], outputs["verdict"]) == ("0", "passed")
    assert Path(outputs["run"]).is_file()
    assert "unchanged" in summary


def test_a_regression_fails_the_job_with_summary_annotation_comment_and_report(workshop: Path, tmp_path: Path) -> None:
    code, printed, outputs, summary = judged(workshop, tmp_path, before="./base", after="./slower")
    assert code == 3
    assert (outputs["exit-code"], outputs["verdict"]) == ("3", "regressed")
    assert "regressed" in summary
    assert "::error" in printed
    assert Path(outputs["comment"]).read_text().startswith("<!-- perfbench -->")
    assert (tmp_path / "perfbench-reports" / "junit.xml").is_file()


def test_a_threshold_and_several_modes_reach_the_gate(workshop: Path, tmp_path: Path) -> None:
    modes = "plain\ndouble\n"
    code, _, outputs, summary = judged(
        workshop, tmp_path, before="./base", after="./slower", threshold="9%", mode=modes
    )
    assert (code, outputs["verdict"]) == (0, "passed")
    assert "double" in summary


def test_environment_that_cannot_be_built_is_not_measured(workshop: Path, tmp_path: Path) -> None:
    code, _, outputs, _ = judged(workshop, tmp_path, before="./base", after="./nothing-here")
    assert code == 5
    assert outputs["verdict"] == "not-measured"


@pytest.fixture
def project(workshop: Path, tmp_path: Path) -> Path:
    """A project in git that configures its gate, and the same package made slower by 5 %."""
    folder = tmp_path / "project"
    shutil.copytree(workshop / "slower", folder)
    shutil.copytree(workshop / "base", folder / "base")
    scenario = str(SCENARIOS / "ticks_gated.py")
    (folder / "perfbench.toml").write_text(
        f'[gate]\nbefore = "./base"\nmode = "plain"\nscenario = "{scenario}"\nmax-time = 1\n'
    )
    return folder


def test_configuration_of_the_project_decides_what_no_input_says(workshop: Path, project: Path, tmp_path: Path) -> None:
    unset = {"scenario": "", "mode": ""}
    code, _, outputs, summary = judged(workshop, tmp_path, folder_of_project=project, **unset)
    assert (code, outputs["verdict"]) == (3, "regressed"), summary  # the checkout is checked by default
    with (project / "perfbench.toml").open("a") as configuration:
        configuration.write('threshold = "9%"\n')
    assert judged(workshop, tmp_path, folder_of_project=project, **unset)[0] == 0


def test_baseline_of_the_checkout_is_found(workshop: Path, tmp_path: Path) -> None:
    project = checkout(tmp_path / "project", "1.0", BODY)
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "add", ".")
    commit(project, "first")
    measured = ("run", SCENARIOS / "ticks_gated.py", "--env", ".", "--mode", "plain", "--rounds", "1", "--save", "base")
    environment = {"PERFBENCH_CACHE": str(workshop / "cache")}
    assert perfbench(*measured, folder=project, env=environment).returncode == 0
    (project / "ticker.py").write_text(BODY.replace("1.0", "1.05"))
    for baseline in ("base", "main"):
        given = {"baseline": baseline, "max_time": "1"}
        code, _, outputs, summary = judged(workshop, tmp_path, folder_of_project=project, **given)
        assert (code, outputs["verdict"]) == (3, "regressed")
        assert f"{baseline} → ." in summary
    assert sorted(path.name for path in (project / "results").iterdir()) == ["base.json"]


def test_no_input_is_pasted_into_a_script() -> None:
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_every_input_is_used_and_every_output_is_made() -> None:
    used = {
        text
        for step in ACTION["runs"]["steps"]
        for text in (*step.get("env", {}).values(), *step.get("with", {}).values())
    }
    for name in ACTION["inputs"]:
        assert f"${{{{ inputs.{name} }}}}" in used, name
    script = step("Measure and judge")["run"]
    for name in ACTION["outputs"]:
        assert f'echo "{name}=' in script, name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_use_inputs_that_the_action_has(path: Path) -> None:
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for used in job["steps"]:
            if used.get("uses", "").startswith("./.github/actions/gate"):
                assert used["with"].keys() <= ACTION["inputs"].keys()
