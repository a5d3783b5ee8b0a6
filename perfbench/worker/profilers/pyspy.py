"""py-spy: a separate process that samples the stack of this one with ptrace, 1000 times a second."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from typing import Any, Callable, List, Tuple

from perfbench.worker.cpu_profile_pass import ALL_THREADS_FRAME, Frame, RawProfile
from perfbench.worker.function_names import BUILT_IN_FILE
from perfbench.worker.protocol import Request
from perfbench.worker.scenario_api import ScenarioError

NEEDS: Tuple[str, ...] = ("py-spy",)
SUFFIX = ".pyspy.txt"

READY_MESSAGE = "Sampling process"
SPY_TIMEOUT_SECONDS = 30.0
PR_SET_PTRACER = 0x59616D61
"""prctl(2): whom Yama lets trace this process."""
PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)

THREAD_ENTRY = ("threading.py", "_bootstrap_inner")
"""File and name of the function that calls everything in a thread."""

ENTRY_PATTERN = re.compile(r"(?P<name>.*) \((?P<file>.*):(?P<line>\d+)\)$")


def observe(call: Callable[[], Any], path: str, request: Request) -> RawProfile:
    """Profile the pass: stacks. Raises ScenarioError with the output of py-spy if it may not trace this process."""
    spy = _start_spy(path, request.interval)
    try:
        outcome = call()
    finally:
        spy.send_signal(signal.SIGINT)
        spy.wait(SPY_TIMEOUT_SECONDS)
    observed = RawProfile(outcome)
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                frames, _, count = line.rstrip("\n").rpartition(" ")
                stack = _mark_thread(tuple(map(_parse_frame, frames.split(";"))))
                observed.add(stack, int(count) * request.interval)
                observed.samples += int(count)
    except OSError:
        pass  # without a file there are no samples, which the host reports
    return observed


def _mark_thread(stack: Tuple[Frame, ...]) -> Tuple[Frame, ...]:
    """A stack of another thread than the main one below the function that stands for these threads."""
    entered = [place for place, (file, _, name) in enumerate(stack) if (os.path.basename(file), name) == THREAD_ENTRY]
    return stack if not entered else (ALL_THREADS_FRAME, *stack[entered[0] + 1 :])


def _start_spy(path: str, interval: float) -> "subprocess.Popen[str]":
    program = os.path.join(sysconfig.get_path("scripts"), "py-spy")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    rate = str(max(1, round(1 / interval)))
    command = [program, "record", "--pid", str(os.getpid()), "--rate", rate, "--format", "raw", "--function"]
    try:
        spy = subprocess.Popen(
            [*command, "--full-filenames", "--output", path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_allow_all_cores,  # noqa: PLW1509 - this process has no threads yet
        )
    except OSError as error:
        raise ScenarioError("cannot start py-spy: {}".format(error.strerror)) from error
    output: List[str] = []
    ready = threading.Event()
    threading.Thread(target=_collect_output, args=(spy, output, ready), daemon=True).start()
    if not ready.wait(SPY_TIMEOUT_SECONDS) or not any(READY_MESSAGE in line for line in output):
        spy.kill()
        words = " ".join(" ".join(output).replace("py-spy>", "").split()) or "no reason given"
        raise ScenarioError("py-spy may not trace this process: {}; choose another --profiler".format(words))
    return spy


def _collect_output(spy: Any, output: List[str], ready: threading.Event) -> None:
    for line in spy.stdout:
        output.append(line)
        if READY_MESSAGE in line:
            ready.set()
    ready.set()


def _allow_all_cores() -> None:
    """Let py-spy use all cores: that of this process is reserved for the pass."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def _parse_frame(entry: str) -> Frame:
    match = ENTRY_PATTERN.match(entry)
    if match is None:
        return BUILT_IN_FILE, 0, entry
    return match["file"], int(match["line"]), match["name"]
