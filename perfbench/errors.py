"""Every way to fail, each with its exit code (the table stands in README.md).

An error's text is one line for the user: what is wrong, where, and what to do.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    REGRESSED = 3
    INCONCLUSIVE = 4
    NOT_MEASURED = 5
    OUTPUTS_DIFFER = 6
    INTERRUPTED = 130


class PerfbenchError(Exception):
    """The base of everything that perfbench says in one line instead of a traceback."""

    exit_code = ExitCode.INTERNAL


class UsageProblem(PerfbenchError):
    """The command line or the configuration asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class NotMeasured(PerfbenchError):
    """Something that was asked for could not be measured."""

    exit_code = ExitCode.NOT_MEASURED


class DataProblem(NotMeasured):
    """A market file, an archive or a folder cannot be used."""


class ScenarioProblem(NotMeasured):
    """A scenario file cannot be loaded or described."""


class EnvironmentProblem(NotMeasured):
    """An environment cannot be built: the reason in one line."""


class TrialFailed(NotMeasured):
    """A worker process crashed, hung, exited or broke the protocol; ``detail`` is its traceback or the end of its stderr.

    ``unavailable``: the scenario says that something is missing on this machine.
    """

    def __init__(self, message: str, detail: str = "", *, unavailable: bool = False) -> None:
        super().__init__(message)
        self.detail = detail
        self.unavailable = unavailable


class StorageProblem(NotMeasured):
    """A saved run cannot be read or written."""


class OutputsDiffer(PerfbenchError):
    """Two modes that should do the same work gave different output."""

    exit_code = ExitCode.OUTPUTS_DIFFER


class Regressed(PerfbenchError):
    """A gate found a regression, or a budget that is exceeded."""

    exit_code = ExitCode.REGRESSED


class Inconclusive(PerfbenchError):
    """A gate could not tell, and was asked to fail then."""

    exit_code = ExitCode.INCONCLUSIVE


class Interrupted(PerfbenchError):
    """The user ended it; everything measured so far is saved."""

    exit_code = ExitCode.INTERRUPTED
