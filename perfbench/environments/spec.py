"""What a user writes about an environment, understood: requirements as for pip, checkouts, git URLs, a Python, ``here``."""

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
PYTHON_PATTERN = re.compile(r"python\s*==\s*(\d+\.\d+(?:\.\d+)?)(?:\.\*)?", re.IGNORECASE)
LOCATION_PATTERN = re.compile(r"(?P<place>.+?)(?:\[(?P<extras>[\w\s,.-]+)\])?")
COMMIT_PATTERN = re.compile(r"[0-9a-f]{40}")
OPERATOR_CHARACTERS = "<>=!~,@"
"""A word that begins or ends with one of these belongs to its neighbour: ``flumine >= 3``, ``name @ git+https://…``."""


@dataclass(frozen=True, slots=True)
class PackageRequirement:
    """A distribution of the package index. ``pin`` is the version if exactly one is demanded, else empty."""

    text: str
    name: str
    extras: tuple[str, ...]
    pin: str


@dataclass(frozen=True, slots=True)
class LocalCheckout:
    """A local checkout; the path as it was written."""

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
    """An environment as asked for. ``python`` is a version such as ``3.12``, empty for the one that runs perfbench."""

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
        """Whether it says one version for each release: then it is resolved once. Checkouts are told by their content."""
        return all(release.pin for release in self.releases)


@dataclass(frozen=True, slots=True)
class ModeNeed:
    """A package that one mode needs on top of an environment, with or without its own dependencies."""

    release: PackageRequirement
    alone: bool


def parse_spec(text: str, names: Mapping[str, str]) -> EnvironmentSpec:
    """The spec that ``text`` is, or that the configured name ``text`` stands for.

    Raises UsageProblem for what is no spec.
    """
    given = names.get(text.strip(), text)
    words = _split_words(given)
    if not words:
        raise UsageProblem("an environment spec is empty; write for example betfairlightweight==2.12.0")
    if HOST_SPEC in words:
        if len(words) > 1:
            raise UsageProblem(f"`{given}`: `here` stands alone, it is the interpreter that runs perfbench as it is")
        return EnvironmentSpec(HOST_SPEC, "", ())
    pythons = [match[1] for word in words if (match := PYTHON_PATTERN.fullmatch(word))]
    if len(pythons) > 1:
        raise UsageProblem(f"`{given}` names several Pythons")
    parts = tuple(parse_part(word, given) for word in words if not PYTHON_PATTERN.fullmatch(word))
    return EnvironmentSpec(" ".join(words), pythons[0] if pythons else "", parts)


def parse_need(text: str) -> ModeNeed:
    """A need as a mode states it: ``betfair-data==0.3.4`` or ``flumine --no-deps``. Raises UsageProblem for anything else."""
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
    """As pip decides it: what begins with a dot or has a separator is a path, anything else a name."""
    return "git+" not in word and "://" not in word and (word.startswith((".", "~")) or os.sep in word or "/" in word)


def parse_part(word: str, whole: str) -> PackageRequirement | LocalCheckout | GitRepository:
    """One word of the spec ``whole``. Raises UsageProblem."""
    if _is_path(word):
        place, extras = _parse_location(word, whole)
        return LocalCheckout(place, extras)
    if "git+" in word:
        return _parse_repository(word, whole)
    return _parse_requirement(word, whole)


def _parse_location(word: str, whole: str) -> tuple[str, tuple[str, ...]]:
    match = LOCATION_PATTERN.fullmatch(word)
    if match is None:
        raise UsageProblem(f"`{whole}` is no environment spec: `{word}` is no path")
    return match["place"], tuple(sorted(extra.strip() for extra in (match["extras"] or "").split(",") if extra.strip()))


def _parse_repository(word: str, whole: str) -> GitRepository:
    """``git+https://…@rev``, with ``name[extras]@`` before it and ``#subdirectory=…`` behind it if need be."""
    name, _, location = word.partition("git+")
    extras: tuple[str, ...] = ()
    if name:
        _, extras = _parse_location(name.rstrip("@"), whole)
    location, _, fragment = location.partition("#")
    scheme, separator, rest = location.partition("://")
    if not separator or not rest:
        raise UsageProblem(f"`{whole}` is no environment spec: `{word}` is no git URL; write git+https://…@revision")
    path, _, revision = rest.rpartition("@") if "@" in rest.partition("/")[2] else (rest, "", "")
    options = dict(option.partition("=")[::2] for option in fragment.split("&") if option)
    return GitRepository(f"{scheme}://{path}", revision, options.get("subdirectory", ""), extras)


def _parse_requirement(word: str, whole: str) -> PackageRequirement:
    try:
        requirement = Requirement(word)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise UsageProblem(f"`{whole}` is no environment spec: `{word}`: {reason}") from error
    if requirement.url or requirement.marker:
        raise UsageProblem(f"`{whole}` is no environment spec: `{word}` is neither name==version, a path nor a git URL")
    if canonicalize_name(requirement.name) == "python":
        raise UsageProblem(f"`{whole}`: write one Python as python==3.12 or python==3.12.1")
    exact = [clause for clause in requirement.specifier if clause.operator in ("==", "===")]
    pin = exact[0].version if len(exact) == 1 and not exact[0].version.endswith(".*") else ""
    return PackageRequirement(
        str(requirement), canonicalize_name(requirement.name), tuple(sorted(requirement.extras)), pin
    )
