"""Measure what this machine lets a gate see, and how often a gate would be wrong here."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from perfbench import (
    calibration,
    calibration_page,
    commands,
    conducting,
    datasets,
    discovery,
    environments,
    rivalry,
    screens,
    storage,
)
from perfbench.conducting import Manner
from perfbench.errors import Interrupted, NotMeasured
from perfbench.model import Run, Settings, Table
from perfbench.rivalry import Contest
from perfbench.running import Progress
from perfbench.session import Finished
from perfbench.standings import of_gate, of_tools
from perfbench.terms import Terms

app = typer.Typer(add_completion=False)

SUBJECT = "betfairlightweight"
"""The package whose installed release is calibrated with, unless another environment is named."""


@app.command()
def calibrate(
    ctx: typer.Context,
    env: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The environment, built twice.", show_default="the betfairlightweight here"),
    ] = None,
    scenario: Annotated[str, typer.Option(help="The scenario, by name or file.")] = "replay",
    mode: Annotated[str | None, typer.Option(help="The mode.", show_default="the baseline of the scenario")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A market file or known name.", show_default="the pulled PRO file, else the sample"),
    ] = None,
    max_time: Annotated[
        float, typer.Option(min=1, help="Seconds of pairs, about; at least 96, and 48 of each slow-down.")
    ] = 300.0,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=24,
            help="Exactly so many pairs of unchanged code, and half as many of each slow-down.",
            show_default="as there is time for",
        ),
    ] = None,
    slower: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE",
            help="Slow passes down by this, such as 1.6%; repeatable.",
            show_default="half, once and twice what 48 pairs see",
        ),
    ] = None,
    gate_time: Annotated[float, typer.Option(min=1, help="The --max-time of the gates that are tried.")] = 30.0,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="TOOL,TOOL",
            help="Let other tools compare the same builds, each by its own protocol: hyperfine, pyperf, pytest-benchmark.",
            show_default="none",
        ),
    ] = None,
    comparisons: Annotated[
        int, typer.Option(min=4, help="How often each tool compares unchanged code; half as often each slow-down.")
    ] = 12,
    shown: Annotated[
        str | None,
        typer.Option("--show", metavar="NAME", help="Measure nothing: show a saved calibration.", show_default=False),
    ] = None,
    timeout: commands.Timeout = 600.0,
    set_: commands.Set = None,
    scenarios_folder: commands.ScenariosFolder = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: Annotated[
        str, typer.Option(help="Save under this name, and with -slower and -against behind it.")
    ] = calibration.NAME,
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Measure what this machine lets a gate see, and how often a gate would be wrong here.

    One release, built twice, is measured in pairs; then one side is made slower by known shares. A gate warns when it scatters more
    than its calibration, or runs on another machine.
    """
    if shown is not None:
        _page(shown, results, color)
        return
    tools = tuple(dict.fromkeys(against.split(","))) if against else ()
    rivalry.demand(tools)
    folders = [Path(folder) for folder in scenarios_folder or ()]
    here = environments.here()
    installed = next((package.version for package in here.packages if package.name == SUBJECT), None)
    if env is None and installed is None:
        raise NotMeasured(f"{SUBJECT} is not installed here: name an environment with --env")
    spec = (env or f"{SUBJECT}=={installed}") + rivalry.needs(tools)
    settings = Settings(
        scenarios=(scenario,),
        folders=tuple(map(str, folders)),
        modes=(mode or discovery.baseline(scenario, folders, here),),
        data=(data,) if data else (),
        parameters=commands.assignments("--set", set_),
        sweep=(),
        rounds=None,
        max_time=max_time,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=((spec, spec),),
        names=commands.configured_names(ctx),
        gate=Terms(seconds=gate_time),
    )
    sizes = tuple(commands.share("--slower", text) for text in slower or ())
    conducting.demand_file_name(save)
    calibration.demand_free((save, calibration.slower_name(save), rivalry.name(save)), results)
    note = str if data else datasets.default_note
    manner = Manner(settings, results, save, (), (), color, quiet, note)
    _calibrate(manner, rounds, sizes, tools, comparisons)
    _page(save, results, color)
    if not quiet:
        print(f"saved in {results / save}.json and beside it", file=sys.stderr)


def _calibrate(
    manner: Manner, rounds: int | None, sizes: tuple[float, ...], tools: tuple[str, ...], comparisons: int
) -> None:
    """Measure pairs of unchanged code, then pairs made slower by these sizes, then what other tools say of both.

    :param rounds: pairs of unchanged code; None: as many as there is time for. No sizes: half, once and twice what is seen.
    :param tools: the other tools; :param comparisons: how often each compares unchanged code.
    """
    assert manner.settings is not None
    assert manner.save is not None
    ended = conducting.end_on_signals()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        prepared = conducting.prepare(manner, Path(folder))
        pairs = calibration.pairs_for(prepared, manner.settings.max_time, rounds, len(sizes or calibration.SIZES))
        unchanged = _whole(conducting.carry_out(calibration.with_rounds(prepared, pairs), manner, ended))
        sizes = sizes or calibration.sizes_for(calibration.read(unchanged))
        slower = calibration.made_slower(prepared, sizes, calibration.slower_name(manner.save), pairs)
        _whole(conducting.carry_out(slower, manner, ended))
        if tools:
            contest = Contest(tools, comparisons, rivalry.pace(unchanged))
            _compete(unchanged, prepared.tables[0], sizes, contest, manner)


def _compete(unchanged: Run, table: Table, sizes: tuple[float, ...], contest: Contest, manner: Manner) -> None:
    """What other tools say, saved after each of their comparisons. Raises Interrupted, NotMeasured."""
    known = rivalry.versions(contest.tools, table)
    compared: list[rivalry.Compared] = []
    try:
        with conducting.observer(manner.quiet, 1) as observe:
            tell = lambda doing, share: observe(table, Progress(doing, share, None))  # noqa: E731
            for one in rivalry.measure(contest, table, sizes, unchanged.settings.seed, tell):
                compared.append(one)
                rivalry.save(rivalry.document(unchanged, contest, known, compared), manner.results)
    except KeyboardInterrupt:
        kept = [unchanged.id, *([rivalry.name(unchanged.id)] if compared else [])]
        paths = " and ".join(str(manner.results / f"{name}.json") for name in kept)
        raise Interrupted(f"interrupted; what was measured is in {paths}; a calibration starts anew") from None


def _whole(finished: Finished) -> Run:
    """The run of a plan that was carried out to its end. Raises Interrupted, NotMeasured."""
    if finished.interrupted:
        raise Interrupted(f"interrupted; what was measured is in {finished.path}; a calibration starts anew")
    failures = [f.message for m in finished.run.measurements for f in m.failures]
    if finished.run.problems or failures:
        raise NotMeasured("; ".join(dict.fromkeys((*finished.run.problems, *failures))))
    return finished.run


def _page(name: str, results: Path, color: str) -> None:
    """Show a saved calibration. Raises StorageProblem, NotMeasured."""
    path = storage.find(name, results)
    unchanged = storage.load(path)
    found = calibration.read(unchanged)
    slower = storage.load(storage.find(calibration.slower_name(path.stem), path.parent))
    injected = calibration.read_slower(slower, found)
    cost = calibration.cost(unchanged)
    sys.stdout.write(calibration_page.page(unchanged, found, injected))
    if (rivals := rivalry.load(path.stem, path.parent)) is not None:
        standings = (of_gate(found, injected, cost), *of_tools(rivals))
        sys.stdout.write("\n" + calibration_page.against(standings))
    differences = calibration.differences(unchanged, unchanged.duets[0])
    sys.stdout.write("\n" + calibration_page.plot(differences, color=screens.colored(sys.stdout, color)))
