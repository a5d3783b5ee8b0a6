"""Find scenario files, and ask a worker what is in them: the host never imports one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from perfbench.errors import ScenarioProblem, TrialFailed, UsageProblem
from perfbench.model import METRICS, Better, Change, Claim, Environment, Metric, Mode, Owner, Parameter, Scenario
from perfbench.runner import imported_versions, worker_process
from perfbench.util import paths
from perfbench.util.suggest import suggest_name
from perfbench.worker.protocol import DescribedScenario


def find_scenario_files(folders: Sequence[Path]) -> dict[str, Path]:
    """Scenario files by name, from these folders and the shipped one; a file of the user wins over a shipped one.

    Raises UsageProblem for a folder that is not there.
    """
    found: dict[str, Path] = {}
    for folder in (paths.bundled_folder("scenarios"), *folders):
        if not folder.is_dir():
            raise UsageProblem(f"--scenarios {folder}: no such folder")
        found.update({path.stem: path.resolve() for path in sorted(folder.glob("[!_.]*.py"))})
    return found


def choose_scenarios(names: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """The files of the named scenarios; a name may also be the path of a file. Raises UsageProblem for an unknown one."""
    known = find_scenario_files(folders)
    chosen = []
    for name in names:
        if name.endswith(".py") and Path(name).is_file():
            chosen.append(Path(name).resolve())
        elif name in known:
            chosen.append(known[name])
        else:
            raise UsageProblem(f"no scenario `{name}`{suggest_name(name, known)}")
    return chosen


def find_baseline_mode(name: str, folders: Sequence[Path], environment: Environment) -> str:
    """The mode that the others of a scenario are compared with. Raises as ``choose`` and ``describe``."""
    (path,) = choose_scenarios([name], folders)
    return describe_scenario(path, environment).baseline.name


def describe_scenario(path: Path, environment: Environment) -> Scenario:
    """What is in a scenario file. Raises ScenarioProblem, in one line, for a file that a worker cannot load.

    So it does where the worker imports another version than the environment demands.
    """
    try:
        described = worker_process.describe_scenario_file(environment, str(path))
    except TrialFailed as error:
        if environment.recipe:
            raise ScenarioProblem(
                f"{environment.name}: scenario {path.stem} cannot be loaded there: {error}"
            ) from error
        raise ScenarioProblem(f"scenario {path.stem} cannot be loaded: {error}; mend {path}") from error
    wrong = imported_versions.find_wrong_import(environment, imported_versions.convert_packages(described.packages))
    if wrong:
        raise ScenarioProblem(f"{environment.name}: {wrong}")
    if described.metric not in METRICS:
        choices = ", ".join(sorted(METRICS))
        raise ScenarioProblem(f"scenario {path.stem}: METRIC = {described.metric!r} is none of {choices}; mend {path}")
    return _build_scenario(path, described)


def _build_scenario(path: Path, described: DescribedScenario) -> Scenario:
    modes = tuple(
        Mode(
            name=mode.name,
            doc=mode.doc,
            baseline=mode.baseline,
            needs=tuple(mode.needs),
            missing=tuple(mode.missing),
            parameters=tuple(Parameter(name, default) for name, default in mode.parameters.items()),
            uses_market=mode.uses_market,
            group=mode.group,
            floor=mode.floor,
        )
        for mode in described.modes
    )
    claims = tuple(Claim(c.before, c.after, c.ratio, c.source, c.metric, c.text, c.better) for c in described.claims)
    changes = tuple(Change(c.name, c.package, c.release, tuple(c.fields), c.reason, c.trait) for c in described.changes)
    return Scenario(
        name=path.stem,
        path=str(path),
        doc=described.doc,
        unit=described.unit,
        metric=described.metric,
        sha256=described.sha256,
        modes=modes,
        claims=claims,
        changes=changes,
        owners=tuple(Owner(owner.name, tuple(owner.patterns)) for owner in described.owners),
        metrics=tuple(Metric(m.name, m.unit, cast(Better, m.better)) for m in described.metrics),
        quick=tuple(described.quick.items()),
    )
