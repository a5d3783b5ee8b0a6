"""Fail a CI job on a real regression, and only then."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, parse, progress
from perfbench.cli.measure import RunOptions
from perfbench.datasets import resolve
from perfbench.errors import UsageProblem
from perfbench.gate.baseline import build_baseline_spec, find_baseline, pin_inputs
from perfbench.gate.blame import blame_regressions
from perfbench.gate.calibration import session
from perfbench.model import Budget, GatePolicy, Run, Settings

app = typer.Typer(add_completion=False)

SIZE_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(kB|MB|GB)")
_RANK = {"COMMANDLINE": 3, "ENVIRONMENT": 2, "DEFAULT_MAP": 1}
"""Where the value of an option comes from; the greatest counts."""

BYTES_PER_UNIT = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


@app.command()
def gate(
    ctx: typer.Context,
    before: Annotated[
        str | None, typer.Option(metavar="SPEC", help="The environment that sets the standard.", show_default=False)
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="A saved run, or a branch, whose environment sets the standard; measured anew.",
            show_default=False,
        ),
    ] = None,
    after: Annotated[str, typer.Option(metavar="SPEC", help="The environment that is judged.")] = "here",
    scenario: Annotated[
        list[str] | None, typer.Option(help="A scenario by name or file; repeatable.", show_default="replay")
    ] = None,
    mode: options.ModeNames = None,
    data: options.Data = None,
    threshold: Annotated[
        str, typer.Option(metavar="SHARE", help="A slow-down of more than this fails, such as 5%.")
    ] = "0%",
    max_time: Annotated[float, typer.Option(min=1, help="Seconds of pairs for each case, at most.")] = 30.0,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=MOST",
            help="memory=5%, count=0.2%, peak=200MB, patched/lightweight=1.8, or a metric of the scenario: "
            "bytes_per_update=5%, pause_ms=20; repeatable.",
        ),
    ] = None,
    fail_on_inconclusive: Annotated[
        bool, typer.Option("--fail-on-inconclusive", help="What cannot be told fails too.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Replay whole files, not their first lines.")] = False,
    timeout: options.Timeout = 600.0,
    count: options.Count = False,
    blame: Annotated[
        bool,
        typer.Option(
            "--blame", help="Tell the five functions that a regression comes from, by instructions (valgrind)."
        ),
    ] = False,
    set_: options.ParameterValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    accept: options.Accept = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    export: options.ExportTo = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Fail a CI job on a real regression, and only then.

    Both environments are measured now, in pairs on one core, until a case is clear or its time is up. Exit code 3: slower, or over
    a budget. 5: something was not measured. 6: other output. 4: not told, with `--fail-on-inconclusive`.
    """
    wanted = exports.parse_exports(export or ())
    terms = GatePolicy(
        threshold=parse.parse_share("--threshold", threshold),
        seconds=max_time,
        budgets=tuple(map(_parse_budget, budget or ())),
        fail_on_inconclusive=fail_on_inconclusive,
        whole=whole,
    )
    before, baseline = _standard(ctx, before, baseline)
    settings = Settings(
        scenarios=tuple(scenario or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=parse.parse_assignments("--set", set_),
        sweep=(),
        rounds=None,
        max_time=max_time,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=((before or "", after),),
        names=parse.read_environment_names(ctx),
        accepted=tuple(accept or ()),
        gate=session.apply_calibration(terms, results),
        count=count or terms.limits_count,
    )
    if baseline is not None:
        run = find_baseline(baseline, results, Path.cwd())
        settings = _pin_to_baseline(replace(settings, scenarios=tuple(scenario or run.settings.scenarios)), run)
    note = str if settings.data else resolve.describe_default_market
    manner = RunOptions(settings, results, save, wanted, (), color, quiet, note)
    if blame:
        observe = progress.build_status_printer(quiet)
        manner = replace(manner, afterwards=partial(blame_regressions, observe=observe))
    measure.measure_and_show(manner)


def _standard(ctx: typer.Context, before: str | None, baseline: str | None) -> tuple[str | None, str | None]:
    """The one of --before and --baseline that counts: a flag goes before a variable, a variable before the file.

    Raises UsageProblem for neither, and for both from the same place.
    """
    if before is not None and baseline is not None:
        ranks = [_RANK.get(getattr(ctx.get_parameter_source(name), "name", ""), 0) for name in ("before", "baseline")]
        before, baseline = (before if ranks[0] >= ranks[1] else None), (baseline if ranks[1] >= ranks[0] else None)
    if (before is None) == (baseline is None):
        raise UsageProblem("give exactly one of --before SPEC and --baseline RUN")
    return before, baseline


def _pin_to_baseline(settings: Settings, run: Run) -> Settings:
    """The settings with the environment of a baseline, and its cases where no others were asked for."""
    assert settings.gate is not None
    then = run.settings
    chosen = {Path(name).stem for name in settings.scenarios}
    changes = {change.name for scenario in run.scenarios if scenario.name in chosen for change in scenario.changes}
    found = replace(
        settings,
        environments=((build_baseline_spec(run, Path.cwd()), settings.environments[0][1]),),
        modes=settings.modes or then.modes,
        data=settings.data or then.data or tuple(market.name for market in run.data),
        parameters=settings.parameters or then.parameters,
        accepted=(*(name for name in then.accepted if name in changes), *settings.accepted),
    )
    return replace(found, gate=replace(settings.gate, baseline=run.id, demands=pin_inputs(run)))


def _parse_budget(text: str) -> Budget:
    """The budget that is written ``memory=5%``, ``count=0.2%``, ``peak=200MB``, ``full/patched=1.8``, ``pause_ms=20``.

    Raises UsageProblem.
    """
    what, most = parse.parse_assignment("--budget", text)
    if what == "memory":
        return Budget("memory", parse.parse_share(f"--budget {what}", most))
    if what == "count":
        return Budget("count", parse.parse_share(f"--budget {what}", most))
    if what == "peak":
        found = SIZE_PATTERN.fullmatch(most.strip())
        if found is None:
            raise UsageProblem(f"--budget {text}: write a size such as peak=200MB")
        return Budget("peak", float(found[1]) * BYTES_PER_UNIT[found[2]])
    if what.isidentifier() and most.strip().endswith("%"):
        return Budget("change", parse.parse_share(f"--budget {what}", most), metric=what)
    mode, slash, other = what.partition("/")
    try:
        limit = float(most)
    except ValueError:
        limit = math.nan
    if what.isidentifier() and math.isfinite(limit):
        return Budget("number", limit, metric=what)
    if not (mode and slash and other and limit > 0):
        raise UsageProblem(
            f"--budget {text}: write memory=5%, count=0.2%, peak=200MB, MODE/OTHER=1.8, or METRIC=5% or METRIC=20"
        )
    return Budget("ratio", limit, mode, other)
