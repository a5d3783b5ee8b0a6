"""The protocol between host and worker: one JSON object per line, each a dataclass of this module or one that it re-exports.

The host writes one ``Request`` and, when the worker is ``Ready`` (and ``PassCompleted``, if it pauses after the pass), the line
``GO``. The worker answers with the other classes and ends with ``Done`` or ``Failed``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional

from perfbench.worker.pass_messages import OutputDigest, OutputItem, Package, PassMeasurement
from perfbench.worker.profile_messages import (
    Allocation,
    AllocationProfile,
    CpuProfile,
    Function,
    FunctionNames,
    GarbageCollection,
    LineMemoryProfile,
    MemoryObservation,
    TrampolineAddresses,
    UpdateTimings,
)
from perfbench.worker.program_messages import Proposal, Proposals
from perfbench.worker.scenario_description import ParameterValue, Scenario

GO = "go"

MIN_MAGNITUDE, MAX_MAGNITUDE = 1e-30, 1e30
"""The smallest and largest number other than zero that a pass may report; ratios of numbers beyond would not be finite."""


@dataclass(frozen=True)
class Request:
    """A task for a worker. ``task`` is ``describe``, ``time``, ``check``, ``dump``, ``profile``, ``watch``, ``trace``,
    ``resolve``, ``name`` or ``propose``.

    ``batch`` are further market files, which the mode replays after ``market`` in the same pass. ``core`` pins the worker.
    ``memory`` adds the peak memory to the sample; ``slowdown`` slows a pass down by this share of its CPU
    seconds; ``first`` and ``last`` are the updates of a dump. ``undone`` are sets of names of output changes: a check gives a
    digest for each set with its changes reverted, a dump reverts the first. ``held``: after the pass the worker sends
    ``PassCompleted`` and waits for another ``GO``, so that its teardown disturbs nobody. ``counted``: nothing is read beside the
    pass that could vary its instruction count. ``by_function``: Python functions are called over trampolines; their
    ``TrampolineAddresses`` precede the ``PassMeasurement``. ``name`` resolves the functions of these ``files`` and qualified
    ``names`` to names that are the same in every environment. ``propose`` runs a program once and asks the lever files ``files``
    what could make it faster; ``names`` are words of environment specs that the host found.

    ``profile`` runs the pass under the ``profiler`` of that name (a module of ``worker/profilers``), which writes its own
    ``artefact`` and samples every ``interval`` seconds, or observes the ``function`` ``module:name``. ``watch`` records when the
    updates of the numbers ``marks`` (from 0) came and when garbage was collected; ``trace`` how long each update took.
    ``resolve`` looks the ``function`` up as the ``profiler`` will, and runs no pass. ``written`` are folders in which the process
    writes beside its ``artefact``, such as Valgrind does: a worker that runs a program is confined to them.
    """

    task: str
    scenario: str
    mode: str = ""
    market: Optional[str] = None
    parameters: Dict[str, ParameterValue] = field(default_factory=dict)
    core: Optional[int] = None
    memory: bool = False
    slowdown: float = 0.0
    first: int = 0
    last: int = 0
    undone: List[List[str]] = field(default_factory=list)
    held: bool = False
    counted: bool = False
    by_function: bool = False
    files: List[str] = field(default_factory=list)
    names: List[str] = field(default_factory=list)
    profiler: str = ""
    artefact: str = ""
    interval: float = 0.001
    function: str = ""
    marks: List[int] = field(default_factory=list)
    batch: List[str] = field(default_factory=list)
    written: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class DescribedScenario:
    """A scenario file, and the packages that it imported."""

    scenario: Scenario
    packages: List[Package]


@dataclass(frozen=True)
class Ready:
    """Imported, set up, garbage collected, waiting for ``GO``; start-up in CPU seconds, and the checksum of the scenario file."""

    startup_seconds: float
    scenario: str


@dataclass(frozen=True)
class PassCompleted:
    """The pass is over and its instruction counts can be read; waiting for another ``GO``."""


@dataclass(frozen=True)
class Failed:
    """The request failed: the reason in one line, and the traceback. ``unavailable``: something is missing on this machine."""

    message: str
    detail: str
    unavailable: bool = False


@dataclass(frozen=True)
class Stamp:
    """The state of a file: as long as it is the same, so is the content.

    ``modified_ns`` is the time of the last change of the content, ``changed_ns`` that of any change of the file or of its name,
    which nobody can set, both in nanoseconds since 1970; ``inode`` and ``device`` identify the file.
    """

    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int
    device: int


@dataclass(frozen=True)
class Replayed:
    """A market file of a request: ``before`` anything was set up, and ``after`` all was torn down; None where it was missing.

    The host determines the SHA-256 that belongs to a stamp, so that a worker reads the file only in its pass.
    """

    before: Optional[Stamp]
    after: Optional[Stamp]


@dataclass(frozen=True)
class Done:
    """End of the answers. ``replayed`` are the market files of the request, in its order."""

    replayed: List[Replayed] = field(default_factory=list)


def is_plausible(number: float) -> bool:
    """Whether a pass may report a number; its sign does not matter."""
    return number == 0 or MIN_MAGNITUDE <= abs(number) <= MAX_MAGNITUDE


ANSWER_TYPES = {
    kind.__name__: kind
    for kind in (
        DescribedScenario,
        Ready,
        PassCompleted,
        PassMeasurement,
        OutputDigest,
        OutputItem,
        TrampolineAddresses,
        FunctionNames,
        CpuProfile,
        MemoryObservation,
        UpdateTimings,
        AllocationProfile,
        LineMemoryProfile,
        Proposals,
        Failed,
        Done,
    )
}


def encode_message(message: Any) -> bytes:
    """One line of the protocol, with its newline. Raises ValueError for NaN and infinity, which JSON does not have."""
    return (json.dumps({"say": type(message).__name__, **asdict(message)}, allow_nan=False) + "\n").encode()


__all__ = [
    "ANSWER_TYPES",
    "GO",
    "Allocation",
    "AllocationProfile",
    "CpuProfile",
    "DescribedScenario",
    "Done",
    "Failed",
    "Function",
    "FunctionNames",
    "GarbageCollection",
    "LineMemoryProfile",
    "MemoryObservation",
    "OutputDigest",
    "OutputItem",
    "Package",
    "ParameterValue",
    "PassCompleted",
    "PassMeasurement",
    "Proposal",
    "Proposals",
    "Ready",
    "Replayed",
    "Request",
    "Stamp",
    "TrampolineAddresses",
    "UpdateTimings",
    "encode_message",
]
