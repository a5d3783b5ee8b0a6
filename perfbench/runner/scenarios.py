"""Find scenario files and have a worker describe them: the host never imports one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perfbench.errors import ScenarioProblem, TrialFailed, UsageProblem
from perfbench.model import METRICS, Environment, Scenario
from perfbench.runner import imported_versions, worker_process
from perfbench.util import paths
from perfbench.util.suggest import suggest_name


def find_scenario_files(folders: Sequence[Path]) -> dict[str, Path]:
    """Scenario files by name, from these folders and the shipped one; a user's file takes precedence over a shipped one.

    Raises UsageProblem for a missing folder.
    """
    files: dict[str, Path] = {}
    for folder in (paths.bundled_folder("scenarios"), *folders):
        if not folder.is_dir():
            raise UsageProblem(f"--scenarios {folder}: no such folder")
        files.update({path.stem: path.resolve() for path in sorted(folder.glob("[!_.]*.py"))})
    return files


def choose_scenarios(names: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """The files of the named scenarios; a name may also be the path of a file. Raises UsageProblem for an unknown one."""
    files = find_scenario_files(folders)
    chosen = []
    for name in names:
        if name.endswith(".py") and Path(name).is_file():
            chosen.append(Path(name).resolve())
        elif name in files:
            chosen.append(files[name])
        else:
            raise UsageProblem(f"no scenario `{name}`{suggest_name(name, files)}")
    return chosen


def find_baseline_mode(name: str, folders: Sequence[Path], environment: Environment) -> str:
    """The baseline mode of a scenario. Raises as ``choose_scenarios`` and ``describe_scenario`` do."""
    (path,) = choose_scenarios([name], folders)
    return describe_scenario(path, environment).baseline.name


def describe_scenario(path: Path, environment: Environment) -> Scenario:
    """The description of a scenario file. Raises ScenarioProblem for a file that a worker cannot load.

    Also raises it where the worker imports another version than the environment has to have.
    """
    try:
        described = worker_process.describe_scenario_file(environment, str(path))
    except TrialFailed as error:
        where = f" in {environment.name}" if environment.recipe else ""
        raise ScenarioProblem(f"cannot load scenario {path.stem}{where}: {error} ({path})") from error
    wrong = imported_versions.find_wrong_import(environment, described.packages)
    if wrong:
        raise ScenarioProblem(f"{environment.name}: {wrong}")
    scenario = described.scenario
    if scenario.metric not in METRICS:
        choices = ", ".join(sorted(METRICS))
        raise ScenarioProblem(
            f"scenario {path.stem}: METRIC = {scenario.metric!r} is not a metric ({path})",
            hint=f"choose one of {choices}",
        )
    return scenario
