"""Pack draws for the workers of a cluster: with the environments, the scenario and the market files that they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from perfbench.datasets.archives import DAMAGE_ERRORS
from perfbench.datasets.corpus import member_content
from perfbench.datasets.corpus.members import Member
from perfbench.environments import lock
from perfbench.environments.lock import EnvironmentLock
from perfbench.errors import DataProblem, EngineProblem, PerfbenchError
from perfbench.model import CaseGroup
from perfbench.runner.survey.draw import DrawTask
from perfbench.runner.survey.machine_identity import compute_fingerprint
from perfbench.runner.survey.program_files import find_program_files
from perfbench.runner.survey.sent_task import PartsMissing, SentFile, SentGroup, SentTask
from perfbench.util import formatting
from perfbench.util.files import BUFFER_SIZE
from perfbench.worker.program_spec import ProgramSpec, parse_program_spec

MAX_SENT_BYTES = 8_000_000
"""Bytes of the market files of a draw that are sent; larger ones are shared by path or URL."""

MAX_SCENARIO_BYTES = 4_000_000
"""Bytes of all files of a scenario that are sent."""


@dataclass(slots=True)
class TaskPacker:
    """Packs draws; what one worker has asked for is sent with every draw from then on.

    ``observe`` receives a line about each wheel that is built to be sent.
    """

    observe: Callable[[str], None]
    fingerprint: str = field(default_factory=compute_fingerprint)
    sends_group: bool = False
    sends_contents: bool = False
    _groups: list[tuple[CaseGroup, SentGroup]] = field(default_factory=list)

    def add_parts(self, missing: PartsMissing) -> None:
        """Send these parts from now on."""
        self.sends_group |= missing.group
        self.sends_contents |= missing.contents

    def pack(self, task: DrawTask) -> SentTask:
        """The draw to be sent. Raises EngineProblem where its environments or its scenario cannot be packed."""
        group = self._pack_group(task.group) if self.sends_group else None
        contents, reason = pack_contents(task.members) if self.sends_contents else (None, "")
        return SentTask(task, self.fingerprint, group, contents, reason, os.getcwd())

    def _pack_group(self, group: CaseGroup) -> SentGroup:
        for other, packed in self._groups:
            if other == group:
                return packed
        try:
            packed = pack_group(group, self.observe)
        except PerfbenchError as problem:
            raise EngineProblem(problem.cause, hint=problem.hint) from problem
        self._groups.append((group, packed))
        return packed


def pack_group(group: CaseGroup, observe: Callable[[str], None]) -> SentGroup:
    """The locks and the scenario files of a group. Raises EnvironmentProblem and DataProblem."""
    locks: dict[str, EnvironmentLock] = {}
    copies: dict[tuple[object, ...], int] = {}
    for place in group.places:
        environment = place.environment
        if environment.python not in locks:
            content = (environment.version, environment.packages, environment.sources)
            copies[content] = copies.get(content, -1) + 1
            locks[environment.python] = lock.lock_environment(environment, copies[content], observe)
    ordered = tuple(locks[place.environment.python] for place in group.places)
    program = parse_program_spec(group.scenario.program)
    if program is None:
        return SentGroup(ordered, pack_scenario(Path(group.scenario.path)))
    files, working = pack_program(program, group.arguments, observe)
    return SentGroup(ordered, files, working)


def pack_scenario(path: Path) -> tuple[SentFile, ...]:
    """A scenario file and what it may import: modules beside it, and those that begin with _ in the folder ``scenarios`` around it.

    Raises DataProblem if they are too large.
    """
    top = next((folder for folder in path.parents if folder.name == "scenarios"), path.parent)
    beside = {*path.parent.glob("*.py"), *top.rglob("_*.py")} - {path}
    return _read_files(path, [path, *sorted(file for file in beside if file.is_file())], top)


def pack_program(
    program: ProgramSpec, arguments: Sequence[str], observe: Callable[[str], None]
) -> tuple[tuple[SentFile, ...], str]:
    """A program, the modules that it imports and the data files that it names, and the path of its working directory there.

    Raises DataProblem if the modules are too large or cannot be read. Data files that are too large are left out, with a line.
    """
    sent = find_program_files(program, arguments, Path.cwd(), MAX_SCENARIO_BYTES)
    if sent.left_out:
        names = ", ".join(f"{file.name} ({formatting.format_bytes(file.stat().st_size)})" for file in sent.left_out)
        observe(f"! not sent with {program.name}, because too large: {names}; name a path that every machine has")
    return tuple(SentFile(place, file.read_bytes()) for file, place in sent.files), sent.working


def _read_files(path: Path, files: Sequence[Path], top: Path) -> tuple[SentFile, ...]:
    """The files with their paths from the folder around ``top``. Raises DataProblem if they are too large."""
    total = sum(file.stat().st_size for file in files)
    if total > MAX_SCENARIO_BYTES:
        raise DataProblem(
            f"{path.name} and the modules beside it are too large to be sent ({formatting.format_bytes(total)})",
            hint="move the scenario to a folder of its own",
        )
    return tuple(SentFile(str(PurePosixPath(top.name, file.relative_to(top))), file.read_bytes()) for file in files)


def pack_contents(members: Sequence[Member]) -> tuple[tuple[bytes, ...] | None, str]:
    """The content of every member as it lies in its source; or None, and why it is not sent: too large, or damaged."""
    size = sum(member.packed_bytes for member in members)
    if size > MAX_SENT_BYTES:
        return None, f"too large to be sent ({formatting.format_bytes(size)}): share it by path or URL"
    contents, allowed = [], MAX_SENT_BYTES
    for member in members:
        content = bytearray()
        try:
            for chunk in _read_chunks(member):
                content += chunk
                if len(content) > allowed:
                    return None, "too large to be sent: share it by path or URL"
        except (DataProblem, *DAMAGE_ERRORS) as problem:
            return None, f"not readable here ({problem})"
        allowed -= len(content)
        contents.append(bytes(content))
    return tuple(contents), ""


def _read_chunks(member: Member) -> Iterator[bytes]:
    path = member_content.locate_member(member)
    if path is None:
        yield from member_content.read_packed_chunks(member)
        return
    with path.open("rb") as file:
        yield from iter(partial(file.read, BUFFER_SIZE), b"")
