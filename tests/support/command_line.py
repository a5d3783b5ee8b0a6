"""The command line as a user calls it: in this process, or in one of its own where the process matters.

A call in this process saves the start of an interpreter and its imports. Everything else is real: the entry point, the
environment, the folder, the file descriptors 1 and 2, the measured workers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from perfbench.__main__ import main
from perfbench.environments import cache, uv, uv_compile

HERE = Path(__file__).resolve().parents[1]
SCENARIOS = HERE / "data" / "scenarios"
KEPT = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH")
QUICK = ("--quiet", "--quick", "--rounds", "1")
READ_BY_INTERPRETER = ("PYTHON", "LC_", "LANG", "LD_", "TZ")
"""Prefixes of variables that have an effect only when a process starts."""

HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SHARED_CACHE = "CACHE_OF_SCENARIO_TESTS"
"""Names the cache of a test file that shares one with others; without it every folder has its own."""


def variables(folder: Path, **more: str) -> dict[str, str]:
    """A clean environment whose temporary files stay in this folder, and its cache if it is not shared."""
    (folder / "tmp").mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        "PERFBENCH_CACHE": os.environ.get(SHARED_CACHE) or str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def perfbench(
    *arguments: object,
    folder: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
    process: bool = False,
) -> subprocess.CompletedProcess[str]:
    """``perfbench …`` called in a folder; its output is UTF-8 and never wrapped.

    It is called in this process, unless ``process`` or a variable that only an interpreter's start reads requires another.
    """
    command = [sys.executable, "-m", "perfbench", *map(str, arguments)]
    environment = variables(folder, **(env or {}))
    starts_interpreter = any(name.startswith(READ_BY_INTERPRETER) for name in env or {})
    if process or starts_interpreter or threading.current_thread() is not threading.main_thread():
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", cwd=folder, env=environment, timeout=timeout, check=False
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _process_state(folder, environment, command[2:]), _standard_streams(out, err):
            code = call_main()
        texts = [_content_of(stream) for stream in (out, err)]
    return subprocess.CompletedProcess(command, code, *texts)


def call_main() -> int:
    """The exit code of the entry point, as an interpreter would end with it."""
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    return 0


@contextmanager
def _process_state(folder: Path, environment: Mapping[str, str], argv: list[str]) -> Iterator[None]:
    """Working folder, environment, arguments, signal handlers and caches of this process, restored at the end."""
    before = dict(os.environ)
    cwd, arguments, temporary, bytecode = os.getcwd(), sys.argv, tempfile.tempdir, sys.dont_write_bytecode
    handlers = {number: signal.getsignal(number) for number in HANDLED_SIGNALS}
    in_use = set(cache._shared_locks)
    try:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, tempfile.tempdir, sys.dont_write_bytecode = argv, None, True
        _forget_environment()
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.environ.clear()
        os.environ.update(before)
        sys.argv, tempfile.tempdir, sys.dont_write_bytecode = arguments, temporary, bytecode
        os.chdir(cwd)
        _forget_environment()
        for key in cache._shared_locks.keys() - in_use:
            cache.release_shared_lock(key)  # the exit of a process does


def _forget_environment() -> None:
    """Empty the caches of what depends on environment variables."""
    uv._read_pip_settings.cache_clear()
    uv_compile._newest_is_compiled.cache_clear()


@contextmanager
def _standard_streams(out: IO[bytes], err: IO[bytes]) -> Iterator[None]:
    """The file descriptors 0, 1 and 2 and the streams of Python on them lead to nothing and to these files."""
    streams = sys.stdin, sys.stdout, sys.stderr
    with ExitStack() as stack:
        for stream in streams[1:]:
            stream.flush()
        for number in (0, 1, 2):
            saved = os.dup(number)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, number)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", newline="", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, "utf-8", "backslashreplace", "", closefd=False)
        try:
            yield
        finally:
            for own in (sys.stdin, sys.stdout, sys.stderr):
                with suppress(ValueError):  # closed already
                    own.close()
            sys.stdin, sys.stdout, sys.stderr = streams


def _content_of(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8")


def measured(
    scenario: str,
    *arguments: object,
    folder: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
    process: bool = False,
) -> subprocess.CompletedProcess[str]:
    """``perfbench run`` with one of the test scenarios, two rounds by default."""
    rounds = () if any(str(argument) in ("--rounds", "--max-time") for argument in arguments) else QUICK
    options = ("--scenarios", SCENARIOS, *rounds, *arguments)
    return perfbench("run", scenario, *options, folder=folder, env=env, timeout=timeout, process=process)


def without(market: Path, path: Path, *fields: str) -> None:
    """Write the market without these fields of its runners."""
    lines = []
    for text in market.read_text(encoding="utf-8").splitlines():
        message = json.loads(text)
        for change in message.get("mc", ()):
            change["rc"] = [{k: v for k, v in rc.items() if k not in fields} for rc in change.get("rc", ())]
        lines.append(json.dumps(message) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def one_line(text: str) -> str:
    """The only line of a text, or its two lines if the second is a hint; there must be no more, and no traceback."""
    cause, *hints = text.splitlines() or [""]
    assert cause, text
    assert not hints or (len(hints) == 1 and hints[0].startswith("hint: ")), text
    assert not cause.startswith("hint: "), text
    assert "Traceback" not in text
    return "\n".join((cause, *hints))
