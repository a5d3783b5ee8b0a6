"""Releases of a package on the package index, listed by pip with the user's configuration (mirrors, credentials, proxies)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Literal

from packaging.version import InvalidVersion, Version

from perfbench.environments.variables import copy_variables
from perfbench.errors import EnvironmentProblem, UsageProblem
from perfbench.util.activity import doing
from perfbench.util.formatting import extract_last_line
from perfbench.util.suggest import suggest_name

ReleaseInterval = Literal["release", "minor"]

PIP_TIMEOUT = 120.0
"""Seconds for pip, which retries a dead connection several times."""

AVAILABLE_PATTERN = re.compile(r"^Available versions: (.+)$", re.MULTILINE)
NAME_PATTERN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""Valid project names (packaging.python.org, "Names and normalization")."""

RETRIES_EXHAUSTED_PATTERN = re.compile(r"Retrying \(Retry\(total=0")
"""Pip's last warning about a connection; what it lists then, such as a folder of wheels, is incomplete."""


def list_releases(name: str) -> tuple[str, ...]:
    """Every final release of a package, oldest first, including those that this Python cannot install.

    Raises UsageProblem for an invalid name and a package that is not on the index, EnvironmentProblem if the query fails.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise UsageProblem(f"{name}: not the name of a package; write it without a version")
    answer = _query_pip(name, "--json")
    if answer.returncode == 2 and "--json" in answer.stderr:  # pip before 25.1
        answer = _query_pip(name)
    if answer.returncode != 0 or RETRIES_EXHAUSTED_PATTERN.search(answer.stderr):
        raise _build_problem(name, answer.stderr)
    versions = sorted(_parse_versions(name, answer.stdout))
    return tuple(text for version, text in versions if not version.is_prerelease)


def _query_pip(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "index", "versions"]
    try:
        with doing(f"asking the package index about {name}"):
            return subprocess.run(
                [*command, "--ignore-requires-python", name, *options],
                env=copy_variables(),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=PIP_TIMEOUT,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise EnvironmentProblem(f"{name}: the package index did not answer within {PIP_TIMEOUT:.0f} s") from None


def _parse_versions(name: str, output: str) -> Iterable[tuple[Version, str]]:
    """The versions in pip's answer: a JSON object or, from an older pip, a line of text."""
    line = AVAILABLE_PATTERN.search(output)
    try:
        texts = line.group(1).split(",") if line else json.loads(output)["versions"]
        for text in map(str.strip, texts):
            yield Version(text), text
    except (ValueError, KeyError, TypeError, InvalidVersion):
        raise EnvironmentProblem(
            f"{name}: pip's list of versions cannot be read: {extract_last_line(output)}"
        ) from None


def _build_problem(name: str, stderr: str) -> EnvironmentProblem | UsageProblem:
    if "No module named pip" in stderr:
        return EnvironmentProblem(
            "pip is required to query the package index, but is not installed", hint="python -m ensurepip"
        )
    if "NewConnectionError" in stderr or "Retrying (" in stderr or "Could not fetch URL" in stderr:
        return EnvironmentProblem(
            f"{name}: the package index cannot be reached", hint="check the network and pip's configuration"
        )
    if "No matching distribution found" in stderr:
        return UsageProblem(f"{name}: the package index has no such package")
    return EnvironmentProblem(f"{name}: pip cannot list its versions: {extract_last_line(stderr)}")


def select_releases(
    versions: Sequence[str], first: str, last: str, every: ReleaseInterval = "release"
) -> tuple[str, ...]:
    """The versions from ``first`` to ``last``, both included; with ``minor`` only the last of each minor series between them.

    :param versions: ascending, as ``list_releases`` returns them.

    Raises UsageProblem for an unknown version, and for a ``first`` that is not older than ``last``.
    """
    places = [_find_position(versions, version, option) for version, option in ((first, "--from"), (last, "--to"))]
    if places[0] >= places[1]:
        raise UsageProblem(f"--from {first} must be older than --to {last}")
    chosen = versions[places[0] : places[1] + 1]
    if every == "release":
        return tuple(chosen)
    last_of_series = {Version(version).release[:2]: version for version in chosen}
    return tuple(v for v in chosen if v in (chosen[0], chosen[-1]) or v in last_of_series.values())


def find_release(versions: Sequence[str], text: str, option: str) -> str:
    """The version as the index writes it. Raises UsageProblem, which names the ``option``, for one that is not there."""
    return versions[_find_position(versions, text, option)]


def _find_position(versions: Sequence[str], text: str, option: str) -> int:
    """The index of a version in any notation: 2.10 is 2.10.0."""
    try:
        version = Version(text)
    except InvalidVersion:
        raise UsageProblem(f"{option} {text}: not a version") from None
    releases = list(map(Version, versions))
    if version in releases:
        return releases.index(version)
    raise UsageProblem(f"{option} {text}: no such release{_suggest_releases(versions, version)}")


def _suggest_releases(versions: Sequence[str], missing: Version) -> str:
    """The end of the message: the releases of the same minor series, else the nearest ones."""
    series = [v for v in versions if Version(v).release[:2] == missing.release[:2]]
    if series:
        return "; there are " + ", ".join(series)
    older, newer = ([v for v in versions if (Version(v) < missing) is side] for side in (True, False))
    return suggest_name(str(missing), [*older[-1:], *newer[:1]])
