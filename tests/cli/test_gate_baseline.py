"""``perfbench gate --baseline``: a saved run sets the standard, but never by its seconds. With real git and real builds."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench

BODY = """
AMOUNT = 100
OUTPUT = ["tick"] * 100

def seconds():
    return 1.0
"""
SLOWER = BODY.replace("1.0", "1.05")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, body: str) -> str:
    (folder / "ticker.py").write_text(body)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "another release", "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the user's own, on the branch ``feature``, with a run of its main branch in the results folder."""
    folder = checkout(tmp_path_factory.mktemp("baseline") / "project", "1.0", BODY)
    git(folder, "init", "-q", "-b", "main")
    (folder / ".gitignore").write_text("results/\ntmp/\ncache/\n")
    shutil.copy(SCENARIOS / "ticks_gated.py", folder / "ticks_gated.py")
    commit(folder, BODY)
    made = ("run", "ticks_gated.py", "--env", ".", "--mode", "plain", "--rounds", "1", "--quiet", "--save", "first")
    done = perfbench(*made, folder=folder)
    assert done.returncode == 0, done.stderr
    git(folder, "checkout", "-qb", "feature")
    return folder


def gated(project: Path, *arguments: object) -> tuple[int, str, str]:
    done = perfbench("gate", "--after", ".", "--quiet", *arguments, folder=project)
    return done.returncode, done.stdout, done.stderr


def kept(project: Path) -> Path:
    """The run of the main branch."""
    return project / "results" / "first.json"


def test_saved_run_records_its_commit(project: Path) -> None:
    document = json.loads(kept(project).read_text())
    assert document["commit"] == git(project, "rev-parse", "main")
    assert document["dirty"] is False


def test_a_branch_stands_for_the_newest_run_below_the_merge_base(project: Path) -> None:
    commit(project, BODY + "# nothing new\n")
    code, table, complaint = gated(project, "--baseline", "main")
    assert code == 0, complaint
    assert "plain" in table
    assert "unchanged" in table


def test_baseline_cases_are_measured_again_and_a_slower_commit_is_a_regression(project: Path) -> None:
    commit(project, SLOWER)
    code, table, _ = gated(project, "--baseline", "main")
    assert code == 3
    assert "+5.0 % ▼" in table
    assert "1.000s → 1.050s" in table


def test_a_baseline_has_a_name_too(project: Path) -> None:
    commit(project, SLOWER)
    shutil.copy(kept(project), project / "results" / "nightly.json")
    assert gated(project, "--baseline", "nightly")[0] == 3


@pytest.fixture
def spoiled(project: Path) -> Path:
    """A copy of the baseline, to be spoiled."""
    path = project / "results" / "spoiled.json"
    shutil.copy(kept(project), path)
    return path


def changed(path: Path, change: object) -> None:
    document = json.loads(path.read_text())
    change(document)  # type: ignore[operator]
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["scenarios"][0].update(sha256="0" * 64), "is not what first was measured with"),
        (lambda d: d.update(finished=False), "cannot serve as a baseline: it is incomplete"),
        (lambda d: d.update(problems=["the disk was full"]), "cannot serve as a baseline: it is incomplete"),
        (lambda d: d["environments"][0]["sources"][0].update(dirty=True), "uncommitted changes"),
        (lambda d: d["environments"][0]["sources"][0].update(commit=""), "outside of git"),
        (lambda d: d["environments"][0]["sources"][0].update(commit="0" * 40), "git"),
        (lambda d: d.update(environments=[]), "its installed packages are unknown"),
        (lambda d: d.update(schema=99), "saved by a newer perfbench"),
        (lambda d: d.update(measurements=[]), "its installed packages are unknown"),
    ],
)
def test_gate_rejects_run_that_cannot_serve_as_baseline(
    project: Path, spoiled: Path, change: object, message: str
) -> None:
    changed(spoiled, change)
    code, table, complaint = gated(project, "--baseline", "spoiled")
    assert (code, table) == (5, "")
    assert message in one_line(complaint)


def test_gate_rejects_damaged_baseline(project: Path, spoiled: Path) -> None:
    spoiled.write_bytes(spoiled.read_bytes()[:-300])
    code, _, complaint = gated(project, "--baseline", "spoiled")
    assert code == 5
    assert "is damaged or cut off" in one_line(complaint)


def test_gate_reports_missing_baseline_and_how_to_create_it(project: Path) -> None:
    code, _, complaint = gated(project, "--baseline", "nobody")
    assert code == 5
    assert "perfbench run --save nobody" in one_line(complaint)


def test_gate_rejects_market_file_that_baseline_did_not_measure(project: Path, market: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "reads.py"
    scenario.write_text(
        "import ticker\nfrom perfbench import Work, mode\n\n"
        "@mode(baseline=True)\ndef plain(market):\n    return Work(1, seconds=ticker.seconds())\n"
    )
    own = tmp_path / "market"
    own.write_bytes(market.read_bytes())
    made = (
        "run",
        scenario,
        "--env",
        ".",
        "--data",
        own,
        "--rounds",
        "2",
        "--quiet",
        "--save",
        f"reads-{tmp_path.name}",
    )
    assert perfbench(*made, folder=project).returncode == 0
    code, table, complaint = gated(project, "--baseline", f"reads-{tmp_path.name}", "--threshold", "10%")
    assert code == 0, table + complaint
    own.write_bytes(market.read_bytes().replace(b'"tv":', b'"tv": '))
    code, _, complaint = gated(project, "--baseline", f"reads-{tmp_path.name}")
    assert code == 5
    assert "market file market is not what reads-" in one_line(complaint)


def test_gate_is_titled_by_its_baseline(project: Path) -> None:
    commit(project, BODY)
    for name, title in (("main", "main → ."), ("first", "first → ."), (str(kept(project)), "first → .")):
        code, table, complaint = gated(project, "--baseline", name, "--save", f"titled-{len(name)}")
        assert code == 0, complaint
        assert title in table
        assert "git+file://" not in table
        shown = perfbench("show", f"titled-{len(name)}", folder=project)
        assert title in shown.stdout


def test_baseline_is_found_where_the_project_saves_its_runs(project: Path, tmp_path: Path) -> None:
    commit(project, SLOWER)
    for name in ("first", "main"):
        code, table, complaint = gated(project, "--baseline", name, "--results", tmp_path / "apart")
        assert code == 3, table + complaint
    code, _, complaint = gated(project, "--baseline", "nobody", "--results", tmp_path / "apart")
    assert code == 5
    assert f"no run of that name in {tmp_path / 'apart'} or results" in one_line(complaint)


def test_baseline_of_a_configured_results_folder_is_found(project: Path, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    shutil.copy(kept(project), tmp_path / "saved" / "stored.json")
    configuration = tmp_path / "perfbench.toml"
    configuration.write_text(f'[gate]\nresults = "{tmp_path / "saved"}"\n')
    given = ("--config", configuration, "gate", "--after", ".", "--quiet", "--results", tmp_path / "apart")
    assert perfbench(*given, "--baseline", "stored", folder=project).returncode in (0, 3)


def test_a_standard_is_named_once(project: Path) -> None:
    for arguments in ((), ("--before", ".", "--baseline", "main")):
        code, _, complaint = gated(project, *arguments)
        assert code == 2
        assert "exactly one of --before SPEC and --baseline RUN" in one_line(complaint)
