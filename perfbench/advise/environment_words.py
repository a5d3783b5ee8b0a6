"""Words that levers add to an environment spec: what each of them decides, and the request for the environment with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from perfbench.environments import host
from perfbench.environments.provide import EnvironmentRequest
from perfbench.environments.spec import HOST_SPEC, EnvironmentSpec, PackageRequirement, SpecPart, parse_spec
from perfbench.environments.spec_words import add_words, format_part
from perfbench.model import Environment, Package
from perfbench.worker.program_source import ProgramSource
from perfbench.worker.program_spec import parse_program_spec

PYTHON_SLOT = "python"
OPERATORS = "<>=!~"
OWN_PACKAGE = "betfair-perfbench"
"""The distribution of perfbench, which no program needs."""


def list_slots(words: str) -> dict[str, str]:
    """What the words decide, each with its value: ``{"python": "3.13", "env:PYTHON_JIT": "1"}``. Raises UsageProblem."""
    if not words.strip():
        return {}
    spec = _parse_words(words)
    slots = {_name_part(part): format_part(part) for part in spec.parts}
    slots |= {f"env:{name}": value for name, value in spec.settings.variables}
    slots |= {flag.partition("=")[0]: flag for flag in spec.settings.flags}
    return slots | ({PYTHON_SLOT: spec.python} if spec.python else {})


def build_request(
    base: str,
    environment: Environment,
    words: Sequence[str],
    needs: Sequence[str],
    imported: Sequence[Package],
    names: Mapping[str, str],
) -> EnvironmentRequest:
    """The environment of the spec ``base`` with the words of levers, which replace its own words for the same thing.

    A package without a version keeps that of ``environment``, which is that of ``base``. Raises UsageProblem for invalid words.

    :param needs: of the program; :param names: configured names of specs.
    :param imported: the packages that the program imports itself, which an environment that is built like ``here`` needs too.
    """
    added = " ".join(word for word in words if word.strip())
    if not added:
        return EnvironmentRequest(base, tuple(needs))
    spec, change = parse_spec(base, names), _parse_words(added)
    pinned = [added]
    if not spec.is_here:
        installed: dict[str, str] = {
            canonicalize_name(package.name): package.version for package in environment.packages
        }
        pinned = [*(_pin_part(part, installed) for part in change.parts), *_list_other_words(change)]
    built = spec.is_here and not change.is_host
    further = _list_further_needs(imported, change) if built else []
    return EnvironmentRequest(add_words(base, " ".join(pinned), names), (*needs, *further))


def select_mentioned(packages: Sequence[Package], program: str) -> list[Package]:
    """Those of the imported packages whose modules the files of a program name; others are imported by libraries only.

    :param program: its spec, such as ``/home/me/my_backtest.py:run``.
    """
    spec = parse_program_spec(program)
    if spec is None:
        return []
    source = ProgramSource(replace(spec, function=""))
    return [package for package in packages if (name := _find_module(package)) and source.mentions(name)]


def _find_module(package: Package) -> str:
    """The module that was imported of a distribution, by its file; empty if that is not in a folder of packages."""
    _, folder, path = package.file.replace("\\", "/").rpartition("-packages/")
    return path.partition("/")[0].partition(".")[0] if folder else ""


def _parse_words(words: str) -> EnvironmentSpec:
    """The words of a lever as a change of ``here``. Raises UsageProblem for what is no part of a spec."""
    return parse_spec(f"{HOST_SPEC} {words}", {})


def _name_part(part: SpecPart) -> str:
    return part.name if isinstance(part, PackageRequirement) else format_part(part)


def _pin_part(part: SpecPart, installed: Mapping[str, str]) -> str:
    """A part as a word; a package with extras and without a version in the installed one."""
    if (
        isinstance(part, PackageRequirement)
        and part.extras
        and not any(operator in part.text for operator in OPERATORS)
    ):
        version = installed.get(part.name, "")
        return f"{part.text}=={version}" if version else part.text
    return format_part(part)


def _list_other_words(change: EnvironmentSpec) -> list[str]:
    python = [f"python=={change.python}"] if change.python else []
    return [*python, *change.settings.words]


def _list_further_needs(imported: Sequence[Package], change: EnvironmentSpec) -> list[str]:
    """The imported packages that an environment built like ``here`` would lack: it has betfairlightweight and flumine only."""
    present = {*map(canonicalize_name, host.pin_packages()), *map(_name_part, change.parts), OWN_PACKAGE}
    return [f"{p.name}=={p.version}" for p in imported if canonicalize_name(p.name) not in present]
