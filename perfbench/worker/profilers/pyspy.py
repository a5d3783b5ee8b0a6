"""py-spy: a process of its own that reads the stack of this one from outside, by ptrace, 1000 times a second."""

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

from perfbench.worker.cpu_profile_pass import Frame, RawProfile
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

ENTRY_PATTERN = re.compile(r"(?P<name>.*) \((?P<file>.*):(?P<line>\d+)\)$")


def observe(call: Callable[[], Any], path: str, asked: Request) -> RawProfile:
    """The pass with its stacks. Raises ScenarioError, with what py-spy says, if it may not look into this process."""
    spy = _start_spy(path, asked.interval)
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
                observed.add(tuple(map(_parse_frame, frames.split(";"))), int(count) * asked.interval)
                observed.samples += int(count)
    except OSError:
        pass  # no file, no samples: the host says so
    return observed


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
        raise ScenarioError("py-spy cannot be started: {}".format(error.strerror)) from error
    said: List[str] = []
    ready = threading.Event()
    threading.Thread(target=_collect_output, args=(spy, said, ready), daemon=True).start()
    if not ready.wait(SPY_TIMEOUT_SECONDS) or not any(READY_MESSAGE in line for line in said):
        spy.kill()
        words = " ".join(" ".join(said).replace("py-spy>", "").split()) or "it did not say why"
        raise ScenarioError("py-spy may not look into this process: {}; take another --profiler".format(words))
    return spy


def _collect_output(spy: Any, said: List[str], ready: threading.Event) -> None:
    for line in spy.stdout:
        said.append(line)
        if READY_MESSAGE in line:
            ready.set()
    ready.set()


def _allow_all_cores() -> None:
    """The core of this process is for the pass alone."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def _parse_frame(entry: str) -> Frame:
    found = ENTRY_PATTERN.match(entry)
    if found is None:
        return BUILT_IN_FILE, 0, entry
    return found["file"], int(found["line"]), found["name"]
