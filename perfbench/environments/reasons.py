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
    "unable to access",
    "Failed to connect",
)
OTHER_PYTHON = re.compile(
    r"the current Python version \((\S+)\) does not satisfy Python\S+ and (\S+) depends on Python(\S+),"
)
NO_EXTRA = re.compile(r"The package `([^`]+)` does not have an extra named `([^`]+)`")
COMPILER = re.compile(r":\d+: (?:fatal )?error: |^error\[E\d+\]: ")
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Exit|NotFound)(?::|$)")
LONGEST = 400
"""Characters of a reason: uv proves some conflicts over many pages."""

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
        return Unreachable("the package index cannot be reached; `perfbench environments` lists what is kept here")
    if failed_build(said):
        return EnvironmentProblem(f"{failed_build(said)} cannot be built: {last_line_of_build(said)}")
    if match := OTHER_PYTHON.search(flat):
        return EnvironmentProblem(f"{match[2]} needs Python {match[3]}, this is {match[1]}")
    return EnvironmentProblem(_conflict(flat))


def unknown_extras(said: str) -> tuple[str, ...]:
    """What to tell about extras that a release does not have: uv goes on without them."""
    return tuple(f"{package.replace('==', ' ')} has no extra `{extra}`" for package, extra in NO_EXTRA.findall(said))


def last_line_of_build(said: str) -> str:
    """The line of a failed build that says most: a compiler's first error, else the exception, else the last line."""
    log = (
        said.rpartition("[stderr]")[2]
        if "[stderr]" in said
        else re.split(r"^error: Failed", said, flags=re.MULTILINE)[0]
    )
    lines = [line.strip() for line in log.partition("\nhint: ")[0].splitlines() if line.strip()]
    compiler = [line for line in lines if COMPILER.search(line)]
    # What the build printed may come later than the end of its traceback: these are two streams.
    raised = [line for line in lines if EXCEPTION.match(line)]
    return (compiler[:1] or raised[-1:] or lines[-1:] or ["it says nothing about why"])[0]


def _conflict(flat: str) -> str:
    """What does not fit together: the premises of the proof that uv prints, without its conclusions."""
    premises = re.findall(r"\b(?:B|b)ecause (.+?)(?:, we can conclude|$)", flat.partition(" hint: ")[0])
    if not premises:
        return re.sub(r"^error: ", "", flat).partition(" hint: ")[0][:LONGEST] or "uv gave no reason"
    return " and ".join(dict.fromkeys(premises))[:LONGEST]


def _flat(said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("warning:")]
    return " ".join(" ".join(lines).split())
