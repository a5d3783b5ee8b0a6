"""Parser of environment specs: requirements as for pip, checkouts, git URLs, a Python, ``here``, variables and flags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfbench.environments.start_settings import NO_SETTINGS, StartSettings, build_spec_problem, split_settings
from perfbench.errors import UsageProblem

HOST_SPEC = "here"
NO_DEPENDENCIES_FLAG = "--no-deps"
ASSIGNMENT_PATTERN = re.compile(r"([\w.-]+(?:\[[\w,.-]*\])?)(?:=|:)v?(\d[\w.]*)")
"""A release as other tools write it: ``name=1.0``, ``name:1.0``."""

PYTHON_PATTERN = re.compile(
    r"(?P<name>python|pypy)==(?P<other>pypy-?)?(?P<version>\d+\.\d+(?:\.\d+)?)(?:\.\*)?(?P<build>[td]*)", re.IGNORECASE
)
"""A Python: ``python==3.12``, ``python==3.14t`` without the GIL, ``pypy==3.10`` or ``python==pypy3.10``."""

PYTHON_NAMES = ("python", "pypy")
LOCATION_PATTERN = re.compile(r"(?P<path>.+?)(?:\[(?P<extras>[\w\s,.-]+)\])?")
COMMIT_PATTERN = re.compile(r"[0-9a-f]{40}")
OPERATOR_CHARACTERS = "<>=!~,@"
"""A word that begins or ends with one of these belongs to its neighbour: ``flumine >= 3``, ``name @ git+https://…``."""


@dataclass(frozen=True, slots=True)
class PackageRequirement:
    """A distribution of the package index. ``pin`` is the version if it is exact, else empty."""

    text: str
    name: str
    extras: tuple[str, ...]
    pin: str


@dataclass(frozen=True, slots=True)
class LocalCheckout:
    """A local checkout; ``path`` as the user wrote it."""

    path: str
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A git URL without ``git+``, the revision after ``@`` (empty for the default branch), and a folder inside of it."""

    url: str
    revision: str
    subdirectory: str
    extras: tuple[str, ...]


SpecPart = PackageRequirement | LocalCheckout | GitRepository


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """A parsed spec. ``python`` is a version such as ``3.12``, ``3.14t`` or ``pypy3.10``, empty for the one that runs perfbench.

    ``is_here``: it is the environment of the interpreter that runs perfbench, with the ``parts`` in place of its packages of these
    names, and on another ``python`` if there is one. ``text`` is the spec without its ``settings``, which are no part of a build.
    """

    text: str
    python: str
    parts: tuple[SpecPart, ...]
    is_here: bool = False
    settings: StartSettings = NO_SETTINGS

    @property
    def is_host(self) -> bool:
        """Whether it is the very interpreter that runs perfbench, with its packages as they are."""
        return self.is_here and not self.parts and not self.python

    @property
    def without_settings(self) -> EnvironmentSpec:
        """What is built: the spec without variables and flags."""
        return replace(self, settings=NO_SETTINGS)

    @property
    def releases(self) -> tuple[PackageRequirement, ...]:
        """The parts that come from the package index."""
        return tuple(part for part in self.parts if isinstance(part, PackageRequirement))

    @property
    def is_pinned(self) -> bool:
        """Whether every release has an exact version: then it is resolved once. Checkouts are identified by their content."""
        return all(release.pin for release in self.releases)


@dataclass(frozen=True, slots=True)
class ModeNeed:
    """A package that one mode needs on top of an environment, with or without its own dependencies."""

    release: PackageRequirement
    alone: bool


def parse_spec(text: str, names: Mapping[str, str]) -> EnvironmentSpec:
    """Parse a spec, or the one with the configured name ``text``. Raises UsageProblem for an invalid spec."""
    spec = _expand_name(text, names)
    words, settings = split_settings(spec.split(), spec)
    words = _split_words(words)
    if not words:
        if settings.words:
            raise build_spec_problem(spec, "no environment", hint=f"write {HOST_SPEC} {' '.join(settings.words)}")
        raise UsageProblem("an environment spec is empty", hint="write for example betfairlightweight==2.12.0")
    if words.count(HOST_SPEC) > 1:
        raise build_spec_problem(spec, f"`{HOST_SPEC}` stands twice")
    others = [word for word in words if word != HOST_SPEC]
    pythons = [python for word in others if (python := _parse_python(word, spec))]
    if len(pythons) > 1:
        raise UsageProblem(f"`{spec}` has more than one Python version")
    parts = tuple(parse_part(word, spec) for word in others if not PYTHON_PATTERN.fullmatch(word))
    return EnvironmentSpec(" ".join(words), pythons[0] if pythons else "", parts, HOST_SPEC in words, settings)


def _expand_name(text: str, names: Mapping[str, str]) -> str:
    """The spec that a configured name stands for, also of a name with settings behind it; any other text as it is."""
    if text.strip() in names:
        return names[text.strip()]
    others, settings = split_settings(text.split(), text)
    base = names.get(" ".join(others))
    return text if base is None else " ".join((base, *settings.words))


def _parse_python(word: str, spec: str) -> str:
    """``3.12``, ``3.14t`` or ``pypy3.10``; empty for a word that names no Python. Raises UsageProblem for a build of Python
    that cannot be measured.
    """
    match = PYTHON_PATTERN.fullmatch(word)
    if match is None:
        return ""
    version, build = match["version"], match["build"].lower()
    is_pypy = match["name"].lower() == "pypy" or bool(match["other"])
    if "d" in build:
        raise build_spec_problem(
            spec, f"`{word}` is a debug build, which is several times slower", hint=f"write python=={version}"
        )
    if build not in ("", "t") or (is_pypy and build):
        raise build_spec_problem(spec, f"`{word}` is not a Python version", hint=f"write python=={version}")
    return f"pypy{version}" if is_pypy else f"{version}{build}"


def parse_need(text: str) -> ModeNeed:
    """Parse a need of a mode: ``betfair-data==0.3.4`` or ``flumine --no-deps``. Raises UsageProblem for anything else."""
    words = text.split()
    release = _parse_requirement(" ".join(word for word in words if word != NO_DEPENDENCIES_FLAG), text)
    return ModeNeed(release, NO_DEPENDENCIES_FLAG in words)


def _split_words(separate: Iterable[str]) -> list[str]:
    """Join what was split around operators."""
    words: list[str] = []
    for word in separate:
        is_path = _is_path(word)
        if words and not is_path and (word[0] in OPERATOR_CHARACTERS or words[-1][-1] in OPERATOR_CHARACTERS):
            words[-1] += word
        else:
            words.append(word)
    return words


def _is_path(word: str) -> bool:
    """Whether a word is a path, by pip's rule: it begins with a dot or has a separator."""
    return "git+" not in word and "://" not in word and (word.startswith((".", "~")) or os.sep in word or "/" in word)


def parse_part(word: str, spec: str) -> SpecPart:
    """Parse one word of a spec. Raises UsageProblem."""
    if _is_path(word):
        return LocalCheckout(*_parse_location(word, spec))
    if "git+" in word:
        return _parse_repository(word, spec)
    return _parse_requirement(word, spec)


def _parse_location(word: str, spec: str) -> tuple[str, tuple[str, ...]]:
    match = LOCATION_PATTERN.fullmatch(word)
    if match is None:
        raise build_spec_problem(spec, f"`{word}` is not a path")
    return match["path"], tuple(sorted(extra.strip() for extra in (match["extras"] or "").split(",") if extra.strip()))


def _parse_repository(word: str, spec: str) -> GitRepository:
    """Parse ``git+https://…@rev``, optionally with ``name[extras]@`` before it and ``#subdirectory=…`` behind it."""
    name, _, location = word.partition("git+")
    extras: tuple[str, ...] = ()
    if name:
        _, extras = _parse_location(name.rstrip("@"), spec)
    location, _, fragment = location.partition("#")
    scheme, separator, rest = location.partition("://")
    if not separator or not rest:
        raise build_spec_problem(spec, f"`{word}` is not a git URL", hint="write git+https://…@revision")
    path, _, revision = rest.rpartition("@") if "@" in rest.partition("/")[2] else (rest, "", "")
    options = dict(option.partition("=")[::2] for option in fragment.split("&") if option)
    return GitRepository(f"{scheme}://{path}", revision, options.get("subdirectory", ""), extras)


def format_repository(repository: GitRepository, name: str = "") -> str:
    """A repository as a word of a spec; ``name`` is that of its package, which stands before extras."""
    extras = f"{name or 'package'}[{','.join(repository.extras)}]@" if repository.extras else ""
    revision = f"@{repository.revision}" if repository.revision else ""
    subdirectory = f"#subdirectory={repository.subdirectory}" if repository.subdirectory else ""
    return f"{extras}git+{repository.url}{revision}{subdirectory}"


def _explain_requirement(word: str) -> tuple[str, str]:
    """Why a word is no requirement, and what to write instead."""
    assignment = ASSIGNMENT_PATTERN.fullmatch(word)
    if assignment is not None:
        return f"`{word}` has no operator", f"did you mean {assignment[1]}=={assignment[2]}?"
    return f"`{word}` is neither name==version, a path nor a git URL", "write betfairlightweight==2.12.0 or ./checkout"


def _parse_requirement(word: str, spec: str) -> PackageRequirement:
    try:
        requirement = Requirement(word)
    except InvalidRequirement as error:
        raise build_spec_problem(spec, *_explain_requirement(word)) from error
    if requirement.url or requirement.marker:
        raise build_spec_problem(spec, f"`{word}` is neither name==version, a path nor a git URL")
    if canonicalize_name(requirement.name) in PYTHON_NAMES:
        raise build_spec_problem(
            spec,
            f"`{word}` is not a Python version",
            hint="write python==3.12, python==3.12.1, python==3.14t or pypy==3.10",
        )
    exact = [clause for clause in requirement.specifier if clause.operator in ("==", "===")]
    pin = exact[0].version if len(exact) == 1 and not exact[0].version.endswith(".*") else ""
    return PackageRequirement(
        str(requirement), canonicalize_name(requirement.name), tuple(sorted(requirement.extras)), pin
    )
