"""What uv and build backends say over many lines, in one."""

from __future__ import annotations

import re

from perfbench.errors import EnvironmentProblem

NO_WHEEL = (
    re.compile(r"Wheels are required for `([\w.-]+)`"),
    re.compile(r"([\w.-]+)(?:\[[^]]*\])?(?:\{[^}]*\})?[=<>!~]=?\S+ has no (?:usable )?wheels"),
)
NO_VERSION = re.compile(r"there is no version of ([\w.-]+)(?:\[[^]]*\])?(?:\{[^}]*\})?==(\S+?)(?=[ ,]|$)")
NOT_IN_INDEX = re.compile(r"Because ([\w.-]+) was not found in the package registry")
FAILED_BUILD = re.compile(r"Failed to (?:download and )?build `([^`]+)`")
UNREACHABLE = (
    "Request failed after",
    "error sending request",
    "network was disabled",
    "Network connectivity is disabled",
    "Failed to fetch",
    "Could not connect",
    "dns error",
    "Could not resolve host",
)
FULL_DISK = "No space left on device"


class Unreachable(EnvironmentProblem):
    """The package index could not be asked."""


def without_wheel(said: str) -> str:
    """The package that uv refuses because it has no wheel for this Python, else nothing."""
    return next((match[1] for pattern in NO_WHEEL if (match := pattern.search(said))), "")


def failed_build(said: str) -> str:
    """What could not be built (``name==version`` or a path), else nothing."""
    match = FAILED_BUILD.search(said)
    return match[1] if match else ""


def missing_release(said: str) -> tuple[str, str]:
    """Name and version of a release that does not exist, else two empty texts."""
    match = NO_VERSION.search(_flat(said))
    return (match[1], match[2].rstrip(",")) if match else ("", "")


def problem(said: str) -> EnvironmentProblem:
    """The reason why uv failed, in one line."""
    if FULL_DISK in said:
        return EnvironmentProblem(f"the disk is full ({FULL_DISK}): free some space, or set PERFBENCH_CACHE")
    flat = _flat(said)
    if match := NOT_IN_INDEX.search(flat):
        return EnvironmentProblem(f"{match[1]} is not in the package index")
    if (
        "No solution found" not in flat and any(mark in said for mark in UNREACHABLE)
    ) or "network was disabled" in said:
        return Unreachable("the package index cannot be reached")
    if failed_build(said):
        return EnvironmentProblem(f"{failed_build(said)} cannot be built: {last_line_of_build(said)}")
    return EnvironmentProblem(_conflict(flat))


def last_line_of_build(said: str) -> str:
    """The line of a failed build that says most: an error of the compiler, else the last line of the log."""
    log = (
        said.rpartition("[stderr]")[2]
        if "[stderr]" in said
        else re.split(r"^error: Failed", said, flags=re.MULTILINE)[0]
    )
    text = log.partition("\nhint: ")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[-1].startswith(("error: Command", "error: command")):
        compiler = [line for line in lines[:-1] if re.search(r"\berror\b", line)]
        lines = compiler[:1] or lines
    return lines[-1] if lines else "it says nothing about why"


def _conflict(flat: str) -> str:
    """The first thing that does not fit, out of the proof that uv prints."""
    match = re.search(r"Because (.+?)(?:, we can conclude that (.+?))?(?: And because|\. |$)", flat)
    if not match:
        line = re.sub(r"^error: ", "", flat)
        return line.partition(" hint: ")[0][:400] or "uv gave no reason"
    return match[1].rstrip(".")


def _flat(said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("warning:")]
    return " ".join(" ".join(lines).split())
