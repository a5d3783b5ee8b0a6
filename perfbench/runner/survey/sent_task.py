"""A draw that is sent to a worker of a cluster, with what the worker's machine lacks: lock, scenario files, market files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfbench.datasets.archives import get_file_name
from perfbench.datasets.corpus import member_content, remote
from perfbench.datasets.corpus.members import Member, Source
from perfbench.environments.lock import EnvironmentLock
from perfbench.model import CaseGroup, Environment, MeasuringMachine, Result, Scenario
from perfbench.runner.survey.draw import DrawTask
from perfbench.worker.program_spec import parse_program_spec

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file and its path below a folder."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SentGroup:
    """How another machine gets the environments and the scenario of a group.

    ``locks`` are in the order of its places; ``scenario`` has the scenario file first; ``working`` is where the working directory
    of a program is among its files, empty for a scenario.
    """

    locks: tuple[EnvironmentLock, ...]
    scenario: tuple[SentFile, ...]
    working: str = ""


@dataclass(frozen=True, slots=True)
class SentTask:
    """A draw, the fingerprint of the machine that sends it, and what a machine with another fingerprint lacks.

    ``group`` and ``contents`` (one for each member) are sent when a worker asks for them; ``unsendable``: why contents are not.
    ``working`` is the working directory of the sender.
    """

    task: DrawTask
    fingerprint: str
    group: SentGroup | None = None
    contents: tuple[bytes, ...] | None = None
    unsendable: str = ""
    working: str = ""


@dataclass(frozen=True, slots=True)
class MeasuredDraw:
    """The answer to a task: what came of it, and where. ``worker`` is the address of the Dask worker."""

    machine: MeasuringMachine
    fingerprint: str
    worker: str
    events: tuple[tuple[Result, ...], ...]


@dataclass(frozen=True, slots=True)
class PartsMissing:
    """The answer of a machine that needs the group, the contents, or both."""

    group: bool
    contents: bool


@dataclass(frozen=True, slots=True)
class TaskRefused:
    """The answer of a machine that cannot measure: any task of this run, or (``only_this``) this one. ``reason`` is one line."""

    machine: str
    worker: str
    reason: str
    hint: str = ""
    only_this: bool = False


def is_at_hand(member: Member) -> bool:
    """Whether a member can be opened on this machine: its URL is known, or its file is at the same path with the same size."""
    source = member.source
    if remote.is_url(source.location):
        return True
    try:
        if source.is_archive:
            return Path(source.location).is_file()
        path = member_content.locate_member(member)
        return path is not None and path.stat().st_size == member.packed_bytes
    except OSError:
        return False


def store_contents(members: Sequence[Member], contents: Sequence[bytes], folder: Path) -> tuple[Member, ...]:
    """The members with their content in files of this folder, under the names that they have in the corpus."""
    stored = []
    for number, (member, content) in enumerate(zip(members, contents, strict=True)):
        name = get_file_name(member.path) or member.source.label
        own = folder / str(number)
        own.mkdir(parents=True)
        file = name if PLAIN_NAME.fullmatch(name) else "market"
        (own / file).write_bytes(content)
        source = Source("folder", str(own), member.source.label, member.source.entry)
        stored.append(replace(member, source=source, path=file, position=0, packed_bytes=len(content), zip_fields=()))
    return tuple(stored)


def store_scenario(files: Sequence[SentFile], folder: Path) -> Path:
    """Write the files of a scenario below a folder; returns the path of the scenario file."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return folder / files[0].path


def work_in(group: CaseGroup, folder: str) -> CaseGroup:
    """The same group, whose program has this working directory."""
    return replace(group, working=folder) if group.scenario.program else group


def move_group(group: CaseGroup, environments: Mapping[str, Environment], scenario: Path) -> CaseGroup:
    """The same group with the scenario file, or program, and the environments of another machine.

    :param environments: those here by the interpreters there.
    """
    places = tuple(
        replace(place, environment=_move_environment(place.environment, environments)) for place in group.places
    )
    return replace(group, scenario=_move_scenario(group.scenario, str(scenario)), places=places)


def _move_environment(environment: Environment, environments: Mapping[str, Environment]) -> Environment:
    """The environment of another machine, started as the one here: two may share an interpreter."""
    there = environments[environment.python]
    return replace(there, name=environment.name, variables=environment.variables, flags=environment.flags)


def _move_scenario(scenario: Scenario, path: str) -> Scenario:
    program = parse_program_spec(scenario.program)
    if program is None:
        return replace(scenario, path=path)
    moved = replace(program, path=path).text
    return replace(scenario, path=moved, program=moved)
