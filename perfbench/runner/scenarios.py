"""Find scenario files and programs and have a worker describe them: the host never imports one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.environments.spec import HOST_SPEC
from perfbench.errors import ScenarioProblem, TrialFailed, UsageProblem
from perfbench.model import METRICS, Environment, Scenario
from perfbench.runner import imported_versions, worker_process
from perfbench.runner.script_metadata import add_script_needs
from perfbench.util import paths
from perfbench.util.activity import doing
from perfbench.util.extras import find_extra, format_install_command
from perfbench.util.suggest import suggest_name
from perfbench.worker.program_spec import SUFFIX, find_program, parse_program_spec

MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


def find_topics() -> dict[str, dict[str, Path]]:
    """The shipped scenario files by name, in their topics: the folders that they are in."""
    folders = sorted(folder for folder in paths.bundled_folder("scenarios").glob("[!_.]*") if folder.is_dir())
    topics = {folder.name: _list_scenario_files(folder) for folder in folders}
    return {topic: files for topic, files in topics.items() if files}


def find_scenario_files(folders: Sequence[Path]) -> dict[str, Path]:
    """Scenario files by name, the shipped ones and those of these folders; a user's file takes precedence over a shipped one.

    Raises UsageProblem for a missing folder.
    """
    files = {name: path for topic in find_topics().values() for name, path in topic.items()}
    for folder in folders:
        if not folder.is_dir():
            raise UsageProblem(f"--scenarios {folder}: no such folder")
        files.update(_list_scenario_files(folder))
    return files


def group_by_topic(files: Mapping[str, Path]) -> dict[str, list[Path]]:
    """These files in their topics; a user's own files come last, under an empty name."""
    topics = {topic: set(own.values()) for topic, own in find_topics().items()}
    groups: dict[str, list[Path]] = {topic: [] for topic in topics}
    for path in files.values():
        groups.setdefault(next((topic for topic, own in topics.items() if path in own), ""), []).append(path)
    return groups


def _list_scenario_files(folder: Path) -> dict[str, Path]:
    return {path.stem: path.resolve() for path in sorted(folder.glob("[!_.]*.py"))}


def expand_topics(names: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The names with topics replaced by the names of their scenarios; ``replay/`` is the topic, ``replay`` its scenario.

    Raises UsageProblem for a topic that is also the name of a user's scenario.
    """
    topics = find_topics()
    expanded: list[str] = []
    for name in names:
        topic = name.rstrip("/")
        if topic not in topics or (name == topic and topic in topics[topic]):
            expanded.append(name)
            continue
        own = find_scenario_files(folders).get(topic) if name == topic else None
        if own is not None:
            raise UsageProblem(
                f"`{name}` is a topic and a scenario ({own})",
                hint=f"{topic}/ is the topic, the path of the file the scenario",
            )
        expanded += topics[topic]
    return list(dict.fromkeys(expanded))


def choose_scenarios(names: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """The files of the named scenarios and programs; a name may also be the path of a file.

    The path of a program that is a function has that behind it: ``/home/me/my_backtest.py:run``. Raises UsageProblem for an
    unknown name.
    """
    files = find_scenario_files(folders)
    chosen = []
    for name in names:
        named = parse_program_spec(name)
        if named is not None and Path(named.path).is_file():
            chosen.append(Path(replace(named, path=str(Path(named.path).resolve())).text))
        elif name in files:
            chosen.append(files[name])
        elif name.rstrip("/") in (topics := find_topics()):
            raise UsageProblem(
                f"`{name}` is a topic; one scenario is needed here",
                hint=f"choose one of {', '.join(topics[name.rstrip('/')])}",
            )
        else:
            raise _build_unknown(name, {*files, *find_topics()})
    return chosen


def format_scenario_name(path: Path) -> str:
    """The name of a scenario or a program in tables, by its path: ``replay``, ``my_backtest:run``."""
    program = parse_program_spec(str(path))
    return path.stem if program is None else program.name


def require_program(paths_of_scenarios: Sequence[Path], arguments: Sequence[str]) -> None:
    """Raises UsageProblem for arguments of a program where there is none."""
    if arguments and not any(find_program(str(path)) for path in paths_of_scenarios):
        names = ", ".join(map(format_scenario_name, paths_of_scenarios))
        raise UsageProblem(
            f"-- {arguments[0]}: arguments after -- are those of a program, which {names} is not",
            hint="name a script or a function, PATH.py or PATH.py:FUNCTION; parameters of a scenario are set with --set",
        )


def _build_unknown(name: str, names: set[str]) -> UsageProblem:
    """The error of a name that is neither a scenario nor the path of a file."""
    path, colon, function = name.rpartition(":")
    if colon and path.endswith(SUFFIX):
        is_valid = parse_program_spec(name) is not None
        cause = f"{path}: no such file" if is_valid else f"{name}: `{function}` is not the name of a function"
        return UsageProblem(cause, hint="write PATH.py:FUNCTION, or PATH.py for a script")
    if name.endswith(SUFFIX) or "/" in name:
        kind = "not a scenario file: its name does not end in .py" if Path(name).is_file() else "no such file"
        return UsageProblem(f"{name}: {kind}", hint="name a .py file, or a scenario of `perfbench scenarios`")
    return UsageProblem(
        f"no scenario `{name}`{suggest_name(name, names)}", hint="run `perfbench scenarios` to list them"
    )


def find_baseline_mode(name: str, folders: Sequence[Path], environment: Environment) -> str:
    """The baseline mode of a scenario. Raises as ``choose_scenarios`` and ``describe_scenario`` do."""
    (path,) = choose_scenarios([name], folders)
    return describe_scenario(path, environment).baseline.name


def describe_scenario(path: Path, environment: Environment) -> Scenario:
    """The description of a scenario file or a program. Raises ScenarioProblem for one that a worker cannot load.

    Also raises it where the worker imports another version than the environment has to have, and for a program that needs
    another Python.
    """
    name = format_scenario_name(path)
    try:
        with doing(f"loading {name} in {environment.name}"):
            described = worker_process.describe_scenario_file(environment, str(path))
    except TrialFailed as error:
        where = f" in {environment.name}" if environment.recipe else ""
        kind = "program" if find_program(str(path)) else "scenario"
        hint = error.hint or _explain_missing_module(str(error), environment)
        raise ScenarioProblem(f"cannot load {kind} {name}{where}: {error} ({path})", hint=hint) from error
    wrong = imported_versions.find_wrong_import(environment, described.packages)
    if wrong:
        raise ScenarioProblem(f"{environment.name}: {wrong}")
    scenario = described.scenario
    if scenario.metric not in METRICS:
        choices = ", ".join(sorted(METRICS))
        raise ScenarioProblem(
            f"scenario {name}: METRIC = {scenario.metric!r} is not a metric ({path})",
            hint=f"choose one of {choices}",
        )
    return add_script_needs(scenario, environment)


def _explain_missing_module(text: str, environment: Environment) -> str:
    """What to do about the error of a scenario that imports a package which its environment lacks; empty for another error."""
    missing = MISSING_MODULE.search(text)
    if missing is None:
        return ""
    name = missing.group(1).partition(".")[0]
    extra = find_extra(name) if environment.name == HOST_SPEC else ""
    return format_install_command(extra) if extra else f"name it in the environment spec: '{environment.name} {name}'"
