"""Measure what this machine lets a gate see, and how often a gate would be wrong here."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from perfbench import (
    calibrating,
    calibration,
    calibration_page,
    commands,
    conducting,
    datasets,
    discovery,
    environments,
    showing,
    wording,
)
from perfbench.conducting import Manner
from perfbench.errors import Interrupted, NotMeasured
from perfbench.model import Run, Settings
from perfbench.session import Finished
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
        float, typer.Option(min=1, help="Seconds of pairs, about; at least 96 pairs and 3 times 48.")
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
    timeout: commands.Timeout = 600.0,
    set_: commands.Set = None,
    scenarios_folder: commands.ScenariosFolder = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: Annotated[
        str, typer.Option(help="Save the runs under this name, and with -slower behind it.")
    ] = calibration.NAME,
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Measure what this machine lets a gate see, and how often a gate would be wrong here.

    One release, built twice, is measured in pairs; then one side is made slower by known shares. A gate warns when it scatters more
    than its calibration, or runs on another machine.
    """
    folders = [Path(folder) for folder in scenarios_folder or ()]
    here = environments.here()
    installed = next((package.version for package in here.packages if package.name == SUBJECT), None)
    if env is None and installed is None:
        raise NotMeasured(f"{SUBJECT} is not installed here: name an environment with --env")
    spec = env or f"{SUBJECT}=={installed}"
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
    note = str if data else datasets.default_note
    _calibrate(Manner(settings, results, save, (), (), color, quiet, note), rounds, sizes)


def _calibrate(manner: Manner, rounds: int | None, sizes: tuple[float, ...]) -> None:
    """Measure pairs of unchanged code, then pairs made slower by these sizes, and show the page.

    :param rounds: pairs of unchanged code; None: as many as there is time for. No sizes: half, once and twice what is seen.
    """
    assert manner.settings is not None
    ended = conducting.end_on_signals()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        prepared = conducting.prepare(manner, Path(folder))
        pairs = calibration.pairs_for(prepared, manner.settings.max_time, rounds, len(sizes or calibration.SIZES))
        unchanged = _whole(conducting.carry_out(calibration.with_rounds(prepared, pairs), manner, ended))
        found, differences = _found(unchanged)
        sizes = sizes or calibration.sizes_for(found)
        slowed = calibration.made_slower(prepared, found, sizes, f"{manner.save}-slower")
        slower = _whole(conducting.carry_out(slowed, manner, ended))
    _show(unchanged, slower, found, differences, sizes, manner)


def _found(run: Run) -> tuple[calibrating.Calibration, tuple[float, ...]]:
    (duet,) = run.duets
    assert run.settings.gate is not None
    differences = calibration.differences(run, duet)
    most = run.settings.gate.most(*duet)
    return calibrating.calibrated(differences, calibration.seconds(run, duet[0]), most, run.settings.seed), differences


def _whole(finished: Finished) -> Run:
    """The run of a plan that was carried out to its end. Raises Interrupted, NotMeasured."""
    if finished.interrupted:
        raise Interrupted(f"interrupted; what was measured is in {finished.path}; a calibration starts anew")
    failures = [f.message for m in finished.run.measurements for f in m.failures]
    if finished.run.problems or failures:
        raise NotMeasured("; ".join(dict.fromkeys((*finished.run.problems, *failures))))
    return finished.run


def _show(
    unchanged: Run,
    slower: Run,
    found: calibrating.Calibration,
    differences: tuple[float, ...],
    sizes: tuple[float, ...],
    manner: Manner,
) -> None:
    injected = tuple(
        calibrating.slowed(size, calibration.differences(slower, duet), found.looks, unchanged.settings.seed)
        for size, duet in zip(sizes, slower.duets, strict=True)
    )
    case = unchanged.measurements[0].case
    title = (
        f"calibration · {case.scenario} {case.mode} {case.data} · {case.environment}, built twice · {found.pairs} pairs"
    )
    about = f"{unchanged.machine.python} · {wording.processor(unchanged.machine)} · {unchanged.machine.system}"
    sys.stdout.write(calibration_page.page(title, about, found, injected, calibration.cost(unchanged)))
    sys.stdout.write("\n" + calibration_page.plot(differences, color=showing.colored(sys.stdout, manner.color)))
    if not manner.quiet:
        print(f"saved in {manner.results / unchanged.id}.json and {slower.id}.json", file=sys.stderr)
