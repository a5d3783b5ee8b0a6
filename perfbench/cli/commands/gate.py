"""Fail a CI job on a real regression, and only then."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, parse, survey_options
from perfbench.cli.measure import OutputOptions
from perfbench.cli.value_sources import read_rank
from perfbench.environments.spec import HOST_SPEC
from perfbench.errors import UsageProblem
from perfbench.gate.baseline import build_baseline_spec, choose_title, find_baseline, pin_inputs
from perfbench.gate.blame import blame_regressions, warn_unavailable
from perfbench.gate.calibration import session
from perfbench.model import Budget, GatePolicy, Run, Settings
from perfbench.runner.scenarios import expand_topics, format_scenario_name

HELP_GROUP = "Compare"

app = typer.Typer(add_completion=False)

SHARE = parse.build_share_parser()
DEFAULT_MAX_TIME = 120.0

AMBIGUOUS_COUNT = 0.1
"""Counts scatter by less than 0.1 %: 0.2 is a slip for 0.2 % rather than a fifth."""


DEFAULT_AFTER_VARIABLE = "PERFBENCH_DEFAULT_AFTER"
"""Set by the GitHub action, whose perfbench stands apart: there the checkout is checked, unless the configuration says else."""


def _read_default_after() -> str:
    return os.environ.get(DEFAULT_AFTER_VARIABLE) or HOST_SPEC


@app.command()
def gate(
    ctx: typer.Context,
    *,
    before: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Environment to compare with.", show_default=False)
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Saved run, or branch, whose environment to compare with; it is rebuilt and measured again.",
            show_default=False,
        ),
    ] = None,
    after: Annotated[
        str,
        typer.Option(
            metavar="SPEC", help="Environment to check.", default_factory=_read_default_after, show_default="here"
        ),
    ],
    scenario: options.Scenarios = None,
    mode: options.ModeNames = None,
    data: options.Data = None,
    threshold: Annotated[
        float,
        typer.Option(
            parser=parse.build_type(parse.build_share_parser()),
            metavar="SHARE",
            help="Fail on a slowdown above this share, e.g. 5% or 0.05.",
            show_default="0%",
        ),
    ] = 0.0,
    max_time: Annotated[
        float,
        typer.Option(
            parser=parse.build_type(parse.build_duration_parser("s", minimum=1.0)),
            metavar="SECONDS",
            help="Time limit of the whole command, shared by its cases; also 90s or 2m. At least 12 pairs of each are measured "
            "in any case; building environments comes on top, and so does --blame.",
        ),
    ] = DEFAULT_MAX_TIME,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=LIMIT",
            help="Fail above this limit; repeatable. memory=5%, count=0.2%, peak=200MB, patched/lightweight=1.8, or a metric "
            "of the scenario: bytes_per_update=5%, pause_ms=20.",
            callback=parse.assignments_of,
        ),
    ] = None,
    fail_on_inconclusive: Annotated[
        bool, typer.Option("--fail-on-inconclusive", help="Also fail when the result is inconclusive.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Replay whole files, not their first lines.")] = False,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    count: options.Count = False,
    each: survey_options.Each = False,
    jobs: survey_options.Jobs = 1,
    blame: Annotated[
        bool,
        typer.Option("--blame", help="Name the five functions behind each regression (instruction counts, Valgrind)."),
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

    Both environments are measured now, in pairs interleaved on one core, until each case is conclusive or its time is over. Exit
    code 3: slower, or over a budget. 4: inconclusive, with `--fail-on-inconclusive`. 5: not everything was measured. 6: the outputs
    differ.
    """
    wanted = exports.parse_exports(export or ())
    policy = GatePolicy(
        threshold=threshold,
        seconds=0.0,
        budgets=tuple(map(_parse_budget, budget or ())),
        fail_on_inconclusive=fail_on_inconclusive,
        whole=whole,
    )
    before, baseline = _choose_reference(ctx, before, baseline)
    scenario = expand_topics(scenario or (), scenarios_folder or ())
    settings = options.build_settings(
        ctx,
        each=each,
        jobs=jobs,
        environments=((before or "", after),),
        scenarios=scenario,
        folders=scenarios_folder,
        modes=mode,
        data=data,
        parameters=set_,
        max_time=max_time,
        timeout=timeout,
        accept=accept,
        gate=policy,
        count=count or policy.limits_count,
    )
    # The action saves its run apart: baselines and the calibration stand where the project saves its runs.
    folders = tuple(dict.fromkeys((results, Path(ctx.lookup_default("results") or options.DEFAULT_RESULTS))))
    for folder in reversed(folders):
        policy = session.apply_calibration(policy, folder)
    settings = replace(settings, gate=policy)
    if baseline is not None:
        run = find_baseline(baseline, folders, Path.cwd())
        settings = replace(settings, scenarios=tuple(scenario or run.settings.scenarios))
        settings = _pin_to_baseline(settings, run, baseline)
    output = OutputOptions(results, save, wanted, (), color, quiet)
    measure.measure_and_show(
        settings, output, blame_regressions if blame else None, warn_unavailable if blame else None
    )


def _choose_reference(ctx: typer.Context, before: str | None, baseline: str | None) -> tuple[str | None, str | None]:
    """The one of --before and --baseline that wins: a flag over a variable, a variable over the file.

    Raises UsageProblem for neither, and for both from the same place.
    """
    if before is not None and baseline is not None:
        ranks = [read_rank(ctx, name) for name in ("before", "baseline")]
        before, baseline = (before if ranks[0] >= ranks[1] else None), (baseline if ranks[1] >= ranks[0] else None)
    if (before is None) == (baseline is None):
        raise UsageProblem("give exactly one of --before SPEC and --baseline RUN")
    return before, baseline


def _pin_to_baseline(settings: Settings, run: Run, name: str) -> Settings:
    """The settings with the environment of a baseline under its name, and its cases unless others were named."""
    assert settings.gate is not None
    spec = build_baseline_spec(run, Path.cwd())
    title = choose_title(name, spec, settings)
    baseline = run.settings
    chosen = {format_scenario_name(Path(name)) for name in settings.scenarios}
    changes = {change.name for scenario in run.scenarios if scenario.name in chosen for change in scenario.changes}
    pinned = replace(
        settings,
        environments=((title, settings.environments[0][1]),),
        names=settings.names if title == spec else (*settings.names, (title, spec)),
        modes=settings.modes or baseline.modes,
        data=settings.data or baseline.data or tuple(market.name for market in run.data),
        parameters=settings.parameters or baseline.parameters,
        arguments=settings.arguments or baseline.arguments,
        accepted=(*(name for name in baseline.accepted if name in changes), *settings.accepted),
    )
    return replace(pinned, gate=replace(settings.gate, baseline=run.id, demands=pin_inputs(run)))


def _parse_budget(text: str) -> Budget:
    """A budget written as ``memory=5%``, ``count=0.2%``, ``peak=200MB``, ``full/patched=1.8``, ``pause_ms=20``.

    Raises UsageProblem.
    """
    what, most = parse.parse_assignment("--budget", text)
    if what == "memory":
        return Budget("memory", parse.parse_option(f"--budget {what}", most, SHARE))
    if what == "count":
        share = parse.parse_option(f"--budget {what}", most, SHARE)
        if share >= AMBIGUOUS_COUNT and not most.strip().endswith("%"):
            hint = f"write count={100 * share:g}% if you mean that, or count={most.strip()}%"
            raise UsageProblem(f"--budget {what} {most}: a large share of instructions", hint=hint)
        return Budget("count", share)
    if what == "peak":
        return Budget("peak", parse.parse_option(f"--budget {what}", most, parse.parse_size))
    if what.isidentifier() and most.strip().endswith("%"):
        return Budget("change", parse.parse_option(f"--budget {what}", most, SHARE), metric=what)
    mode, slash, other = what.partition("/")
    try:
        limit = float(most)
    except ValueError:
        limit = math.nan
    if what.isidentifier() and math.isfinite(limit):
        return Budget("number", limit, metric=what)
    if not (mode and slash and other and limit > 0):
        raise UsageProblem(
            f"--budget {text}: not a budget",
            hint="write memory=5%, count=0.2%, peak=200MB, MODE/OTHER=1.8, or METRIC=5% or METRIC=20",
        )
    return Budget("ratio", limit, mode, other)
