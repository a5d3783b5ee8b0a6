"""The GitHub action, run step by step as a runner would: scripts, outputs, summary, annotations, artifact, comment.

The comment goes to a mock of GitHub's API over HTTP (``support.github_api``); the events have the form that GitHub documents.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.action_runner import ACTION, Done, Job, path_of_this_python
from support.checkouts import checkout
from support.command_line import HERE, SCENARIOS, perfbench
from support.github_api import FakeGitHub, serve_github
from support.releases import commit, git

ROOT = HERE.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
offline = pytest.mark.skipif("PERFBENCH_OFFLINE" in os.environ, reason="PERFBENCH_OFFLINE is set")

BODY = """
AMOUNT = 100
OUTPUT = ["tick"] * 100

def seconds():
    return 1.0
"""
REAL = f'exec "{sys.executable}" -m perfbench "$@"'
PASSED = """printf '%s\\n' '<!-- perfbench -->' '### perfbench gate passed: 1 case' '' '| a | b |' > "$REPORTS/comment.md" """
REGRESSED = PASSED.replace("passed", "failed") + "\nexit 3"
CRASHED = "echo no such scenario >&2\nexit 2"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("action")
    checkout(folder / "base", "1.0", BODY)
    checkout(folder / "same", "2.0", BODY)
    checkout(folder / "slower", "3.0", BODY.replace("1.0", "1.05"))
    return folder


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as served:
        yield served


def judged(workshop: Path, folder: Path, *, project: Path | None = None, job: Job | None = None, **inputs: str) -> Done:
    """A gate in the folder of the workshop, unless another is the checkout of the job."""
    job = job or Job(folder)
    job.environment = {"PERFBENCH_CACHE": str(workshop / "cache")}
    job.install(REAL)
    asked = {"scenario": str(SCENARIOS / "ticks_gated.py"), "mode": "plain", **inputs}
    return job.use(project or workshop, **asked)


def stubbed(job: Job, command: str, **inputs: str) -> Done:
    """A gate whose perfbench only ends as this command does: for what is around it."""
    job.install(command)
    return job.use(job.folder, **inputs)


# What the gate says ---------------------------------------------------------------------------------------------------


def test_unchanged_code_passes_and_the_run_is_saved(workshop: Path, tmp_path: Path) -> None:
    done = judged(workshop, tmp_path, before="./base", after="./same")
    assert done.code == 0, done.printed
    assert (done.outputs["exit-code"], done.outputs["verdict"]) == ("0", "passed")
    assert Path(done.outputs["run"]).is_file()
    assert "unchanged" in done.summary


def test_a_regression_is_commented_and_the_comment_updated_when_it_is_mended(
    workshop: Path, tmp_path: Path, github: FakeGitHub
) -> None:
    job = Job(tmp_path, "pull_request", api=github.url)
    done = judged(workshop, tmp_path, job=job, before="./base", after="./slower")
    assert done.code == 3, done.printed
    assert (done.outputs["exit-code"], done.outputs["verdict"]) == ("3", "regressed")
    assert "regressed" in done.summary
    assert "::error" in done.printed
    (upload,) = done.uploads
    assert {"annotations.txt", "comment.md", "gate-7-1.json", "junit.xml", "summary.md"} <= set(upload.files)
    (posted,) = github.bodies(7)
    assert posted.startswith(
        "<!-- perfbench: ci,gate -->\n<!-- run 7.1 -->\n### perfbench gate failed: 1 case, 1 regressed\n"
    )
    assert "<details>" in posted

    again = Job(tmp_path, "pull_request", api=github.url, run_id=8)
    assert judged(workshop, tmp_path, job=again, before="./base", after="./same").code == 0
    (updated,) = github.bodies(7)
    assert "### perfbench gate passed: 1 case\n" in updated
    assert "<!-- run 8.1 -->" in updated
    assert "regressed" not in updated


def test_a_threshold_and_several_modes_reach_the_gate(workshop: Path, tmp_path: Path) -> None:
    modes = "plain\ndouble\n"
    done = judged(workshop, tmp_path, before="./base", after="./slower", threshold="9%", mode=modes)
    assert (done.code, done.outputs["verdict"]) == (0, "passed")
    assert "double" in done.summary


def test_environment_that_cannot_be_built_is_not_measured(workshop: Path, tmp_path: Path) -> None:
    done = judged(workshop, tmp_path, before="./base", after="./nothing-here")
    assert (done.code, done.outputs["verdict"]) == (5, "not-measured")


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
    done = judged(workshop, tmp_path, project=project, scenario="", mode="")
    assert (done.code, done.outputs["verdict"]) == (3, "regressed"), done.summary  # the checkout is checked by default
    with (project / "perfbench.toml").open("a") as configuration:
        configuration.write('threshold = "9%"\n')
    assert judged(workshop, tmp_path, project=project, scenario="", mode="").code == 0


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
        done = judged(workshop, tmp_path, project=project, baseline=baseline, max_time="1")
        assert (done.code, done.outputs["verdict"]) == (3, "regressed")
        assert f"{baseline} → ." in done.summary
    assert sorted(path.name for path in (project / "results").iterdir()) == ["base.json"]


def test_the_step_that_measures_runs_by_hand_with_the_perfbench_of_the_path(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "perfbench"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "asked for $*"\n: > "$REPORTS/summary.md"\nexit 3\n')
    program.chmod(0o755)
    (script,) = [step["run"] for step in ACTION["runs"]["steps"] if step.get("id") == "gate"]
    inputs = ("BEFORE", "BASELINE", "AFTER", "SCENARIO", "MODE", "DATA", "THRESHOLD", "MAX_TIME", "BUDGET")
    given = dict.fromkeys(inputs, "") | {"BASELINE": "base", "FAIL_ON_INCONCLUSIVE": "false"}
    runner = {"RUNNER_TEMP": str(tmp_path / "runner"), "GITHUB_RUN_ID": "1", "GITHUB_RUN_ATTEMPT": "1"}
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    path = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=given | runner | files | path,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("asked for gate --baseline base --save gate-1-1 --results ")
    assert "verdict=regressed" in (tmp_path / "GITHUB_OUTPUT").read_text()


# The comment ----------------------------------------------------------------------------------------------------------


def test_a_push_posts_nothing(tmp_path: Path, github: FakeGitHub) -> None:
    done = stubbed(Job(tmp_path, "push", api=github.url), PASSED)
    assert (done.code, github.requests) == (0, [])
    assert "no comment: this run is not of a pull request" in done.printed


def test_a_comment_asked_for_in_an_issue_comment_goes_to_its_pull_request(tmp_path: Path, github: FakeGitHub) -> None:
    assert stubbed(Job(tmp_path, "issue_comment", api=github.url), PASSED).code == 0
    assert len(github.bodies(7)) == 1


def test_a_pull_request_from_a_fork_gets_no_comment_but_a_line_in_the_summary(
    tmp_path: Path, github: FakeGitHub
) -> None:
    done = stubbed(Job(tmp_path, "pull_request_from_fork", api=github.url, token="read"), REGRESSED)
    assert (done.code, done.outputs["verdict"]) == (3, "regressed")
    assert github.comments == {}
    assert (
        "::notice title=perfbench::no comment on pull request 8 (HTTP status 403: Resource not accessible"
        in done.printed
    )
    assert "which pull requests from forks do not get" in done.summary
    assert done.outcomes["Comment on the pull request"] == "success"


def test_verdict_stays_where_there_is_no_token(tmp_path: Path) -> None:
    done = stubbed(Job(tmp_path, "pull_request"), PASSED, token="")
    assert (done.code, done.outputs["verdict"]) == (0, "passed")
    assert "no comment on pull request 7 (there is no token)" in done.summary


def test_comments_can_be_turned_off(tmp_path: Path, github: FakeGitHub) -> None:
    done = stubbed(Job(tmp_path, "pull_request", api=github.url), PASSED, comment="false")
    assert (done.code, github.requests) == (0, [])
    assert done.outcomes["Comment on the pull request"] == "skipped"


def test_jobs_of_a_matrix_have_comments_and_artifacts_of_their_own(tmp_path: Path, github: FakeGitHub) -> None:
    uploads = []
    for run_id in (7, 8):
        for python in ("3.12", "3.13"):
            matrix = {"python": python, "os": "ubuntu-24.04"}
            job = Job(tmp_path, "pull_request", matrix, github.url, run_id=run_id)
            uploads += stubbed(job, PASSED if run_id == 7 else REGRESSED).uploads
    assert [upload.name for upload in uploads[:2]] == [
        "perfbench-gate,os=ubuntu-24.04,python=3.12",
        "perfbench-gate,os=ubuntu-24.04,python=3.13",
    ]
    bodies = github.bodies(7)
    assert [body.splitlines()[0] for body in bodies] == [
        "<!-- perfbench: ci,gate,os=ubuntu-24.04,python=3.12 -->",
        "<!-- perfbench: ci,gate,os=ubuntu-24.04,python=3.13 -->",
    ]
    assert all("gate failed" in body and "<!-- run 8.1 -->" in body for body in bodies)


def test_a_second_gate_of_a_job_and_a_second_attempt_do_not_collide(tmp_path: Path, github: FakeGitHub) -> None:
    job = Job(tmp_path, "pull_request", api=github.url)
    first, second = stubbed(job, PASSED), stubbed(job, CRASHED)
    again = stubbed(Job(tmp_path, "pull_request", api=github.url, attempt=2), PASSED)
    names = [done.uploads[0].name for done in (first, second, again)]
    assert names == ["perfbench-gate", "perfbench-gate,2", "perfbench-gate,attempt-2"]
    assert second.uploads[0].files == ()
    assert [body.splitlines()[:2] for body in github.bodies(7)] == [
        ["<!-- perfbench: ci,gate -->", "<!-- run 7.2 -->"],
        ["<!-- perfbench: ci,gate,2 -->", "<!-- run 7.1 -->"],
    ]


def test_a_gate_without_a_report_replaces_the_verdict_of_an_earlier_commit(tmp_path: Path, github: FakeGitHub) -> None:
    stubbed(Job(tmp_path, "pull_request", api=github.url), PASSED)
    done = stubbed(Job(tmp_path, "pull_request", api=github.url, run_id=8), CRASHED)
    assert done.code == 2
    (body,) = github.bodies(7)
    assert "### perfbench gate: not-measured\n\nIt ended with exit code 2 and without a report" in body
    assert "gate passed" not in body


def test_an_earlier_run_that_ends_later_leaves_the_comment_of_the_later_one(tmp_path: Path, github: FakeGitHub) -> None:
    stubbed(Job(tmp_path, "pull_request", api=github.url, run_id=10), REGRESSED)
    done = stubbed(Job(tmp_path, "pull_request", api=github.url, run_id=9), PASSED)
    assert "the comment is of a later run, 10: left as it is" in done.printed
    (body,) = github.bodies(7)
    assert "gate failed" in body


def test_only_a_comment_of_its_own_is_replaced(tmp_path: Path, github: FakeGitHub) -> None:
    marker = "<!-- perfbench: ci,gate -->"
    written = [f"{marker}\nI wrote this", f"look at this:\n{marker}", "nothing", f"{marker}0"]
    for body, login in zip(written, ("someone", "github-actions[bot]", "me", "github-actions[bot]"), strict=True):
        github.add(7, body, login)
    for token in ("write", "owner"):
        for run_id in (7, 8):
            job = Job(tmp_path, "pull_request", api=github.url, token=token, run_id=run_id)
            assert stubbed(job, PASSED).code == 0
    assert github.bodies(7)[:4] == written
    assert [comment["user"]["login"] for comment in github.comments[7][4:]] == ["github-actions[bot]", "me"]


def test_a_comment_is_found_on_a_later_page(tmp_path: Path, github: FakeGitHub) -> None:
    github.page_size = 2
    stubbed(Job(tmp_path, "pull_request", api=github.url), PASSED)
    own = github.comments[7].pop()
    for number in range(5):
        github.add(7, f"remark {number}", "me")
    github.comments[7].append(own)
    stubbed(Job(tmp_path, "pull_request", api=github.url, run_id=8), REGRESSED)
    assert len(github.bodies(7)) == 6
    assert "gate failed" in github.bodies(7)[-1]


def test_a_fault_that_passes_is_tried_again_and_one_that_stays_changes_no_verdict(
    tmp_path: Path, github: FakeGitHub
) -> None:
    github.faults = [(502, {})]
    assert stubbed(Job(tmp_path, "pull_request", api=github.url), PASSED).code == 0
    assert len(github.bodies(7)) == 1
    github.faults = [(403, {}), (404, {})]  # the question for the login may fail
    done = stubbed(Job(tmp_path, "pull_request", api=github.url, run_id=8), PASSED)
    assert (done.code, done.outputs["verdict"]) == (0, "passed")
    assert "no comment on pull request 7 (HTTP status 404: fault 404)" in done.printed


def test_a_report_of_any_size_is_taken(tmp_path: Path, github: FakeGitHub) -> None:
    rows = 'for number in $(seq 3000); do echo "| row $number | 0123456789 0123456789 |"; done'
    command = f'{{ echo "<!-- perfbench -->"; echo "<details>"; {rows}; echo "</details>"; }} > "$REPORTS/comment.md"'
    done = stubbed(Job(tmp_path, "pull_request", api=github.url), command)
    assert "posted" in done.printed
    (body,) = github.bodies(7)
    assert 60_000 < len(body) <= 65_536
    assert body.count("<details>") == body.count("</details>") == 1
    assert "shortened to the 65,536 characters of a comment" in body
    assert "artifact `perfbench-gate`" in body.splitlines()[-1]


# The job around it ----------------------------------------------------------------------------------------------------


def test_python_path_and_variables_of_the_job_stay_as_they_are(tmp_path: Path) -> None:
    assert stubbed(Job(tmp_path), PASSED).changed == ""
    assert not [step for step in ACTION["runs"]["steps"] if "setup-" in step.get("uses", "")]


def test_an_installation_that_fails_ends_the_job_before_anything_else(tmp_path: Path) -> None:
    job = Job(tmp_path, "pull_request")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\necho no module named venv >&2\nexit 1\n")
    (tmp_path / "bin" / "python3").chmod(0o755)
    job.environment = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = job.use(tmp_path)
    assert done.code == 1
    assert set(done.outcomes.values()) == {"failure", "skipped"}
    assert done.uploads == []


@offline
@pytest.mark.network_heavy
def test_the_action_installs_itself_and_measures(workshop: Path, tmp_path: Path) -> None:
    job = Job(tmp_path)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    job.environment = {"PATH": path_of_this_python()}
    inputs = {"scenario": str(SCENARIOS / "ticks_gated.py"), "mode": "plain", "before": "./base", "after": "./slower"}
    done = job.use(workshop, python_version=python, **inputs)
    assert (done.code, done.outputs["verdict"]) == (3, "regressed"), done.printed
    assert done.changed == ""


def test_no_input_is_pasted_into_a_script() -> None:
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_every_input_is_used_and_every_output_is_made(tmp_path: Path) -> None:
    used = [
        text
        for step in ACTION["runs"]["steps"]
        for text in (*step.get("env", {}).values(), *step.get("with", {}).values(), step.get("if", ""))
    ]
    for name in ACTION["inputs"]:
        assert any(f"inputs.{name}" in text for text in used), name
    assert all(stubbed(Job(tmp_path), PASSED).outputs.values())


# The workflows --------------------------------------------------------------------------------------------------------


def used_actions(path: Path) -> list[tuple[str, str]]:
    """Every ``uses`` of a file with the comment behind it."""
    return re.findall(r"uses: (\S+)(?: # (\S.*))?", path.read_text())


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, ROOT / ".github" / "actions" / "gate" / "action.yml"], ids=lambda p: p.stem
)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    for action, version in used_actions(path):
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version), f"{action}: no version beside the commit"


def test_an_action_is_pinned_to_the_same_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in (ROOT / ".github").rglob("*.yml"):
        for action, _ in used_actions(path):
            pins.setdefault(action.partition("@")[0], set()).add(action)
    assert [sorted(found) for found in pins.values() if len(found) > 1] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_use_inputs_that_the_action_has(path: Path) -> None:
    for job in jobs(path):
        for used in job["steps"]:
            if used.get("uses", "").startswith("./.github/actions/gate"):
                assert used["with"].keys() <= ACTION["inputs"].keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_has_only_the_rights_that_it_names_and_a_limit_of_time(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for job in jobs(path):
        assert job["permissions"]
        assert job["timeout-minutes"]


def jobs(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(path.read_text())["jobs"].values())
