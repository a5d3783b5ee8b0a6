"""The matrix of scenarios and environments: environments are built, scenarios described in each, needs of modes added."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.environments import host, labels, provide
from perfbench.environments.provide import EnvironmentRequest
from perfbench.errors import NotMeasured, ScenarioProblem, UsageProblem
from perfbench.model import Environment, Mode, Scenario, Settings
from perfbench.runner import plan
from perfbench.runner.plan import MatrixEntry
from perfbench.runner.scenarios import choose_scenarios, describe_scenario, format_scenario_name, require_program
from perfbench.util.extras import find_extra, format_install_command

HOST_SPEC = "here"


@dataclass(slots=True)
class Matrix:
    """Groups of entries, one scenario per group, and one line about each problem with the rest, and hints what to do about them.

    ``unbuilt`` are the names of the environments in which nothing can be measured, each with its line.
    """

    groups: list[list[MatrixEntry]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    unbuilt: dict[str, str] = field(default_factory=dict)


def build_matrix(settings: Settings, observe: Callable[[str], None]) -> Matrix:
    """Build the environments of the settings, four at a time, and describe the scenarios in each.

    An environment that cannot be built and a scenario that cannot be loaded become problems; the rest continues. A group of
    environments to compare is left out of a scenario that fewer than two of them can measure.

    Raises UsageProblem for unknown names, for a scenario that has none of the named modes, for arguments without a program and for
    an invalid spec; NotMeasured as ``names_checked`` does.
    """
    paths = _distinct(choose_scenarios(settings.scenarios, [Path(folder) for folder in settings.folders]))
    require_program(paths, settings.arguments)
    offered = Matrix()
    groups = _build_requests(settings)
    built = _provide_environments([wanted for group in groups for wanted in group.items()], settings, observe, offered)
    described = _describe_scenarios(paths, built, offered)
    by_path = {path: [scenarios[path] for scenarios in described.values() if path in scenarios] for path in paths}
    with names_checked(offered.problems):
        _check_modes(by_path, settings.modes)
    for path, versions in by_path.items():
        named = [
            mode.name for scenario in versions for mode in choose_modes(scenario, settings.modes) if settings.modes
        ]
        for group in groups:
            needed = min(2, len(group))
            places = [
                (wanted, built[name], described[name][path])
                for name, wanted in group.items()
                if name in built and path in described[name]
            ]
            if len(places) < needed:
                continue
            same = [
                offer for offer in _build_entries(places, named, settings, observe, offered) if offer.scenario.modes
            ]
            if len(same) >= needed:
                offered.groups.append(same)
    offered.problems[:] = dict.fromkeys(offered.problems)
    return offered


@contextmanager
def names_checked(problems: Sequence[str]) -> Iterator[None]:
    """Turn a UsageProblem into NotMeasured if there are problems: an unknown name may belong to a scenario that did not load."""
    try:
        yield
    except UsageProblem as error:
        if problems:
            raise NotMeasured("; ".join((*dict.fromkeys(problems), error.cause)), hint=error.hint) from error
        raise


def _distinct(paths: Sequence[Path]) -> list[Path]:
    """Each scenario once. Raises UsageProblem for two of one name: their cases would have the same ids."""
    by_name: dict[str, Path] = {}
    for path in paths:
        name = format_scenario_name(path)
        other = by_name.setdefault(name, path)
        if other != path:
            raise UsageProblem(f"two scenarios are named {name}: {other} and {path}", hint="rename one of the files")
    return list(by_name.values())


def _check_modes(by_path: Mapping[Path, Sequence[Scenario]], names_or_groups: Sequence[str]) -> None:
    """Raises UsageProblem for a mode that no scenario has, and for a scenario of which no mode would be measured.

    :param by_path: each scenario as the environments have it; of one that no environment can load nothing is known.
    """
    modes = {path: [mode for scenario in versions for mode in scenario.modes] for path, versions in by_path.items()}
    names = {path: {name for mode in own for name in (mode.name, mode.group) if name} for path, own in modes.items()}
    if any(modes.values()):
        plan.require_known(names_or_groups, set().union(*names.values()), "mode")
    for path, versions in by_path.items():
        if versions and not any(mode for scenario in versions for mode in choose_modes(scenario, names_or_groups)):
            named = " or ".join(f"`{name}`" for name in names_or_groups)
            cause = f"has no mode {named}" if names_or_groups else "has no mode outside a group"
            raise UsageProblem(
                f"{format_scenario_name(path)} {cause}", hint=f"name one with --mode: {', '.join(sorted(names[path]))}"
            )


def _build_requests(settings: Settings) -> list[dict[str, EnvironmentRequest]]:
    """The environments of each group, by name. A spec that is given twice in a group is built twice (A/A comparison)."""
    groups = []
    for specs in settings.environments or ((HOST_SPEC,),):
        group: dict[str, EnvironmentRequest] = {}
        for spec in specs:
            copy = sum(other.spec == spec for other in group.values())
            needs = tuple(need for need in settings.tools if spec != HOST_SPEC or not host.is_installed(need))
            group[labels.number_copy(spec, copy + 1)] = EnvironmentRequest(spec, needs, copy)
        groups.append(group)
    return groups


def _provide_environments(
    wanted: Sequence[tuple[str, EnvironmentRequest]],
    settings: Settings,
    observe: Callable[[str], None],
    offered: Matrix,
) -> dict[str, Environment]:
    unique = dict(wanted)
    answers = provide.provide_environments(list(unique.values()), dict(settings.names), observe)
    built = {}
    for name, answer in zip(unique, answers, strict=True):
        if isinstance(answer, Environment):
            built[name] = replace(answer, name=name)
        else:
            offered.problems.append(str(answer))
            offered.hints.append(answer.hint)
            offered.unbuilt[name] = str(answer)
    return built


def _describe_scenarios(
    paths: Sequence[Path], built: dict[str, Environment], offered: Matrix
) -> dict[str, dict[Path, Scenario]]:
    described: dict[str, dict[Path, Scenario]] = {name: {} for name in built}
    for name, environment in built.items():
        for path in paths:
            try:
                described[name][path] = describe_scenario(path, environment)
            except ScenarioProblem as problem:
                offered.problems.append(str(problem))
                offered.hints.append(problem.hint)
                offered.unbuilt[name] = str(problem)
    return described


def _build_entries(
    offers: Sequence[tuple[EnvironmentRequest, Environment, Scenario]],
    named: Sequence[str],
    settings: Settings,
    observe: Callable[[str], None],
    offered: Matrix,
) -> Iterator[MatrixEntry]:
    """The entries of one scenario in a group of environments; the extra needs of all modes are built at once.

    :param named: modes that every environment must have, beside those of the other environments of the group.
    """
    chosen = [list(choose_modes(scenario, settings.modes)) for _, _, scenario in offers]
    lacking = {
        (number, mode.name): replace(wanted, needs=tuple(dict.fromkeys((*settings.tools, *mode.needs))))
        for number, (wanted, _, _) in enumerate(offers)
        for mode in chosen[number]
        if mode.missing
    }
    answers = dict(
        zip(lacking, provide.provide_environments(list(lacking.values()), dict(settings.names), observe), strict=True)
    )
    everywhere = dict.fromkeys((*(mode.name for modes in chosen for mode in modes), *named))
    for number, (_, environment, scenario) in enumerate(offers):
        lost = [name for name in everywhere if name not in {mode.name for mode in scenario.modes}]
        offered.problems += [f"{scenario.name}/{name}: no such mode in {environment.name}" for name in lost]
        places = {}
        for mode in chosen[number]:
            place = answers.get((number, mode.name), environment)
            if isinstance(place, NotMeasured):
                offered.problems.append(f"{scenario.name}/{mode.name} in {environment.name}: {place}")
                offered.hints.append(_find_extra_of_needs(mode) if environment.name == HOST_SPEC else "")
            else:
                places[mode.name] = replace(place, name=environment.name)
        modes = tuple(mode for mode in chosen[number] if mode.name in places)
        yield MatrixEntry(replace(scenario, modes=modes), environment, places)


def _find_extra_of_needs(mode: Mode) -> str:
    """The command that installs here what a mode needs, if an extra brings it; empty otherwise."""
    extras = (find_extra(re.split(r"[\[<>=!~ ;]", need)[0].replace("-", "_")) for need in mode.missing)
    return next((format_install_command(extra) for extra in extras if extra), "")


def choose_modes(scenario: Scenario, names_or_groups: Sequence[str]) -> Iterable[Mode]:
    """The modes named, or those of a named group together with the baseline; without names, all modes without a group."""
    groups = {mode.group for mode in scenario.modes if mode.group in names_or_groups} - {""}
    for mode in scenario.modes:
        named = mode.name in names_or_groups or mode.group in groups or (bool(groups) and mode is scenario.baseline)
        if named or (not names_or_groups and not mode.group):
            yield mode
