"""Inline metadata of a program: the Python and the packages that it declares (PEP 723, `# /// script`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from perfbench.environments.resolve import is_satisfied
from perfbench.environments.spec import parse_need
from perfbench.errors import ScenarioProblem
from perfbench.model import Environment, Scenario
from perfbench.worker.program_spec import parse_program_spec

BLOCK_PATTERN = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""A block of metadata (packaging.python.org, "Inline script metadata")."""

BLOCK_TYPE = "script"
HINT = "see https://packaging.python.org/en/latest/specifications/inline-script-metadata/"


@dataclass(frozen=True, slots=True)
class ScriptMetadata:
    """What a program declares: the versions of Python, empty for any, and requirements as for pip."""

    requires_python: str = ""
    dependencies: tuple[str, ...] = ()


def read_metadata(source: str) -> ScriptMetadata:
    """The metadata in the text of a program; without a block nothing is declared. Raises ScenarioProblem for an invalid block."""
    blocks = [match for match in BLOCK_PATTERN.finditer(source.replace("\r\n", "\n")) if match["type"] == BLOCK_TYPE]
    if len(blocks) > 1:
        raise ScenarioProblem("two `# /// script` blocks", hint=HINT)
    if not blocks:
        return ScriptMetadata()
    lines = blocks[0]["content"].splitlines()
    text = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    try:
        table = msgspec.toml.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ScenarioProblem(f"its `# /// script` block is not TOML: {error}", hint=HINT) from error
    python, dependencies = table.get("requires-python", ""), table.get("dependencies", [])
    if not isinstance(python, str) or not (
        isinstance(dependencies, list) and all(isinstance(entry, str) for entry in dependencies)
    ):
        raise ScenarioProblem("its `# /// script` block has other values than texts", hint=HINT)
    return ScriptMetadata(python, tuple(dependencies))


def add_script_needs(scenario: Scenario, environment: Environment) -> Scenario:
    """A program with what it declares as needs of its modes, as far as the environment does not name it; else the scenario itself.

    Raises ScenarioProblem for an invalid declaration, and for an environment with another Python than the declared ones.
    """
    program = parse_program_spec(scenario.program)
    if program is None:
        return scenario
    try:
        metadata = read_metadata(Path(program.path).read_bytes().decode("utf-8", "replace"))
        _require_python(metadata, environment)
        needs = tuple(_select_needs(metadata, environment))
    except OSError as error:
        raise ScenarioProblem(f"{program.path} cannot be read: {error.strerror}") from error
    except ScenarioProblem as problem:
        raise ScenarioProblem(f"{scenario.name}: {problem}", hint=problem.hint) from problem
    installed = {package.name: package.version for package in environment.packages}
    missing = tuple(need for need in needs if not is_satisfied(parse_need(need).release, installed))
    modes = (replace(mode, needs=(*mode.needs, *needs), missing=(*mode.missing, *missing)) for mode in scenario.modes)
    return replace(scenario, modes=tuple(modes))


def _require_python(metadata: ScriptMetadata, environment: Environment) -> None:
    """Raises ScenarioProblem."""
    try:
        declared = SpecifierSet(metadata.requires_python)
    except InvalidSpecifier as error:
        raise ScenarioProblem(
            f"requires-python `{metadata.requires_python}` is not a version range", hint=HINT
        ) from error
    if environment.version and not declared.contains(environment.version, prereleases=True):
        raise ScenarioProblem(
            f"it requires Python {declared}, and {environment.name} has {environment.version}",
            hint="name an environment with another Python, such as `here python==3.12`",
        )


def _select_needs(metadata: ScriptMetadata, environment: Environment) -> Iterator[str]:
    """The dependencies that apply in an environment; a package that the environment itself names has the version of that.

    Raises ScenarioProblem.
    """
    named = {canonicalize_name(name) for name, _ in environment.demanded}
    python = {
        "python_full_version": environment.version,
        "python_version": ".".join(environment.version.split(".")[:2]),
    }
    for text in metadata.dependencies:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise ScenarioProblem(f"dependency `{text}` is not a requirement", hint=HINT) from error
        if requirement.url:
            raise ScenarioProblem(
                f"dependency `{text}` is a URL",
                hint=f"name it as an environment: --env git+…, or require {requirement.name}",
            )
        if canonicalize_name(requirement.name) in named:
            continue
        if requirement.marker is None or requirement.marker.evaluate(python):
            requirement.marker = None
            yield str(requirement)
