"""Load what a request names: a scenario file, or the user's own program, which the scenario of the kit runs."""

from __future__ import annotations

import importlib
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from perfbench.worker.program_source import ProgramSource
from perfbench.worker.program_spec import ProgramSpec, find_program
from perfbench.worker.scenario_description import ParameterValue, Scenario
from perfbench.worker.scenario_loader import KIT, LoadedScenario

PROGRAM_SCENARIO = KIT + ".program.scenario"
"""The module that runs programs; the worker does not import the kit, which is a part of what is measured."""

SHARED_MODULES = ("simulation_record.py", "import_hooks.py", "owners.py")
"""Files of the kit beside the package of the program scenario on which its results depend."""

UNTIMED_TASKS = frozenset(("check", "dump", "propose"))
"""Tasks whose pass is not timed, so that a program is guarded in it."""


def load_scenario(text: str, task: str = "", written: Sequence[str] = ()) -> LoadedScenario:
    """The scenario file or the program of a request. Raises ScenarioError, and what importing a scenario file raises.

    :param task: that of the request.
    :param written: folders and files that the pass writes to: a worker that runs a program is confined to them.
    """
    spec = find_program(text)
    return LoadedScenario(text) if spec is None else LoadedProgram(spec, written, guarded=task in UNTIMED_TASKS)


class LoadedProgram(LoadedScenario):
    """The user's program, as a scenario with one mode ``run``. Its file is parsed, and executed only in a pass."""

    def __init__(self, spec: ProgramSpec, written: Sequence[str], *, guarded: bool) -> None:
        """Raises ProgramError for a missing file or function, SyntaxError for a text that is not valid Python."""
        self.source = ProgramSource(spec)
        super().__init__(spec.path, importlib.import_module(PROGRAM_SCENARIO))
        self.sha256 = self.source.compute_sha256(_list_kit_files(str(self.module.__file__)))
        self._hidden: Dict[str, ParameterValue] = {
            "program": spec.text,
            "guarded": guarded,
            "written": json.dumps(list(written)),
        }

    def describe(self) -> Scenario:
        """The program as a scenario: without parameters, and with a market only if its function requires one."""
        spec = self.source.spec
        described = super().describe()
        modes = tuple(
            replace(mode, doc=self.source.doc or mode.doc, parameters=(), uses_market=self.source.needs_market)
            for mode in described.modes
        )
        return replace(described, name=spec.name, path=spec.text, doc=self.source.doc, modes=modes, program=spec.text)

    @contextmanager
    def bound(
        self, mode: str, market: Optional[str], parameters: Dict[str, ParameterValue]
    ) -> Iterator[Callable[[], Any]]:
        """The program as a function without arguments, which is set up before and torn down at the end."""
        with super().bound(mode, market, {**parameters, **self._hidden}) as call:
            yield call


def _list_kit_files(scenario: str) -> List[str]:
    """The files of perfbench that run programs."""
    folder = os.path.dirname(os.path.abspath(scenario))
    files = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".py")]
    return [*files, *(os.path.join(os.path.dirname(folder), name) for name in SHARED_MODULES)]
