"""Instruction counts by Python function, from passes under callgrind, and their differences.

The instructions of a function are its own and those of all the C code that it ran, without the Python functions that it called.
Every call goes over a trampoline, which costs instructions itself: a pass executes some more than one that is only counted.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfbench.errors import TrialFailed
from perfbench.model import Case, CaseGroup, Environment, Trial
from perfbench.profiling.instructions import attribution, callgrind_parser
from perfbench.profiling.instructions.callgrind_parser import CallgrindCounts
from perfbench.profiling.model import NO_CALLER, CallCount
from perfbench.runner import callgrind
from perfbench.runner.callgrind import Callgrind
from perfbench.runner.instruction_pass import run_counted_pass
from perfbench.runner.trial import Conditions, build_request, build_sample_result, start_worker
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.perf_trampolines import MAP_PATH_TEMPLATE
from perfbench.worker.protocol import Function, FunctionNames, PassMeasurement, TrampolineAddresses

OLDEST_PYTHON = (3, 12)
"""The first Python with trampolines (https://docs.python.org/3/library/sys.html#sys.activate_stack_trampoline)."""

MIN_CHANGE_SHARE = 0.001
"""A function that takes more or less by this share of all instructions before has changed."""

GARBAGE_COLLECTION = Function("garbage collection", "built-in")
"""A collection starts in whichever function allocates at the threshold, so no function owns it."""


@dataclass(frozen=True, slots=True)
class FunctionCounts:
    """The instructions of a pass by function; with the ``rest``, which no function of Python is behind, exactly the ``total``.

    ``instructions`` and ``calls`` are of the ``functions`` in their order, ``callers`` say from where; one that perfbench called
    has no caller. A generator is called each time it goes on. To free the updates that a mode yields is in the rest too.
    """

    work: int
    functions: tuple[Function, ...]
    instructions: tuple[int, ...]
    calls: tuple[int, ...]
    callers: tuple[CallCount, ...]
    rest: int
    total: int


@dataclass(frozen=True, slots=True)
class FunctionCountChange:
    """A function that two sides differ in: its own instructions and its calls per unit of work, before and after."""

    function: Function
    before: float
    after: float
    calls_before: float
    calls_after: float

    @property
    def change(self) -> float:
        """Instructions per unit of work that came on top; below zero if they became fewer."""
        return self.after - self.before


def explain_unavailable(environment: Environment) -> str:
    """The reason why instructions cannot be counted by function there, in one line; empty if none is known."""
    reason = callgrind.explain_unavailable()
    numbers = re.match(r"(\d+)\.(\d+)", environment.version)
    if reason or numbers is None or (int(numbers[1]), int(numbers[2])) >= OLDEST_PYTHON:
        return reason
    return (
        "instructions by function need Python 3.12 or newer in the environment: "
        f"{environment.name} has {environment.version}, add python==3.12 to its spec"
    )


def count_functions(trial: Trial, table: CaseGroup, conditions: Conditions) -> FunctionCounts:
    """Count the instructions of the functions of one case in a pass on the first lines of the market. Raises TrialFailed."""
    (case,) = trial.cases
    on_head = replace(table, market=table.head)
    request = build_request("time", on_head, case, conditions.core_for(table))
    counting = replace(request, held=True, counted=True, by_function=True)
    timeout = conditions.timeout * callgrind.TIMEOUT_FACTOR
    with Callgrind(by_function=True) as counter:
        counting = replace(counting, written=[counter.folder])
        worker = start_worker(on_head, case, counting, trial, timeout, counter.prefix)
        try:
            with worker:
                counts, addressed, work = _run_counted_pass(worker, counter, trial, table, case)
        finally:
            # A worker that failed or was killed did not remove it.
            with contextlib.suppress(OSError):
                Path(MAP_PATH_TEMPLATE.format(worker.pid)).unlink()
    naming = replace(request, task="name", core=None, files=addressed.files, names=addressed.names)
    with start_worker(on_head, case, naming, trial, conditions.timeout) as worker:
        named = worker.expect(FunctionNames)
        worker.end()
    return group_by_function(counts, addressed.addresses, named.functions, work)


def _run_counted_pass(
    worker: WorkerProcess, counter: Callgrind, trial: Trial, table: CaseGroup, case: Case
) -> tuple[CallgrindCounts, TrampolineAddresses, int]:
    ready, written = run_counted_pass(worker, table, counter.start, counter.stop_and_read)
    addressed = worker.expect(TrampolineAddresses)
    measured = worker.expect(PassMeasurement)
    worker.end()
    failure = build_sample_result(trial, table.place(case), 0, ready, measured, worker.describe_output()).failure
    if failure is not None:
        raise TrialFailed(failure.message, failure.detail)
    return callgrind_parser.parse_counts(written), addressed, measured.work


def group_by_function(
    counts: CallgrindCounts, addresses: Sequence[str], functions_at: Sequence[Function], work: int
) -> FunctionCounts:
    """What callgrind counted, by the functions at these addresses. Those of perfbench go to the rest."""
    named = {
        callgrind.format_unnamed(address): function for address, function in zip(addresses, functions_at, strict=True)
    }
    collecting = [node.name for node in counts.nodes if node.name.startswith(callgrind.COLLECTOR_PREFIX)]
    counted = {node.name for node in counts.nodes}
    functions = {
        function.key: function
        for address, function in named.items()
        if address in counted and function.kind != "perfbench"
    }
    if collecting:
        functions[GARBAGE_COLLECTION.key] = GARBAGE_COLLECTION
    indices = {key: index for index, key in enumerate(functions)}
    owners = {address: indices.get(function.key, NO_CALLER) for address, function in named.items()}
    owners.update((name, indices[GARBAGE_COLLECTION.key]) for name in collecting)
    apportioned = attribution.attribute_counts(counts, owners, len(functions))
    calls = [0] * len(functions)
    for call in apportioned.calls:
        calls[call.callee] += call.count
    return FunctionCounts(
        work=work,
        functions=tuple(functions.values()),
        instructions=apportioned.instructions,
        calls=tuple(calls),
        callers=apportioned.calls,
        rest=apportioned.rest,
        total=counts.total,
    )


def diff_counts(before: Sequence[FunctionCounts], after: Sequence[FunctionCounts]) -> tuple[FunctionCountChange, ...]:
    """The functions that two sides differ in, by their keys, the largest change first; each side counted under every hash seed.

    Instructions and calls are means over the seeds. A function that one side does not have executes nothing there.
    """
    functions = {function.key: function for counts in (*before, *after) for function in counts.functions}
    first, second = _compute_means(before), _compute_means(after)
    limit = MIN_CHANGE_SHARE * sum(counts.total / counts.work for counts in before) / len(before)
    nothing = 0.0, 0.0
    changes = [
        FunctionCountChange(function, *(pair[0] for pair in sides), *(pair[1] for pair in sides))
        for key, function in functions.items()
        for sides in [(first.get(key, nothing), second.get(key, nothing))]
    ]
    large = (change for change in changes if abs(change.change) > limit)
    return tuple(sorted(large, key=lambda change: (-abs(change.change), change.function.key)))


def _compute_means(side: Sequence[FunctionCounts]) -> dict[str, tuple[float, float]]:
    """Instructions and calls per unit of work by key, over all counts of a side."""
    sums: dict[str, tuple[float, float]] = {}
    for counts in side:
        for function, executed, called in zip(counts.functions, counts.instructions, counts.calls, strict=True):
            own, calls = sums.get(function.key, (0.0, 0.0))
            sums[function.key] = own + executed / counts.work, calls + called / counts.work
    return {key: (own / len(side), calls / len(side)) for key, (own, calls) in sums.items()}
