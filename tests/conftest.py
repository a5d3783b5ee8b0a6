"""What several test files share."""

from __future__ import annotations

import compileall
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from support.command_line import HERE, SHARED_CACHE
from support.forked_worker import fork_workers
from support.scenarios import import_shipped

from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe
from perfbench.runner import worker_process
from perfbench.runner.machine import count_usable_cores
from perfbench.util import paths

SHARING = ("scenarios/", "integration/test_releases.py", "docs/test_blocks.py")
"""The tests that share one cache of environments."""

FORKING = tuple(
    f"cli/test_{name}.py"
    for name in (
        "advice", "bad_input", "calibrate", "commands", "compare", "exports", "gate", "parameter_sweep", "plain_defaults",
         "pages", "run", "scenario_metrics", "show", "show_selection", "sweep", "sweep_extension",
    )
)  # fmt: skip
"""The tests whose workers are forks of their process, but for those marked ``real_workers``."""

DURATIONS = HERE / "data" / "durations.txt"
SLOW_SECONDS = 13.0
RECORDED_SECONDS = 5.0
ALLOWED_SKIPS = (
    r"the package index cannot be reached",
    r"perfbench data pull fetches the real files",
    r"PERFBENCH_OFFLINE",
    r"no Python |there is only one Python here|valgrind or Python 3\.12 is not installed|this Python has trampolines",
    r"valgrind is here|memray is installed|root may read everything",
    r"autocommit came with Python|max_tasks_per_child came with Python|no CPython 3\.8 on this machine",
    r"a disk of its own takes the rights of root|namespaces take root|making a device node takes root",
    r"mounting a small disk takes root",
    r"pytest's schema cannot be fetched",
    r"(groff|mandoc|bash) is not installed",
)
"""How the reasons of skips begin that do not fail a session in CI: the network, the Pythons, the user, what is not absent."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="regenerate the golden files")
    parser.addoption(
        "--record-durations", action="store_true", help="rewrite tests/data/durations.txt from this session"
    )


hypothesis.settings.register_profile("perfbench", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("perfbench")


def pytest_configure(config: pytest.Config) -> None:
    """The command lines of the tests write no bytecode: without this each of them would compile all of perfbench anew."""
    if not hasattr(config, "workerinput"):
        for folder in (paths.PACKAGE_FOLDER, paths.bundled_folder("scenarios")):
            compileall.compile_dir(folder, quiet=2)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what took long in a recorded session as slow, and run the slowest first.

    A test that is the only one of its capability is marked ``essential`` and stays in ``make test``.
    """
    seconds = read_durations()
    for item in items:
        if seconds.get(get_function_id(item.nodeid), 0.0) >= SLOW_SECONDS and not item.get_closest_marker("essential"):
            item.add_marker("slow")
    items.sort(key=lambda item: -seconds.get(get_function_id(item.nodeid), 0.0))


def get_function_id(nodeid: str) -> str:
    """The node id without parameters."""
    return nodeid.partition("[")[0]


def read_durations() -> dict[str, float]:
    """Seconds of the slow tests by node id without parameters, the longest of its parameters each."""
    lines = (line.split(" ", 1) for line in DURATIONS.read_text(encoding="utf-8").splitlines() if line[:1] != "#")
    return {name: float(seconds) for seconds, name in lines}


def record_durations(reporter: pytest.TerminalReporter) -> None:
    """Write the seconds of the tests that took at least RECORDED_SECONDS, set-up included, over those of earlier sessions."""
    seconds: dict[str, float] = {}
    for report in reporter.stats.get("passed", []) + reporter.stats.get("", []):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration
    longest = read_durations()
    for function in {get_function_id(nodeid) for nodeid in seconds}:
        longest[function] = max(value for nodeid, value in seconds.items() if get_function_id(nodeid) == function)
    rows = sorted(((value, name) for name, value in longest.items() if value >= RECORDED_SECONDS), reverse=True)
    head = "# Seconds of the slow tests; made by `pytest --record-durations`.\n"
    DURATIONS.write_text(head + "".join(f"{value:.0f} {name}\n" for value, name in rows), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the skips that fail the session."""
    if terminalreporter.config.getoption("--record-durations"):
        record_durations(terminalreporter)
    for reason in unexpected_skips(terminalreporter):
        terminalreporter.write_line(f"ERROR unexpected skip: {reason}", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI an unexpected skip fails the session: what can be installed is installed by ``make services``."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and unexpected_skips(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def unexpected_skips(reporter: pytest.TerminalReporter) -> list[str]:
    """The reasons of this session's skips that no entry of ``ALLOWED_SKIPS`` matches; none outside CI."""
    if os.environ.get("CI") != "true":
        return []
    reports = [report for report in reporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)]
    reasons = dict.fromkeys(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    return [reason for reason in reasons if not any(re.match(allowed, reason) for allowed in ALLOWED_SKIPS)]


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: much of the time a test waits for a process that waits."""
    return math.ceil(1.5 * count_usable_cores())


@pytest.fixture(scope="session")
def refresh_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written and not compared."""
    return bool(request.config.getoption("--refresh-golden"))


@pytest.fixture(scope="module", autouse=True)
def shared_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    """One cache for all that build releases of real packages; perfbench builds each once, under a lock.

    It outlives the session: releases do not change. ``make clean`` removes it.
    """
    name = request.path.relative_to(HERE).as_posix()
    if not name.startswith(SHARING):
        yield
        return
    folder = request.config.rootpath / ".pytest_cache" / "environments"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SHARED_CACHE, str(folder))
        yield


@pytest.fixture(scope="module", autouse=True)
def forked_workers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Workers of the command line are forks where the start of an interpreter is not the point."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.relative_to(HERE).as_posix().startswith(FORKING):
            fork_workers(patch)
        yield


@pytest.fixture(autouse=True)
def real_workers(request: pytest.FixtureRequest, forked_workers: None) -> Iterator[None]:
    """Workers of a test marked ``real_workers`` are interpreters of their own."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("real_workers"):
            patch.setattr(worker_process, "subprocess", subprocess)
        yield


@pytest.fixture(scope="module")
def shipped() -> Iterator[Callable[[str], Any]]:
    """Imports a module of the kit, or a scenario file or the one beside it."""
    before = list(sys.path)
    yield import_shipped
    sys.path[:] = before


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sound market file, 60 updates."""
    path = tmp_path_factory.mktemp("market") / "good"
    files.write_market(Recipe(seed=9, runners=3, updates=60, bsp=True, in_play=True), path)
    return path
