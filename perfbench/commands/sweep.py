"""Measure one scenario over many releases, or find the first slow one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from perfbench import (
    commands,
    conducting,
    datasets,
    discovery,
    environments,
    formatting,
    plotting,
    sweep_showing,
    sweeping,
)
from perfbench.bisecting import Answer, Asked, End, Judged, Outcome
from perfbench.conducting import Manner
from perfbench.errors import ExitCode, NotMeasured, OutputsDiffer, UsageProblem
from perfbench.model import Settings
from perfbench.releases import NAME, Every
from perfbench.stepping import Plan
from perfbench.sweeping import Range

app = typer.Typer(add_completion=False)


@app.command()
def sweep(
    ctx: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="PACKAGE|FOLDER", help="A package on the index, or a git checkout.")
    ],
    first: Annotated[str, typer.Option("--from", help="The first release or commit.")],
    last: Annotated[str, typer.Option("--to", help="The last release or commit.")],
    every: Annotated[Every, typer.Option(help="Every release, or the last of each minor series.")] = "release",
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Find the first slow one between the two, with log₂ n comparisons.")
    ] = False,
    anchor: Annotated[
        str | None,
        typer.Option(help="Pair every release with this one.", show_default="each with the one before"),
    ] = None,
    scenario: Annotated[str, typer.Option(help="The scenario, by name or file.")] = "replay",
    mode: Annotated[
        list[str] | None, typer.Option(help="This mode; repeatable.", show_default="the baseline of the scenario")
    ] = None,
    data: commands.Data = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="REQUIREMENT", help="Another package for every environment; repeatable."),
    ] = None,
    python: Annotated[
        str | None, typer.Option(help="The Python of every environment.", show_default="this one")
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Pairs for each step.", show_default="17, or more if there are many steps"),
    ] = None,
    max_time: Annotated[
        float | None, typer.Option(min=0, help="Stop a step when it is precise, after so many seconds at the latest.")
    ] = None,
    timeout: commands.Timeout = 600.0,
    set_: commands.Set = None,
    scenarios_folder: commands.ScenariosFolder = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: commands.Save = None,
    resume: commands.Resume = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plot to this .png or .svg file.")] = None,
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Measure one scenario over many releases, or find the first slow one.

    Each release runs in pairs with the one before it, so that a machine that changes makes no step. A step is marked if it stands
    out of all steps of the sweep. A release that cannot be installed is a row that says why. `--bisect` ends with code 3.
    """
    if plot is not None:
        plotting.check_plot_path(plot)
    if rounds is not None and max_time is not None:
        raise UsageProblem("--rounds and --max-time: give the one or the other")
    if bisect and len(mode or ()) > 1:
        raise UsageProblem("--bisect: one --mode only")
    if bisect and resume:
        raise UsageProblem("--bisect starts anew, its comparisons are few: leave --resume out")
    folders = tuple(map(str, scenarios_folder or ()))
    modes = tuple(mode or (discovery.baseline(scenario, [Path(folder) for folder in folders], environments.here()),))
    others = (*(with_ or ()), *([f"python=={python}"] if python else []))
    swept = _range(subject, first, last, every, others)
    sweeping.demand_anchor(swept, anchor)
    settings = Settings(
        scenarios=(scenario,),
        folders=folders,
        modes=modes,
        data=tuple(data or ()),
        parameters=commands.assignments("--set", set_),
        sweep=(),
        rounds=rounds or (None if max_time is not None else sweeping.rounds_for(swept, len(modes))),
        max_time=300.0 if max_time is None else max_time,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=(swept.specs,),
        names=commands.configured_names(ctx),
        links="neighbours" if anchor is None else "anchor",
        anchor="" if anchor is None else swept.specs[swept.names.index(anchor)],
    )
    manner = Manner(settings, results, save, (), (), color, quiet, str if data else datasets.default_note)
    if bisect:
        _say(swept, sweeping.search(swept.names, _comparer(swept, manner, settings), _observer(quiet)))
        return
    _sweep(swept, replace(manner, settings=None) if resume else manner, plot)


def _sweep(swept: Range, manner: Manner, plot: Path | None) -> None:
    finished = conducting.measure(manner)
    run = finished.run
    if run.settings.environments[0] != swept.specs:
        raise UsageProblem(f"{finished.path} is no sweep of {swept.names[0]} to {swept.names[-1]}: name what it swept")
    try:
        found = sweep_showing.show(run, plot, manner.color)
    finally:
        conducting.conclude(finished, manner.quiet)
    if any(step.output == "no" for step in found.steps):
        raise OutputsDiffer("not every release gives the same output; the lines with ! say where it differs")
    if run.problems or any(stop.problem for line in found.lines for stop in line.stops):
        raise NotMeasured("not every release was measured; the lines with ! say why")


def _comparer(swept: Range, manner: Manner, settings: Settings) -> Callable[[Asked], Answer]:
    """How a search compares a candidate with the first one: a run of its own, saved like any other."""
    specs = dict(zip(swept.names, swept.specs, strict=True))

    def compare(asked: Asked) -> Answer:
        pair = replace(
            settings, environments=((specs[asked.anchor], specs[asked.candidate]),), links="neighbours", anchor=""
        )
        name = None if manner.save is None else f"{manner.save}-{asked.candidate}"
        try:
            finished = conducting.measure(replace(manner, settings=pair, save=name, note=str))
        except NotMeasured as problem:
            return Answer(asked.candidate, failure=str(problem))
        conducting.conclude(finished, quiet=True)
        plan = Plan(None, settings.rounds)
        why = "; ".join(finished.run.problems)
        found = sweeping.answer(asked, settings.modes[0], finished.run.measurements, specs, plan)
        return replace(found, failure=(why or found.failure) if found.failure else "")

    return compare


def _range(subject: str, first: str, last: str, every: Every, others: tuple[str, ...]) -> Range:
    folder = Path(subject)
    if folder.is_dir() and (not NAME.fullmatch(subject) or (folder / ".git").exists()):
        return sweeping.commits_of(folder, first, last, others)
    return sweeping.releases_of(subject, first, last, every, others)


def _observer(quiet: bool) -> Callable[[Judged, int], None]:
    def observe(judged: Judged, number: int) -> None:
        if not quiet:
            told = judged.answer.failure or f"{formatting.change(judged.answer.ratio)} against the first"
            typer.echo(f"{number}. {judged.answer.candidate}: {told}: {judged.sense}", err=True)

    return observe


def _say(swept: Range, outcome: Outcome) -> None:
    """The result of a search on standard output. Raises Exit with code 3 for a regression, 5 where nothing can be named."""
    first, last, count = swept.names[0], swept.names[-1], len(outcome.judged)
    if outcome.end is End.NO_REGRESSION:
        judged = outcome.judged[0]
        sure = "is not slower than" if judged.sense == "good" else "is not shown to be slower than"
        interval = formatting.changes(judged.answer.low, judged.answer.high)
        typer.echo(f"{last} {sure} {first} ({interval}): there is nothing to find")
        return
    if outcome.end is End.NOT_MEASURED:
        raise NotMeasured(f"{last} could not be compared with {first}: {outcome.judged[0].answer.failure}")
    size = formatting.change(outcome.step)
    if outcome.end is End.AMBIGUOUS:
        suspects = ", ".join(outcome.suspects)
        raise NotMeasured(
            f"the first slow one is one of {suspects} ({size} after {outcome.last_good}); the others could not be told"
        )
    typer.echo(f"{outcome.suspects[0]} is the first slow one: {size} against {outcome.last_good} ({count} comparisons)")
    raise typer.Exit(ExitCode.REGRESSED)
