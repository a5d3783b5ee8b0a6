"""Errors of uv and build backends, summarised in one line."""

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
"""Characters of a reason: uv explains some conflicts over many pages."""

DISK_FULL_MESSAGE = "No space left on device"


class IndexUnreachable(EnvironmentProblem):
    """The package index or a repository cannot be reached."""


def find_package_without_wheel(output: str) -> str:
    """The package that uv rejects because it has no wheel for this Python; empty without one."""
    return next((match[1] for pattern in NO_WHEEL_PATTERNS if (match := pattern.search(output))), "")


def find_failed_build(output: str) -> str:
    """The package whose build failed (``name==version`` or a path); empty without one."""
    match = FAILED_BUILD_PATTERN.search(output)
    return match[1] if match else ""


def find_missing_release(output: str) -> tuple[str, str]:
    """Name and version of a release that does not exist; empty without one."""
    match = NO_VERSION_PATTERN.search(_flatten_text(output))
    return (match[1], match[2].rstrip(",")) if match else ("", "")


def build_problem(output: str) -> EnvironmentProblem:
    """The error of a failed call of uv."""
    if DISK_FULL_MESSAGE in output:
        return EnvironmentProblem(
            f"the disk is full ({DISK_FULL_MESSAGE})",
            hint="free some space or choose another cache folder (PERFBENCH_CACHE)",
        )
    flat = _flatten_text(output)
    if match := NOT_IN_INDEX_PATTERN.search(flat):
        return EnvironmentProblem(f"{match[1]} is not in the package index")
    if (
        "No solution found" not in flat and any(mark in output for mark in UNREACHABLE_MESSAGES)
    ) or "network was disabled" in output:
        return IndexUnreachable(
            "the package index cannot be reached", hint="`perfbench environments` lists the cached environments"
        )
    if find_failed_build(output):
        return EnvironmentProblem(f"cannot build {find_failed_build(output)}: {find_build_error(output)}")
    if match := OTHER_PYTHON_PATTERN.search(flat):
        return EnvironmentProblem(f"{match[2]} requires Python {match[3]}, not {match[1]}")
    return EnvironmentProblem(_describe_conflict(flat))


def find_unknown_extras(output: str) -> tuple[str, ...]:
    """Notes about extras that a release does not have: uv continues without them."""
    return tuple(
        f"{package.replace('==', ' ')} has no extra `{extra}`" for package, extra in NO_EXTRA_PATTERN.findall(output)
    )


def find_build_error(output: str) -> str:
    """The most informative line of a failed build: a compiler's first error, else the exception, else the last line."""
    log = (
        output.rpartition("[stderr]")[2]
        if "[stderr]" in output
        else re.split(r"^error: Failed", output, flags=re.MULTILINE)[0]
    )
    lines = [line.strip() for line in log.partition("\nhint: ")[0].splitlines() if line.strip()]
    compiler = [line for line in lines if COMPILER_ERROR_PATTERN.search(line)]
    # The output of the build may follow the end of its traceback: these are two streams.
    raised = [line for line in lines if EXCEPTION_PATTERN.match(line)]
    return (compiler[:1] or raised[-1:] or lines[-1:] or ["no reason given"])[0]


def _describe_conflict(flat: str) -> str:
    """The conflicting requirements: the premises of uv's explanation, without its conclusions."""
    premises = re.findall(r"\b(?:B|b)ecause (.+?)(?:, we can conclude|$)", flat.partition(" hint: ")[0])
    if not premises:
        return re.sub(r"^error: ", "", flat).partition(" hint: ")[0][:MAX_REASON_LENGTH] or "uv: no reason given"
    return " and ".join(dict.fromkeys(premises))[:MAX_REASON_LENGTH]


def _flatten_text(output: str) -> str:
    lines = [line for line in output.splitlines() if not line.startswith("warning:")]
    return " ".join(" ".join(lines).split())
