"""Parser of environment specs: requirements as for pip, checkouts, git URLs, a Python version, ``here``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfbench.errors import UsageProblem

HOST_SPEC = "here"
NO_DEPENDENCIES_FLAG = "--no-deps"
ASSIGNMENT_PATTERN = re.compile(r"([\w.-]+(?:\[[\w,.-]*\])?)(?:=|:)v?(\d[\w.]*)")
"""A release as other tools write it: ``name=1.0``, ``name:1.0``."""

PYTHON_PATTERN = re.compile(r"python\s*==\s*(\d+\.\d+(?:\.\d+)?)(?:\.\*)?", re.IGNORECASE)
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


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """A parsed spec. ``python`` is a version such as ``3.12``, empty for the Python that runs perfbench."""

    text: str
    python: str
    parts: tuple[PackageRequirement | LocalCheckout | GitRepository, ...]

    @property
    def is_here(self) -> bool:
        """Whether it is the environment of the interpreter that runs perfbench."""
        return self.text == HOST_SPEC

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
    spec = names.get(text.strip(), text)
    words = _split_words(spec)
    if not words:
        raise UsageProblem("an environment spec is empty", hint="write for example betfairlightweight==2.12.0")
    if HOST_SPEC in words:
        if len(words) > 1:
            raise UsageProblem(
                f"`{spec}`: `here`, the interpreter that runs perfbench, cannot be combined with anything"
            )
        return EnvironmentSpec(HOST_SPEC, "", ())
    pythons = [match[1] for word in words if (match := PYTHON_PATTERN.fullmatch(word))]
    if len(pythons) > 1:
        raise UsageProblem(f"`{spec}` has more than one Python version")
    parts = tuple(parse_part(word, spec) for word in words if not PYTHON_PATTERN.fullmatch(word))
    return EnvironmentSpec(" ".join(words), pythons[0] if pythons else "", parts)


def parse_need(text: str) -> ModeNeed:
    """Parse a need of a mode: ``betfair-data==0.3.4`` or ``flumine --no-deps``. Raises UsageProblem for anything else."""
    words = text.split()
    release = _parse_requirement(" ".join(word for word in words if word != NO_DEPENDENCIES_FLAG), text)
    return ModeNeed(release, NO_DEPENDENCIES_FLAG in words)


def _split_words(text: str) -> list[str]:
    """Split at spaces, except around operators."""
    words: list[str] = []
    for word in text.split():
        is_path = _is_path(word)
        if words and not is_path and (word[0] in OPERATOR_CHARACTERS or words[-1][-1] in OPERATOR_CHARACTERS):
            words[-1] += word
        else:
            words.append(word)
    return words


def _is_path(word: str) -> bool:
    """Whether a word is a path, by pip's rule: it begins with a dot or has a separator."""
    return "git+" not in word and "://" not in word and (word.startswith((".", "~")) or os.sep in word or "/" in word)


def parse_part(word: str, spec: str) -> PackageRequirement | LocalCheckout | GitRepository:
    """Parse one word of a spec. Raises UsageProblem."""
    if _is_path(word):
        return LocalCheckout(*_parse_location(word, spec))
    if "git+" in word:
        return _parse_repository(word, spec)
    return _parse_requirement(word, spec)


def _parse_location(word: str, spec: str) -> tuple[str, tuple[str, ...]]:
    match = LOCATION_PATTERN.fullmatch(word)
    if match is None:
        raise _build_problem(spec, f"`{word}` is not a path")
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
        raise _build_problem(spec, f"`{word}` is not a git URL", hint="write git+https://…@revision")
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


def _build_problem(spec: str, reason: str, hint: str = "") -> UsageProblem:
    return UsageProblem(f"`{spec}` is not a valid environment spec: {reason}", hint=hint)


def _parse_requirement(word: str, spec: str) -> PackageRequirement:
    try:
        requirement = Requirement(word)
    except InvalidRequirement as error:
        raise _build_problem(spec, *_explain_requirement(word)) from error
    if requirement.url or requirement.marker:
        raise _build_problem(spec, f"`{word}` is neither name==version, a path nor a git URL")
    if canonicalize_name(requirement.name) == "python":
        raise _build_problem(spec, f"`{word}` is not a Python version", hint="write python==3.12 or python==3.12.1")
    exact = [clause for clause in requirement.specifier if clause.operator in ("==", "===")]
    pin = exact[0].version if len(exact) == 1 and not exact[0].version.endswith(".*") else ""
    return PackageRequirement(
        str(requirement), canonicalize_name(requirement.name), tuple(sorted(requirement.extras)), pin
    )
