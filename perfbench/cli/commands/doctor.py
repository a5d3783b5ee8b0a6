"""Is this machine fit to measure on, and is the installation complete?

``perfbench.machine`` examines the machine; what is installed, and what could be measured with it, is looked up here.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perfbench.cli.console import build_console
from perfbench.environments.host import describe_host
from perfbench.environments.interpreters import find_interpreters
from perfbench.errors import NotMeasured, PerfbenchError
from perfbench.runner.machine_checks import MachineCheck, run_checks
from perfbench.runner.scenarios import describe_scenario
from perfbench.util import paths
from perfbench.util.formatting import make_printable

app = typer.Typer(add_completion=False)

DISTRIBUTION = "betfair-perfbench"
REINSTALL_COMMAND = f"pip install --force-reinstall {DISTRIBUTION}"
OPTIONAL_DISTRIBUTIONS = {"memory-profiler", "pip", "pyinstrument"}

TOOL_REMEDIES = {
    "valgrind": "to count instructions: install valgrind with the system's package manager (Linux)",
    "uv": "to build environments: pip install uv",
    "perf": "to see the time inside C extensions: install the perf of your kernel (Linux)",
    "hyperfine": "to compare with its figures: install hyperfine",
}

STATE_MARKS = {"good": ("ok", "green"), "note": ("note", "yellow"), "bad": ("bad", "red")}


@app.command()
def doctor(
    results: Annotated[Path, typer.Option(help="The folder that runs are saved in.")] = Path("results"),
) -> None:
    """Is this machine fit to measure on, and is the installation complete?

    Ends with 0 if measuring is possible, with 5 if something makes it impossible.
    """
    checks = run_checks(results) + check_installation() + check_measurable()
    console = build_console()
    console.print(build_table(checks))
    if bad := [check.name for check in checks if check.state == "bad"]:
        raise NotMeasured(f"nothing can be measured here: mend {', '.join(bad)} as the table says")
    notes = sum(check.state == "note" for check in checks)
    console.print("Measuring is possible" + (f", with {notes} thing{'s' * (notes > 1)} to note." if notes else "."))


def build_table(checks: tuple[MachineCheck, ...]) -> Table:
    """One row for each check: mark, what, finding, what to do."""
    rows = Table(box=None, header_style="", pad_edge=False)
    for heading in ("", "what", "finding", "what to do"):
        rows.add_column(heading, overflow="fold")
    for check in checks:
        mark, colour = STATE_MARKS[check.state]
        texts = (check.name, check.finding, check.remedy)
        rows.add_row(Text(mark, style=colour), *(Text(make_printable(text)) for text in texts))
    return rows


def check_installation() -> tuple[MachineCheck, ...]:
    """Whether all that perfbench needs and ships is there."""
    scenarios = [path.stem for path in sorted(paths.bundled_folder("scenarios").glob("[a-z]*.py"))]
    samples = [
        path for path in paths.bundled_folder("sample_data").rglob("*") if path.is_file() and path.suffix != ".toml"
    ]
    return (
        check_packages(),
        check_worker(),
        MachineCheck("scenarios", "good", ", ".join(scenarios))
        if scenarios
        else MachineCheck("scenarios", "bad", f"none in {paths.bundled_folder('scenarios')}", REINSTALL_COMMAND),
        MachineCheck("sample data", "good", f"{len(samples)} file{'s' * (len(samples) > 1)}")
        if samples
        else MachineCheck(
            "sample data",
            "note",
            f"none in {paths.bundled_folder('sample_data')}",
            f"{REINSTALL_COMMAND}, or measure with --data",
        ),
    )


def check_worker() -> MachineCheck:
    """Whether a worker process starts and can import what the main scenario measures."""
    try:
        found = describe_scenario(paths.bundled_folder("scenarios") / "replay.py", describe_host())
    except PerfbenchError as problem:
        return MachineCheck("worker", "bad", str(problem), REINSTALL_COMMAND)
    return MachineCheck("worker", "good", f"starts, and finds {len(found.modes)} modes of {found.name}")


def check_packages() -> MachineCheck:
    """Presence and versions of the declared dependencies; those with a condition count only if they are there."""
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return MachineCheck(
            "packages", "note", f"{DISTRIBUTION} is imported, not installed", f"pip install {DISTRIBUTION}"
        )
    present, missing = [], []
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            present.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing += [] if ";" in requirement else [name]
    if not missing:
        return MachineCheck("packages", "good", ", ".join(present))
    finding = f"missing: {', '.join(missing)}"
    return MachineCheck(
        "packages", "note" if OPTIONAL_DISTRIBUTIONS.issuperset(missing) else "bad", finding, REINSTALL_COMMAND
    )


def check_measurable() -> tuple[MachineCheck, ...]:
    """The interpreters, tools and market files that are here."""
    pythons = [interpreter.version for interpreter in find_interpreters()]
    return (
        MachineCheck("Pythons", "good", ", ".join(pythons))
        if pythons
        else MachineCheck(
            "Pythons", "note", "none answered", "install CPython 3.8 or newer to measure in another environment"
        ),
        check_market_files(paths.market_cache_folder()),
        *(check_tool(name) for name in TOOL_REMEDIES),
    )


def check_market_files(folder: Path) -> MachineCheck:
    """The real market files that were pulled into the cache."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return MachineCheck("market files", "note", "none pulled", "perfbench data pull")
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    return MachineCheck("market files", "good", f"{len(files)} pulled, {megabytes:,.1f} MB")


def check_tool(name: str) -> MachineCheck:
    """A program on PATH or beside the interpreter, where pip puts it."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    found = shutil.which(name, path=places)
    return MachineCheck(name, "good", found) if found else MachineCheck(name, "note", "not found", TOOL_REMEDIES[name])
