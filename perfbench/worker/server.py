"""Answer one request: describe a scenario file, or run a timed, check or profiled pass."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import sys
import sysconfig
import time
import traceback
from dataclasses import asdict
from typing import Any, BinaryIO, Callable, FrozenSet, Iterator, List, Optional

from perfbench.worker import (
    allocation_pass,
    cpu_profile_pass,
    memory_pass,
    output_digest,
    timed_pass,
    update_hooks,
    update_timing_pass,
)
from perfbench.worker.batch import chain_calls
from perfbench.worker.files import stamp
from perfbench.worker.function_names import FunctionNamer
from perfbench.worker.perf_trampolines import Trampolines, build_map_path
from perfbench.worker.program_loader import load_scenario
from perfbench.worker.program_messages import replace_infinity
from perfbench.worker.protocol import (
    GO,
    DescribedScenario,
    Done,
    Failed,
    FunctionNames,
    Package,
    PassCompleted,
    Proposals,
    Ready,
    Replayed,
    Request,
    encode_message,
)
from perfbench.worker.scenario_api import NotAvailable, ScenarioError
from perfbench.worker.scenario_loader import LoadedScenario


class RequestServer:
    """The worker's end of the protocol."""

    def __init__(self, requests: BinaryIO, answers: int) -> None:
        self._requests = requests
        self._answers = answers
        self._process = os.getpid()
        self._recursion_limit = sys.getrecursionlimit()

    def send(self, message: object) -> None:
        """Write one answer; a copy of this process that a scenario forked ends here instead."""
        if os.getpid() != self._process:
            os._exit(0)
        rest = encode_message(message)
        while rest:
            rest = rest[os.write(self._answers, rest) :]

    def serve(self) -> None:
        """Answer one request; an exception of the scenario becomes ``Failed``."""
        fields = json.loads(self._requests.readline())
        fields.pop("say")
        request = Request(**fields)
        files = [] if request.market is None else [request.market, *request.batch]
        before = {file: stamp(file) for file in files}
        try:
            if request.core is not None:
                os.sched_setaffinity(0, {request.core})
            self._answer(request)
        except NotAvailable as missing:
            self._restore_process()
            self.send(Failed(" ".join(str(missing).split()), "", unavailable=True))
        except BaseException as error:  # a scenario may raise anything, SystemExit included
            self._restore_process()
            self.send(Failed(_format_error(error, request), traceback.format_exc()))
        else:
            self.send(Done([Replayed(was, stamp(file)) for file, was in before.items()]))

    def _answer(self, request: Request) -> None:
        loaded = load_scenario(request.scenario, request.task, _list_written(request))
        if request.task == "describe":
            self.send(DescribedScenario(loaded.describe(), list_imported_packages()))
            return
        if request.task == "name":
            namer = FunctionNamer(request.scenario)
            self.send(FunctionNames(list(map(namer.qualified, request.files, request.names))))
            return
        undone = _read_undone_changes(request, loaded)
        with contextlib.ExitStack() as teardown:
            files = [request.market, *request.batch]
            bound = [loaded.bound(request.mode, file, request.parameters) for file in files]
            call = chain_calls([teardown.enter_context(context) for context in bound])
            if request.task == "time":
                self._time(call, loaded.sha256, request)
            elif request.task == "dump":
                shown = undone[0] if undone else output_digest.NO_CHANGES
                for item in output_digest.iterate_items(call, loaded.canonical, request.first, request.last, shown):
                    self.send(item)
            elif request.task == "resolve":
                cpu_profile_pass.load_profiler(request.profiler).resolve(request)
            elif request.task == "propose":
                self._send_with_packages(_collect_proposals(loaded, call, request))
            elif request.task == "check":
                with update_hooks.counting_handled():
                    digest = output_digest.digest_output(call, loaded.canonical, loaded.traits, undone)
                self._send_with_packages(digest)
            else:
                self._send_with_packages(self._run_profiled_pass(call, loaded.sha256, request))

    def _run_profiled_pass(self, call: Callable[[], Any], scenario: str, request: Request) -> Any:
        """The answer to a request for a profiled pass."""
        ready = lambda: self._ready(scenario)  # noqa: E731
        if request.task == "watch":
            return memory_pass.run_memory_pass(call, ready, request, self._passed if request.held else None)
        if request.task == "trace":
            return update_timing_pass.run_update_timing_pass(call, ready)
        if request.profiler in allocation_pass.MEMORY_PROFILERS:
            return allocation_pass.run_allocation_pass(call, ready, request)
        return cpu_profile_pass.run_cpu_profile_pass(call, ready, request)

    def _restore_process(self) -> None:
        """Undo what a scenario changed of the process and an answer depends on; what it printed is seen by the host."""
        sys.setrecursionlimit(self._recursion_limit)
        flush_output()

    def _send_with_packages(self, answer: Any) -> None:
        self._restore_process()
        answer.packages.extend(list_imported_packages())
        self.send(answer)

    def _time(self, call: Callable[[], Any], scenario: str, request: Request) -> None:
        ready, passed = (lambda: self._ready(scenario)), self._passed
        trampolines = Trampolines() if request.by_function else None
        if trampolines is not None:
            ready, passed = trampolines.start_after(ready), trampolines.stop_before(passed)
        # Existing frames have no trampoline, and callgrind cannot separate them from the functions that they call.
        run = call if trampolines is None else lambda: cpu_profile_pass.drain_mode(call)
        measured = timed_pass.run_timed_pass(run, ready, request, passed if request.held else None)
        if trampolines is not None:
            self.send(trampolines.read_addresses())
        self._send_with_packages(measured)

    def _ready(self, scenario: str) -> None:
        self.send(Ready(time.process_time(), scenario))
        self._wait()

    def _passed(self) -> None:
        self.send(PassCompleted())
        self._wait()

    def _wait(self) -> None:
        if self._requests.readline().strip() != GO.encode():
            raise ConnectionError("the host ended")


def flush_output() -> None:
    """Write out what was printed; a scenario may have closed or replaced the streams."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _list_written(request: Request) -> List[str]:
    """What a pass writes to, beside what its scenario does: folders, and the map of trampolines."""
    folders = [*request.written, *([os.path.dirname(request.artefact)] if request.artefact else [])]
    return [*folders, build_map_path()] if request.by_function else folders


def _read_undone_changes(request: Request, loaded: LoadedScenario) -> List[FrozenSet[str]]:
    announced = {change.name for change in loaded.changes}
    for name in sorted({name for names in request.undone for name in names} - announced):
        raise ScenarioError("has no change `{}` in CHANGES".format(name))
    return [frozenset(names) for names in request.undone]


def _collect_proposals(loaded: LoadedScenario, call: Callable[[], Any], request: Request) -> Proposals:
    propose = getattr(loaded.module, "propose", None)
    if propose is None:
        raise ScenarioError("a scenario file has no levers: they are for programs")
    proposals, noted = propose(call, request.files, request.names)
    return Proposals(list(proposals), replace_infinity(asdict(noted)))


FORKS = {"betfair_data": ("betfair_data_smoothcinf",)}
"""Distributions that install their module under the name of another distribution."""


def list_imported_packages() -> List[Package]:
    """The distributions of the imported modules, with the version and the file that were loaded."""
    return sorted(_iterate_imported_packages(), key=lambda package: package.name)


def _iterate_imported_packages() -> Iterator[Package]:
    standard = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib"))
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    seen = set()
    for dotted, module in sorted(sys.modules.items()):
        name = dotted.partition(".")[0]
        file: Optional[str] = getattr(module, "__file__", None)
        if name in seen or file is None or file.startswith(own):
            continue
        seen.add(name)
        third_party = "site-packages" in file or "dist-packages" in file
        if os.path.realpath(file).startswith(standard) and not third_party:
            continue
        for distribution in (name, *FORKS.get(name, ())):
            try:
                version = importlib.metadata.version(distribution.replace("_", "-"))
            except importlib.metadata.PackageNotFoundError:
                continue
            yield Package(distribution, str(version), _relativize_to_prefix(file))
            break


def _relativize_to_prefix(file: str) -> str:
    """The file relative to the environment, whose folder depends on the machine and its user."""
    prefix = sys.prefix.rstrip(os.sep) + os.sep
    return "{prefix}" + os.sep + file[len(prefix) :] if file.startswith(prefix) else file


def _format_error(error: BaseException, request: Request) -> str:
    if isinstance(error, SyntaxError):
        where = "{}:{}".format(os.path.basename(error.filename or request.scenario), error.lineno)
        return "{} at {}".format(error.msg, where)
    if isinstance(error, SystemExit):
        return "the scenario called sys.exit({!r}){}".format(error.code, _format_location(error))
    if isinstance(error, ScenarioError):
        return str(error)
    text = " ".join(str(error).split())
    return "{}{}{}".format(type(error).__name__, ": " + text if text else "", _format_location(error))


def _format_location(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    parts = frames[-1].filename.replace("\\", "/").split("/")
    return " at {}:{}".format("/".join(parts[-2:]), frames[-1].lineno)
