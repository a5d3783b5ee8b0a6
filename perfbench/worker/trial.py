"""Answer one request: describe a scenario file, time a pass, or check its output."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import sysconfig
import time
import traceback
from typing import Any, BinaryIO, Callable, FrozenSet, Iterator, List, Optional

from perfbench.worker import allocating, checking, measuring, profiling, tracing, watching
from perfbench.worker.api import NotAvailable
from perfbench.worker.files import stamp
from perfbench.worker.functions import Names
from perfbench.worker.loading import Loaded, ScenarioError
from perfbench.worker.protocol import GO, Done, Failed, Imported, Named, Passed, Ready, Replayed, Request, encode
from perfbench.worker.trampolines import Trampolines


class Worker:
    """The worker's end of the conversation."""

    def __init__(self, requests: BinaryIO, answers: int) -> None:
        self._requests = requests
        self._answers = answers

    def say(self, message: object) -> None:
        """Write one answer, whole."""
        rest = encode(message)
        while rest:
            rest = rest[os.write(self._answers, rest) :]

    def serve(self) -> None:
        """Answer one request; whatever happens in the scenario becomes ``Failed``."""
        asked = json.loads(self._requests.readline())
        asked.pop("say")
        request = Request(**asked)
        before = stamp(request.market) if request.market is not None else None
        try:
            if request.core is not None:
                os.sched_setaffinity(0, {request.core})
            self._answer(request)
        except NotAvailable as missing:
            self.say(Failed(" ".join(str(missing).split()), "", unavailable=True))
        except BaseException as error:  # a scenario may raise anything, SystemExit included
            self.say(Failed(_one_line(error, request), traceback.format_exc()))
        else:
            market = request.market
            self.say(Done(None if market is None else Replayed(before, stamp(market))))

    def _answer(self, request: Request) -> None:
        loaded = Loaded(request.scenario)
        if request.task == "describe":
            described = loaded.describe()
            described.packages.extend(imported())
            self.say(described)
            return
        if request.task == "name":
            naming = Names(request.scenario)
            self.say(Named(list(map(naming.qualified, request.files, request.names))))
            return
        undone = _undone(request, loaded)
        with loaded.bound(request.mode, request.market, request.parameters) as call:
            if request.task == "time":
                self._time(call, loaded.sha256, request)
            elif request.task == "dump":
                shown = undone[0] if undone else checking.NOTHING
                for item in checking.items(call, loaded.canonical, request.first, request.last, shown):
                    self.say(item)
            elif request.task == "resolve":
                profiling.profiler(request.profiler).resolve(request)
            elif request.task == "check":
                self._say_with_packages(checking.digest(call, loaded.canonical, loaded.traits, undone))
            else:
                self._say_with_packages(self._observed(call, loaded.sha256, request))

    def _observed(self, call: Callable[[], Any], scenario: str, request: Request) -> Any:
        """What somebody who looks at the pass saw of it."""
        ready = lambda: self._ready(scenario)  # noqa: E731
        if request.task == "watch":
            return watching.watched_pass(call, ready, request, self._passed if request.held else None)
        if request.task == "trace":
            return tracing.traced_pass(call, ready)
        if request.profiler in allocating.PROFILERS:
            return allocating.allocating_pass(call, ready, request)
        return profiling.profiled_pass(call, ready, request)

    def _say_with_packages(self, answer: Any) -> None:
        answer.packages.extend(imported())
        self.say(answer)

    def _time(self, call: Callable[[], Any], scenario: str, request: Request) -> None:
        ready, passed = (lambda: self._ready(scenario)), self._passed
        trampolines = Trampolines() if request.by_function else None
        if trampolines is not None:
            ready, passed = trampolines.after(ready), trampolines.before(passed)
        # Frames that are there already have no trampoline, and callgrind cannot tell what they call from what called them.
        begun = call if trampolines is None else lambda: profiling.drained(call)
        measured = measuring.timed_pass(begun, ready, request, passed if request.held else None)
        if trampolines is not None:
            self.say(trampolines.addressed())
        self._say_with_packages(measured)

    def _ready(self, scenario: str) -> None:
        self.say(Ready(time.process_time(), scenario))
        self._wait()

    def _passed(self) -> None:
        self.say(Passed())
        self._wait()

    def _wait(self) -> None:
        if self._requests.readline().strip() != GO.encode():
            raise ConnectionError("the host went away")


def _undone(request: Request, loaded: Loaded) -> List[FrozenSet[str]]:
    known = {change.name for change in loaded.changes}
    for name in sorted({name for names in request.undone for name in names} - known):
        raise ScenarioError("has no change `{}` in CHANGES".format(name))
    return [frozenset(names) for names in request.undone]


def imported() -> List[Imported]:
    """The distributions among the imported modules, with the version and the file that were really loaded."""
    return sorted(_imported(), key=lambda package: package.name)


def _imported() -> Iterator[Imported]:
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
        try:
            version = importlib.metadata.version(name.replace("_", "-"))
        except importlib.metadata.PackageNotFoundError:
            continue
        yield Imported(name, str(version), _inside_prefix(file))


def _inside_prefix(file: str) -> str:
    """The file without the folder of the environment, which is a matter of the machine and tells whose it is."""
    prefix = sys.prefix.rstrip(os.sep) + os.sep
    return "{prefix}" + os.sep + file[len(prefix) :] if file.startswith(prefix) else file


def _one_line(error: BaseException, request: Request) -> str:
    if isinstance(error, SyntaxError):
        where = "{}:{}".format(os.path.basename(error.filename or request.scenario), error.lineno)
        return "{} at {}".format(error.msg, where)
    if isinstance(error, SystemExit):
        return "the scenario called sys.exit({!r}){}".format(error.code, _where(error))
    if isinstance(error, ScenarioError):
        return str(error)
    text = " ".join(str(error).split())
    return "{}{}{}".format(type(error).__name__, ": " + text if text else "", _where(error))


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    parts = frames[-1].filename.replace("\\", "/").split("/")
    return " at {}:{}".format("/".join(parts[-2:]), frames[-1].lineno)
