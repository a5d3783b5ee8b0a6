"""Every error with its exit code (the table stands in README.md), its cause and its hint.

The cause is one line: what is wrong, and where. The hint is another: what to do about it. Terminals show both; journals, saved runs
and exports get the cause alone, which is the text of the error.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the process."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    REGRESSED = 3
    INCONCLUSIVE = 4
    NOT_MEASURED = 5
    OUTPUTS_DIFFER = 6
    HUNG_UP = 129
    INTERRUPTED = 130


class PerfbenchError(Exception):
    """Base of all errors that are reported without a traceback."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, cause: str, *, hint: str = "") -> None:
        self.cause = " ".join(cause.splitlines())
        super().__init__(self.cause)
        self.hint = hint

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines for a terminal: the cause, and the hint if there is one."""
        return (self.cause, f"hint: {self.hint}") if self.hint else (self.cause,)


class UsageProblem(PerfbenchError):
    """The command line or the configuration asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class ExtraMissing(UsageProblem):
    """Something needs packages that are not installed here; the hint names the extra that brings them."""


class NotMeasured(PerfbenchError):
    """Something that was asked for could not be measured."""

    exit_code = ExitCode.NOT_MEASURED


class DataProblem(NotMeasured):
    """A market file, an archive or a folder cannot be used."""


class ScenarioProblem(NotMeasured):
    """A scenario file cannot be loaded or described."""


class EnvironmentProblem(NotMeasured):
    """An environment cannot be built."""


class TrialFailed(NotMeasured):
    """A worker process crashed, timed out, exited or broke the protocol; ``detail`` is its traceback or the end of its stderr.

    ``unavailable``: the scenario reports that something it needs is missing on this machine.
    """

    def __init__(self, cause: str, detail: str = "", *, unavailable: bool = False, hint: str = "") -> None:
        super().__init__(cause, hint=hint)
        self.detail = detail
        self.unavailable = unavailable


class StorageProblem(NotMeasured):
    """A saved run cannot be read or written."""


class EngineProblem(NotMeasured):
    """The cluster that measures is lost, or none of its workers can measure; what it measured so far is saved."""


class OutputsDiffer(PerfbenchError):
    """Two modes that should do the same work gave different output."""

    exit_code = ExitCode.OUTPUTS_DIFFER


class Regressed(PerfbenchError):
    """A gate found a regression, or a budget that is exceeded."""

    exit_code = ExitCode.REGRESSED


class Inconclusive(PerfbenchError):
    """A gate is inconclusive, and has to fail then."""

    exit_code = ExitCode.INCONCLUSIVE


class Interrupted(PerfbenchError):
    """The user interrupted it, or its terminal was closed (``hung_up``); everything measured so far is saved."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, cause: str, *, hint: str = "", hung_up: bool = False) -> None:
        super().__init__(cause, hint=hint)
        if hung_up:
            self.exit_code = ExitCode.HUNG_UP
