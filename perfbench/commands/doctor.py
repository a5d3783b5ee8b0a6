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

from perfbench import bundle, discovery, screens
from perfbench.environments import find_interpreters, here
from perfbench.errors import NotMeasured, PerfbenchError
from perfbench.fitness import Check, checkup
from perfbench.formatting import printable

app = typer.Typer(add_completion=False)

DISTRIBUTION = "betfair-perfbench"
REINSTALL = f"pip install --force-reinstall {DISTRIBUTION}"
NOT_NEEDED_TO_MEASURE = {"memory-profiler", "pip", "pyinstrument"}

TOOLS = {
    "valgrind": "to count instructions: install valgrind with the system's package manager (Linux)",
    "uv": "to build environments: pip install uv",
    "perf": "to see the time inside C extensions: install the perf of your kernel (Linux)",
    "hyperfine": "to compare with its figures: install hyperfine",
}

MARKS = {"good": ("ok", "green"), "note": ("note", "yellow"), "bad": ("bad", "red")}


@app.command()
def doctor(
    results: Annotated[Path, typer.Option(help="The folder that runs are saved in.")] = Path("results"),
) -> None:
    """Is this machine fit to measure on, and is the installation complete?

    Ends with 0 if measuring is possible, with 5 if something makes it impossible.
    """
    checks = checkup(results) + installation() + what_could_be_measured()
    console = screens.console()
    console.print(table(checks))
    if bad := [check.name for check in checks if check.state == "bad"]:
        raise NotMeasured(f"nothing can be measured here: mend {', '.join(bad)} as the table says")
    notes = sum(check.state == "note" for check in checks)
    console.print("Measuring is possible" + (f", with {notes} thing{'s' * (notes > 1)} to note." if notes else "."))


def table(checks: tuple[Check, ...]) -> Table:
    """One row for each check: mark, what, finding, what to do."""
    rows = Table(box=None, header_style="", pad_edge=False)
    for heading in ("", "what", "finding", "what to do"):
        rows.add_column(heading, overflow="fold")
    for check in checks:
        mark, colour = MARKS[check.state]
        texts = (check.name, check.finding, check.remedy)
        rows.add_row(Text(mark, style=colour), *(Text(printable(text)) for text in texts))
    return rows


def installation() -> tuple[Check, ...]:
    """Whether all that perfbench needs and ships is there."""
    scenarios = [path.stem for path in sorted(bundle.folder("scenarios").glob("[a-z]*.py"))]
    samples = [path for path in bundle.folder("sample_data").rglob("*") if path.is_file() and path.suffix != ".toml"]
    return (
        check_packages(),
        check_worker(),
        Check("scenarios", "good", ", ".join(scenarios))
        if scenarios
        else Check("scenarios", "bad", f"none in {bundle.folder('scenarios')}", REINSTALL),
        Check("sample data", "good", f"{len(samples)} file{'s' * (len(samples) > 1)}")
        if samples
        else Check(
            "sample data", "note", f"none in {bundle.folder('sample_data')}", f"{REINSTALL}, or measure with --data"
        ),
    )


def check_worker() -> Check:
    """Whether a worker process starts and can import what the main scenario measures."""
    try:
        found = discovery.describe(bundle.folder("scenarios") / "replay.py", here())
    except PerfbenchError as problem:
        return Check("worker", "bad", str(problem), REINSTALL)
    return Check("worker", "good", f"starts, and finds {len(found.modes)} modes of {found.name}")


def check_packages() -> Check:
    """Presence and versions of the declared dependencies; those with a condition count only if they are there."""
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", "note", f"{DISTRIBUTION} is imported, not installed", f"pip install {DISTRIBUTION}")
    present, missing = [], []
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            present.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing += [] if ";" in requirement else [name]
    if not missing:
        return Check("packages", "good", ", ".join(present))
    finding = f"missing: {', '.join(missing)}"
    return Check("packages", "note" if NOT_NEEDED_TO_MEASURE.issuperset(missing) else "bad", finding, REINSTALL)


def what_could_be_measured() -> tuple[Check, ...]:
    """The interpreters, tools and market files that are here."""
    pythons = [interpreter.version for interpreter in find_interpreters()]
    return (
        Check("Pythons", "good", ", ".join(pythons))
        if pythons
        else Check(
            "Pythons", "note", "none answered", "install CPython 3.8 or newer to measure in another environment"
        ),
        check_market_files(bundle.market_cache()),
        *(check_tool(name) for name in TOOLS),
    )


def check_market_files(folder: Path) -> Check:
    """The real market files that were pulled into the cache."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return Check("market files", "note", "none pulled", "perfbench data pull")
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    return Check("market files", "good", f"{len(files)} pulled, {megabytes:,.1f} MB")


def check_tool(name: str) -> Check:
    """A program on PATH or beside the interpreter, where pip puts it."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    found = shutil.which(name, path=places)
    return Check(name, "good", found) if found else Check(name, "note", "not found", TOOLS[name])
