"""What uv and build backends say over many lines, in one."""

from __future__ import annotations

import re

from perfbench.errors import EnvironmentProblem

NO_WHEEL_PATTERNS = (
    re.compile(r"Wheels are required for `([\w.-]+)`"),
    re.compile(r"([\w.-]+)(?:\[[^]]*\])?(?:\{[^}]*\})?[=<>!~]=?\S+ has no (?:usable )?wheels"),
)
NO_VERSION_PATTERN = re.compile(r"there is no version of ([\w.-]+)(?:\[[^]]*\])?(?:\{[^}]*\})?==(\S+?)(?=[ ,]|$)")
NOT_IN_INDEX_PATTERN = re.compile(r"Because ([\w.-]+) was not found in the package registry")
FAILED_BUILD_PATTERN = re.compile(r"Failed to (?:download and )?build `([^`]+)`")
UNREACHABLE_MESSAGES = (
    "Request failed after",
    "error sending request",
    "network was disabled",
    "Network connectivity is disabled",
    "Failed to fetch",
    "Could not connect",
    "dns error",
    "Could not resolve host",
    "unable to access",
    "Failed to connect",
)
OTHER_PYTHON_PATTERN = re.compile(
    r"the current Python version \((\S+)\) does not satisfy Python\S+ and (\S+) depends on Python(\S+),"
)
NO_EXTRA_PATTERN = re.compile(r"The package `([^`]+)` does not have an extra named `([^`]+)`")
COMPILER_ERROR_PATTERN = re.compile(r":\d+: (?:fatal )?error: |^error\[E\d+\]: ")
EXCEPTION_PATTERN = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Exit|NotFound)(?::|$)")
MAX_REASON_LENGTH = 400
"""Characters of a reason: uv proves some conflicts over many pages."""

DISK_FULL_MESSAGE = "No space left on device"


class IndexUnreachable(EnvironmentProblem):
    """The package index could not be asked."""


def find_package_without_wheel(said: str) -> str:
    """The package that uv refuses because it has no wheel for this Python, else nothing."""
    return next((match[1] for pattern in NO_WHEEL_PATTERNS if (match := pattern.search(said))), "")


def find_failed_build(said: str) -> str:
    """What could not be built (``name==version`` or a path), else nothing."""
    match = FAILED_BUILD_PATTERN.search(said)
    return match[1] if match else ""


def find_missing_release(said: str) -> tuple[str, str]:
    """Name and version of a release that does not exist, else two empty texts."""
    match = NO_VERSION_PATTERN.search(_flatten_text(said))
    return (match[1], match[2].rstrip(",")) if match else ("", "")


def build_problem(said: str) -> EnvironmentProblem:
    """The reason why uv failed, in one line."""
    if DISK_FULL_MESSAGE in said:
        return EnvironmentProblem(f"the disk is full ({DISK_FULL_MESSAGE}): free some space, or set PERFBENCH_CACHE")
    flat = _flatten_text(said)
    if match := NOT_IN_INDEX_PATTERN.search(flat):
        return EnvironmentProblem(f"{match[1]} is not in the package index")
    if (
        "No solution found" not in flat and any(mark in said for mark in UNREACHABLE_MESSAGES)
    ) or "network was disabled" in said:
        return IndexUnreachable("the package index cannot be reached; `perfbench environments` lists what is kept here")
    if find_failed_build(said):
        return EnvironmentProblem(f"{find_failed_build(said)} cannot be built: {find_build_error(said)}")
    if match := OTHER_PYTHON_PATTERN.search(flat):
        return EnvironmentProblem(f"{match[2]} needs Python {match[3]}, this is {match[1]}")
    return EnvironmentProblem(_describe_conflict(flat))


def find_unknown_extras(said: str) -> tuple[str, ...]:
    """What to tell about extras that a release does not have: uv goes on without them."""
    return tuple(
        f"{package.replace('==', ' ')} has no extra `{extra}`" for package, extra in NO_EXTRA_PATTERN.findall(said)
    )


def find_build_error(said: str) -> str:
    """The line of a failed build that says most: a compiler's first error, else the exception, else the last line."""
    log = (
        said.rpartition("[stderr]")[2]
        if "[stderr]" in said
        else re.split(r"^error: Failed", said, flags=re.MULTILINE)[0]
    )
    lines = [line.strip() for line in log.partition("\nhint: ")[0].splitlines() if line.strip()]
    compiler = [line for line in lines if COMPILER_ERROR_PATTERN.search(line)]
    # What the build printed may come later than the end of its traceback: these are two streams.
    raised = [line for line in lines if EXCEPTION_PATTERN.match(line)]
    return (compiler[:1] or raised[-1:] or lines[-1:] or ["it says nothing about why"])[0]


def _describe_conflict(flat: str) -> str:
    """What does not fit together: the premises of the proof that uv prints, without its conclusions."""
    premises = re.findall(r"\b(?:B|b)ecause (.+?)(?:, we can conclude|$)", flat.partition(" hint: ")[0])
    if not premises:
        return re.sub(r"^error: ", "", flat).partition(" hint: ")[0][:MAX_REASON_LENGTH] or "uv gave no reason"
    return " and ".join(dict.fromkeys(premises))[:MAX_REASON_LENGTH]


def _flatten_text(said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("warning:")]
    return " ".join(" ".join(lines).split())
