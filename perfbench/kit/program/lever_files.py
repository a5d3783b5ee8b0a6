"""Load lever files by their paths, and apply the chosen ones around a program.

What a lever is stands in ``perfbench/kit/lever.py``. Errors of a lever name it; those of the program pass as they are.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import os
import re
import sys
import traceback
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Callable, ContextManager, Iterator, List, Sequence, Tuple

from perfbench.kit.program.noted import Noted
from perfbench.worker.program_messages import LEVER_KINDS, Proposal
from perfbench.worker.scenario_api import ScenarioError


@dataclass(frozen=True)
class Lever:
    """A lever file that was loaded. ``name`` is that of the file without its suffix."""

    name: str
    path: str
    module: ModuleType

    def propose(self, noted: Noted) -> List[Proposal]:
        """Its proposals for a program, complete. Raises ScenarioError for a lever that fails or proposes anything else."""
        try:
            proposals = list(self.module.propose(noted))
        except Exception as error:
            raise self._build_error("propose", error) from error
        return [self._complete(proposal) for proposal in proposals]

    def _complete(self, proposal: Any) -> Proposal:
        """The proposal with what the file says of all of its proposals."""
        if not isinstance(proposal, Proposal):
            raise ScenarioError("{}: propose yields {!r}, which is not a Proposal".format(self._where, proposal))
        title = inspect.cleandoc(self.module.__doc__ or self.name).partition("\n")[0].rstrip(".")
        complete = replace(
            proposal,
            lever=self.name,
            kind=proposal.kind or self.module.KIND,
            title=proposal.title or title,
            source=proposal.source or self.module.SOURCE,
            applies=proposal.tried and hasattr(self.module, "apply"),
        )
        if complete.kind not in LEVER_KINDS:
            raise ScenarioError(
                "{}: kind {!r} is none of {}".format(self._where, complete.kind, ", ".join(LEVER_KINDS))
            )
        if complete.tried and not complete.applies and not complete.environment:
            raise ScenarioError("{}: proposes neither an environment nor what apply() does".format(self._where))
        return complete

    @contextmanager
    def applied(self, value: str) -> Iterator[None]:
        """Inside the context the lever has this value. Raises ScenarioError for a lever that cannot be applied."""
        if not hasattr(self.module, "apply"):
            raise ScenarioError("{}: has no apply()".format(self._where))
        with self._entered("apply", lambda: self.module.apply(value)):
            yield

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Inside the context the lever looks for itself, if it wants to."""
        if not hasattr(self.module, "observe"):
            yield
            return
        with self._entered("observe", self.module.observe):
            yield

    @contextmanager
    def _entered(self, function: str, make: Callable[[], ContextManager[Any]]) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(make())
            except Exception as error:
                raise self._build_error(function, error) from error
            yield

    @property
    def _where(self) -> str:
        return "lever {} ({})".format(self.name, self.path)

    def _build_error(self, function: str, error: Exception) -> ScenarioError:
        text = " ".join(str(error).split())
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.path]
        return ScenarioError(
            "{}: {}() raises {}{}{}".format(
                self._where,
                function,
                type(error).__name__,
                ": " + text if text else "",
                " at line {}".format(lines[-1]) if lines else "",
            )
        )


@functools.lru_cache(maxsize=None)
def load_lever(path: str) -> Lever:
    """Load a lever file, once in a process. Raises ScenarioError for a file that cannot be loaded or is no lever."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location("perfbench_lever_" + re.sub(r"\W", "_", name), path)
    if spec is None or spec.loader is None:
        raise ScenarioError("lever {}: not a Python file".format(path))
    module = importlib.util.module_from_spec(spec)
    lever = Lever(name, path, module)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScenarioError(
            "lever {} ({}) cannot be loaded: {}: {}".format(name, path, type(error).__name__, error)
        ) from error
    if getattr(module, "KIND", None) not in LEVER_KINDS:
        raise ScenarioError("lever {} ({}): KIND must be one of {}".format(name, path, ", ".join(LEVER_KINDS)))
    if not isinstance(getattr(module, "SOURCE", None), str) or not callable(getattr(module, "propose", None)):
        raise ScenarioError("lever {} ({}): needs SOURCE, a text, and propose(noted)".format(name, path))
    return lever


def parse_levers(text: str) -> List[Tuple[str, str]]:
    """The chosen levers of the parameter ``levers``: pairs of a path and a value, as JSON; empty text is none.

    Raises ScenarioError for anything else.
    """
    try:
        pairs = json.loads(text or "[]")
        return [(str(path), str(value)) for path, value in pairs]
    except (ValueError, TypeError) as error:
        raise ScenarioError("levers={}: not a list of [path, value]".format(text)) from error


@contextmanager
def levers_applied(chosen: Sequence[Tuple[str, str]]) -> Iterator[None]:
    """Inside the context these levers have their values, the first one innermost. Raises as ``Lever.applied`` does."""
    levers = [(load_lever(path), value) for path, value in chosen]
    with ExitStack() as stack:
        for lever, value in levers:
            stack.enter_context(lever.applied(value))
        yield


@contextmanager
def levers_observing(levers: Sequence[Lever]) -> Iterator[None]:
    """Inside the context each of these levers that wants to looks for itself."""
    with ExitStack() as stack:
        for lever in levers:
            stack.enter_context(lever.observing())
        yield
