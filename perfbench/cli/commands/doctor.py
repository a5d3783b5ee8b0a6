"""Check this machine and the installation."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

import typer
from packaging.requirements import Requirement
from rich.table import Table
from rich.text import Text

from perfbench.cli import options
from perfbench.cli.console import build_console
from perfbench.environments.host import describe_host
from perfbench.environments.interpreters import find_all_builds
from perfbench.errors import NotMeasured, PerfbenchError
from perfbench.runner.machine_checks import MachineCheck, run_checks
from perfbench.runner.scenarios import choose_scenarios, describe_scenario, find_scenario_files
from perfbench.util import formatting, paths
from perfbench.util.extras import DISTRIBUTION, EXTRAS, format_install_command, has_extra
from perfbench.util.formatting import make_printable

HELP_GROUP = "Machine"

app = typer.Typer(add_completion=False)

REINSTALL_COMMAND = f"pip install --force-reinstall {DISTRIBUTION}"

TOOL_REMEDIES = {
    "valgrind": "to count instructions: install valgrind with the system's package manager (Linux)",
    "uv": "to build environments: pip install uv",
    "perf": "to see the time inside C extensions: install the perf of your kernel (Linux)",
    "hyperfine": "to compare with its figures: install hyperfine",
}

STATE_MARKS = {"good": ("ok", "green"), "warning": ("warning", "yellow"), "bad": ("bad", "red")}


@app.command()
def doctor(
    results: options.Results = options.DEFAULT_RESULTS,
) -> None:
    """Check whether this machine can measure, and whether the installation is complete.

    Exits with 0 if measuring is possible, 5 if not.
    """
    checks = run_checks(results) + check_installation() + check_measurable()
    console = build_console()
    console.print(build_table(checks))
    if bad := [check.name for check in checks if check.state == "bad"]:
        raise NotMeasured(f"cannot measure on this machine; fix {', '.join(bad)} (see table)")
    warnings = sum(check.state == "warning" for check in checks)
    suffix = f", with {formatting.format_plural(warnings, 'warning')}" if warnings else ""
    console.print(f"This machine can measure{suffix}.")


def build_table(checks: tuple[MachineCheck, ...]) -> Table:
    """A table with a row for each check: mark, name, finding, remedy."""
    rows = Table(box=None, header_style="", pad_edge=False)
    for heading in ("", "check", "finding", "remedy"):
        rows.add_column(heading, overflow="fold")
    for check in checks:
        mark, colour = STATE_MARKS[check.state]
        texts = (check.name, check.finding, check.remedy)
        rows.add_row(Text(mark, style=colour), *(Text(make_printable(text)) for text in texts))
    return rows


def check_installation() -> tuple[MachineCheck, ...]:
    """Check the dependencies, the worker, and the shipped scenarios and sample data."""
    scenarios = sorted(find_scenario_files([]))
    samples = [
        path for path in paths.bundled_folder("sample_data").rglob("*") if path.is_file() and path.suffix != ".toml"
    ]
    return (
        check_packages(),
        check_extras(),
        check_worker(),
        MachineCheck("scenarios", "good", ", ".join(scenarios))
        if scenarios
        else MachineCheck("scenarios", "bad", f"none in {paths.bundled_folder('scenarios')}", REINSTALL_COMMAND),
        MachineCheck("sample data", "good", formatting.format_plural(len(samples), "file"))
        if samples
        else MachineCheck(
            "sample data",
            "warning",
            f"none in {paths.bundled_folder('sample_data')}",
            f"{REINSTALL_COMMAND}, or measure with --data",
        ),
    )


def check_worker() -> MachineCheck:
    """Check that a worker process starts and can load the main scenario."""
    try:
        (path,) = choose_scenarios(["replay"], [])
        scenario = describe_scenario(path, describe_host())
    except PerfbenchError as problem:
        return MachineCheck("worker", "bad", str(problem), REINSTALL_COMMAND)
    modes = formatting.format_plural(len(scenario.modes), "mode")
    return MachineCheck("worker", "good", f"starts and loads {scenario.name} ({modes})")


def check_packages() -> MachineCheck:
    """Check the versions of the declared dependencies, without those of extras and of other Pythons or systems."""
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return MachineCheck("packages", "warning", f"{DISTRIBUTION} is not installed", f"pip install {DISTRIBUTION}")
    present, missing = [], []
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            present.append(f"{requirement.name} {importlib.metadata.version(requirement.name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(requirement.name)
    if not missing:
        return MachineCheck("packages", "good", ", ".join(present))
    return MachineCheck("packages", "bad", f"missing: {', '.join(missing)}", REINSTALL_COMMAND)


def check_extras() -> MachineCheck:
    """List the extras that are installed, and those that are not, which is no fault."""
    present = [name for name in EXTRAS if has_extra(name)]
    absent = [name for name in EXTRAS if name not in present]
    command = format_install_command(absent[0] if len(absent) == 1 else "NAME") if absent else ""
    parts = [", ".join(present), f"not installed: {', '.join(absent)} ({command})" if absent else ""]
    return MachineCheck("extras", "good", "; ".join(filter(None, parts)))


def check_measurable() -> tuple[MachineCheck, ...]:
    """Check the available interpreters, market files and tools."""
    pythons = [interpreter.label for interpreter in find_all_builds()]
    return (
        MachineCheck("Pythons", "good", ", ".join(pythons))
        if pythons
        else MachineCheck(
            "Pythons", "warning", "none found", "install CPython 3.8 or newer to measure in another environment"
        ),
        check_market_files(paths.market_cache_folder()),
        *(check_tool(name) for name in TOOL_REMEDIES),
    )


def check_market_files(folder: Path) -> MachineCheck:
    """Check the market files in the cache."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return MachineCheck("market files", "warning", "none pulled", "run perfbench data pull")
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    return MachineCheck("market files", "good", f"{len(files)} pulled, {megabytes:,.1f} MB")


def check_tool(name: str) -> MachineCheck:
    """Check for a program on PATH or in the folder of the interpreter, where pip installs it."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    program = shutil.which(name, path=folders)
    return (
        MachineCheck(name, "good", program)
        if program
        else MachineCheck(name, "warning", "not found", TOOL_REMEDIES[name])
    )
