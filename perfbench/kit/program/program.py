"""One program in a worker: its set-up, its runs, and the work that each of them did."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import traceback
from collections.abc import Iterator as AnyIterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any, ContextManager, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from perfbench.kit.program.errors import describe_error
from perfbench.kit.program.guard import guarded
from perfbench.kit.program.interception import CpuClock, Interception, install_interception
from perfbench.kit.program.lever_files import levers_applied, load_lever
from perfbench.kit.program.noting import find_notes
from perfbench.kit.program.outcome import build_outcome, require_plain_iterator
from perfbench.kit.program.preloading import preload_packages
from perfbench.kit.program.process_state import program_state, settings_restored, temporary_files_in
from perfbench.kit.program.processes import RecordFolder, forked_children, wait_for_threads
from perfbench.kit.program.redirection import install_redirection, redirected_to
from perfbench.kit.program.refusals import forget_refusals, raise_remembered
from perfbench.kit.program.run_program import ProgramRunner
from perfbench.kit.program.scratch import Scratch, share_scratch
from perfbench.worker import confinement
from perfbench.worker.bytecode import FOLDER_VARIABLE, share_bytecode_folder
from perfbench.worker.program_source import ProgramSource
from perfbench.worker.program_spec import ProgramSpec
from perfbench.worker.scenario_api import NotAvailable, ScenarioError

_numbers = itertools.count()


class Options(NamedTuple):
    """How a program is run: its arguments, levers as paths and values, and whether it is guarded, which a timed pass is not.

    ``written``: what else the process writes to, folders and files, so that it is confined to them and the scratch folder; None
    for a process that is not to be confined, as that cannot be undone. ``working``: its working directory, if it is not that of the
    process.
    """

    arguments: Sequence[str] = ()
    levers: Sequence[Tuple[str, str]] = ()
    guarded: bool = False
    written: Optional[Sequence[str]] = None
    working: str = ""


class Program:
    """A program that is set up to be run, once for each market of a pass."""

    def __init__(self, source: ProgramSource, options: Options, scratch: Scratch) -> None:
        self._source = source
        self._spec = source.spec
        self._options = options
        self._scratch = scratch
        self._runner = ProgramRunner(source.spec)
        self._process = os.getpid()

    def load(self) -> None:
        """Import what the program and its levers need, outside of the pass. Raises ProgramError, and ScenarioError for a lever."""
        with self._surroundings(), self._errors():
            preload_packages(self._source)
            self._runner.load()
        for path, _ in self._options.levers:
            load_lever(path)

    def run(self, market: Optional[str]) -> Any:
        """Run the program once: its work, or an iterator of its items for a function that yields them.

        :param market: the market file that a function requires, or that takes the place of the program's own files.

        Raises ProgramError.
        """
        market = None if market is None else os.path.abspath(market)
        records = RecordFolder(os.path.join(self._scratch.records, str(next(_numbers))))
        replaced = None if self._source.needs_market else market
        interception = Interception(self._spec.folder, records, replaced, find_notes())
        threads = threading.enumerate()
        with ExitStack() as stack:
            for context in (self._surroundings(), settings_restored(), interception.active()):
                stack.enter_context(context)
            clock = CpuClock()
            with self._errors():
                applied = ExitStack()
                applied.enter_context(levers_applied(self._options.levers))
                with applied:
                    outcome = self._runner.run(market)
                    if isinstance(outcome, AnyIterator):
                        kept = applied.pop_all()
                        return self._iterate(outcome, interception, stack.pop_all(), kept)
                wait_for_threads(threads)
            seconds, child_seconds = clock.read(), clock.read_children()
        raise_remembered()
        return build_outcome(outcome, interception, seconds, child_seconds)

    def _iterate(
        self, items: Iterator[Any], interception: Interception, surroundings: ExitStack, levers: ExitStack
    ) -> Iterator[Any]:
        """The items of a function that yields them, inside the surroundings in which it began."""
        with surroundings, self._errors(), levers:
            yield from items
        raise_remembered()
        require_plain_iterator(interception)

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Everything that is around the program while it runs."""
        forget_refusals()
        spec = self._spec
        contexts: List[ContextManager[Any]] = [
            redirected_to(self._scratch),
            temporary_files_in(self._scratch.temporary),
            program_state(spec.path, self._options.arguments),
            forked_children(),
        ]
        if self._options.guarded:
            contexts.append(guarded(self._scratch, os.path.basename(spec.path)))
        with ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors of the program as ProgramError; the end of a process that it forked by itself as the end of that process."""
        try:
            yield
        except (ScenarioError, NotAvailable) as error:
            self._end_fork(error)
            raise_remembered()
            raise
        except Exception as error:
            self._end_fork(error)
            raise_remembered()
            raise describe_error(error, self._spec.folder) from error
        self._end_fork(None)

    def _end_fork(self, error: Optional[BaseException]) -> None:
        if os.getpid() == self._process:
            return
        if error is not None:
            traceback.print_exception(type(error), error, error.__traceback__)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0 if error is None else 1)


def confine_to(scratch: Scratch, written: Sequence[str]) -> None:
    """Confine this process to the scratch folder, perfbench's bytecode, and these folders and files, which are made empty."""
    files = [path for path in written if not os.path.isdir(path)]
    for path in files:
        with suppress(FileNotFoundError):
            os.remove(path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    folders = [scratch.folder, os.environ.get(FOLDER_VARIABLE, scratch.folder), *(set(written) - set(files))]
    if confinement.confine(folders, files):
        share_bytecode_folder()


@contextmanager
def set_up_program(spec: ProgramSpec, options: Options) -> Iterator[Program]:
    """A program ready to be run, with its scratch folder, until the end of the context. Raises ProgramError."""
    spec = replace(spec, path=os.path.abspath(spec.path))  # it runs in another folder
    options = options._replace(levers=[(os.path.abspath(path), value) for path, value in options.levers])
    with ExitStack() as stack:
        is_to_confine = options.written is not None and confinement.read_version() > 0
        scratch = stack.enter_context(share_scratch(spec.folder, options.working, own_temporary=is_to_confine))
        if is_to_confine and not confinement.is_confined():
            confine_to(scratch, options.written or ())
        stack.enter_context(install_redirection())
        stack.enter_context(install_interception())
        program = Program(ProgramSource(spec), options, scratch)
        program.load()
        yield program
