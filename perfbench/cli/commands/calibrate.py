"""Measure the smallest slowdown the gate detects on this machine, and its false-alarm rate."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import console, measure, options, output, page_output, parse, terminal_plots
from perfbench.cli.exports import Export
from perfbench.cli.measure import OutputOptions
from perfbench.environments import host
from perfbench.errors import Interrupted, NotMeasured, UsageProblem
from perfbench.gate.calibration import session, tool_comparison
from perfbench.gate.calibration.document import load_calibration
from perfbench.gate.calibration.tool_comparison import ComparisonPlan
from perfbench.model import CaseGroup, GatePolicy, Run, Settings
from perfbench.report import prose
from perfbench.report.page.calibration_page import build_calibration_page
from perfbench.report.page.render import render_page
from perfbench.report.tables import calibration
from perfbench.results import storage
from perfbench.runner import scenarios
from perfbench.runner.session import FinishedRun, Session
from perfbench.runner.state import Progress
from perfbench.runner.time_limit import TimeLimit
from perfbench.util.activity import doing

HELP_GROUP = "Machine"

app = typer.Typer(add_completion=False)

DEFAULT_PACKAGE = "betfairlightweight"
"""The package whose installed release is used, unless --env names an environment."""

DEFAULT_MAX_TIME = 300.0
TAIL_SHARE = 0.03
"""The share of the time limit that is kept for the analysis of the pairs."""

NOT_RESUMABLE = "a calibration cannot be resumed: run it again"


@app.command()
def calibrate(
    ctx: typer.Context,
    env: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="Environment, built twice.", show_default="the betfairlightweight installed here"
        ),
    ] = None,
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help="Scenario, by name or file, or your own program.")
    ] = "replay",
    mode: Annotated[
        str | None, typer.Option(metavar="NAME", help="Mode.", show_default="the baseline of the scenario")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Market file or known name.", show_default=options.DEFAULT_MARKET_TEXT),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=parse.build_type(parse.build_duration_parser("s", minimum=1.0)),
            metavar="SECONDS",
            help="Time limit of the whole command; also 90s or 2m. At least 24 pairs, 12 of a slowdown and one comparison by each "
            "tool are measured in any case; building environments comes on top.",
            show_default="300; with --against, 300 more than its comparisons may take",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=24,
            metavar="NUM",
            help="Run exactly this many pairs of unchanged code, and half as many of each slowdown.",
            show_default="as many as --max-time allows",
        ),
    ] = None,
    slower: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE",
            help="Slowdown to inject, e.g. 1.6%; repeatable.",
            show_default="half, once and twice what 48 pairs detect",
            callback=parse.names_of,
        ),
    ] = None,
    gate_time: Annotated[
        float,
        typer.Option(
            parser=parse.build_type(parse.build_duration_parser("s", minimum=1.0)),
            metavar="SECONDS",
            help="Seconds of pairs of the simulated gates, for their one case.",
        ),
    ] = 30.0,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOOL,TOOL",
            help="Compare with other tools on the same builds, each by its own protocol: asv, hyperfine, hyperfine-2, pyperf, "
            "pytest-benchmark, pytest-codspeed.",
            show_default="none",
            callback=parse.names_of,
        ),
    ] = None,
    comparisons: Annotated[
        int,
        typer.Option(min=4, metavar="NUM", help="Comparisons of unchanged code per tool; half as many per slowdown."),
    ] = 16,
    shown: Annotated[
        str | None,
        typer.Option("--show", metavar="NAME", help="Show a saved calibration; measure nothing.", show_default=False),
    ] = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    set_: options.ParameterValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the saved runs: NAME, NAME-slower and NAME-against.")
    ] = session.DEFAULT_NAME,
    export: options.ExportPage = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Measure the smallest slowdown the gate detects on this machine, and its false-alarm rate.

    One release, built twice, is measured in pairs; then one side is slowed down by known shares. A gate warns when its pairs
    scatter more than those of the calibration, or when it runs on another machine.
    """
    exports = page_output.parse_page_exports(export or (), "a calibration", measures=shown is None)
    if shown is not None:
        _show_saved(shown, results, exports, color)
        return
    tools = tuple(dict.fromkeys(against or ()))
    tool_comparison.require_tools(tools)
    folders = [Path(folder) for folder in scenarios_folder or ()]
    here = host.describe_host()
    installed = next((package.version for package in here.packages if package.name == DEFAULT_PACKAGE), None)
    if env is None and installed is None:
        raise NotMeasured(f"{DEFAULT_PACKAGE} is not installed here", hint="name an environment with --env")
    spec = (env or f"{DEFAULT_PACKAGE}=={installed}") + tool_comparison.build_needs(tools)
    sizes = tuple(parse.parse_option("--slower", text, parse.build_share_parser(1e-6, 10.0)) for text in slower or ())
    compared = ComparisonPlan.count(len(tools), comparisons, len(sizes or session.SLOWDOWN_MULTIPLES))
    settings = options.build_settings(
        ctx,
        drawn=1,
        environments=((spec, spec),),
        scenarios=(scenario,),
        folders=folders,
        modes=(mode or scenarios.find_baseline_mode(scenario, folders, here),),
        data=(data,) if data else (),
        parameters=set_,
        max_time=max_time or DEFAULT_MAX_TIME + compared * gate_time,
        timeout=timeout,
        gate=GatePolicy(seconds=gate_time),
    )
    storage.require_file_name(save)
    session.require_free_names(
        (save, session.format_slowdown_name(save), tool_comparison.format_document_name(save)), results
    )
    destination = OutputOptions(results, save, color=color, quiet=quiet)
    _run_calibration(settings, destination, rounds, sizes, tools, comparisons)
    _show_saved(save, results, exports, color)
    if not quiet:
        print(f"saved in {results / save}.json and beside it", file=sys.stderr)


def _run_calibration(
    settings: Settings,
    output: OutputOptions,
    rounds: int | None,
    sizes: tuple[float, ...],
    tools: tuple[str, ...],
    comparisons: int,
) -> None:
    """Measure pairs of unchanged code, then pairs with these slowdowns, then other tools on both.

    :param rounds: pairs of unchanged code; None: as many as there is time for.
    :param sizes: of the slowdowns; none: half, once and twice the detectable change.
    :param comparisons: how often each tool compares unchanged code.
    """
    assert output.save is not None
    with measure.open_session(output) as measuring:
        prepared = measure.prepare(measuring, settings, output)
        if len(prepared.tables) > 1:
            raise UsageProblem(
                f"calibrate measures one mode on one market file, not {len(prepared.tables)}",
                hint="name one mode with --mode and one file with --data",
            )
        limit = measuring.limit
        if rounds is not None:
            limit.seconds = math.inf
        own = _choose_own_seconds(limit, settings, tools)
        multiples = session.choose_multiples(prepared, own, rounds)
        count = len(sizes or multiples)
        pairs = session.choose_pair_count(prepared, own - (1 + count) * prepared.overhead, rounds, count)
        begun = limit.spent
        unchanged = _require_complete(measuring.measure(session.with_rounds(prepared, pairs)))
        sizes = sizes or session.choose_slowdowns(session.analyse_run(unchanged), multiples)
        overhead = max(0.0, limit.spent - begun - pairs * session.read_pair_cost(unchanged))
        left = math.inf if rounds is not None else own - (limit.spent - begun) - len(sizes) * overhead
        slowed = session.choose_slowdown_pairs(unchanged, left, len(sizes))
        slower = session.plan_slowdowns(prepared, sizes, session.format_slowdown_name(output.save), slowed)
        _require_complete(measuring.measure(slower))
        if tools:
            plan = ComparisonPlan(tools, comparisons, tool_comparison.compute_budget(unchanged))
            _run_tools(measuring, unchanged, prepared.tables[0], sizes, plan)
        measure.report_overrun(measuring)


def _choose_own_seconds(limit: TimeLimit, settings: Settings, tools: tuple[str, ...]) -> float:
    """The seconds of the pairs: with other tools an equal share of what is left, less a little for the analysis."""
    left = settings.max_time if limit.seconds == math.inf else limit.left
    return max(0.0, left / (1 + len(tools)) - TAIL_SHARE * settings.max_time)


def _run_tools(
    measuring: Session, unchanged: Run, group: CaseGroup, sizes: tuple[float, ...], plan: ComparisonPlan
) -> None:
    """Run the other tools; saved after each of their comparisons. Raises Interrupted, NotMeasured, StorageProblem."""
    document = tool_comparison.build_document(unchanged, plan, group)
    compared: list[tool_comparison.ToolMeasurement] = []

    def report(step: str, share: float) -> None:
        measuring.listener.report_progress(group, Progress(step, share, None))

    def record(measurements: Sequence[tool_comparison.ToolMeasurement]) -> None:
        compared.extend(measurements)
        tool_comparison.save_document(replace(document, compared=tuple(compared)), measuring.results)

    seed = unchanged.settings.seed
    measurements = tool_comparison.run_comparisons(plan, group, sizes, seed, report, measuring.limit)
    outcome = measuring.execute(((group, (measurement,)) for measurement in measurements), record)
    if outcome.problem is not None:
        raise outcome.problem
    if outcome.interrupted:
        saved = [unchanged.id, *([tool_comparison.format_document_name(unchanged.id)] if compared else [])]
        paths = " and ".join(str(measuring.results / f"{name}.json") for name in saved)
        raise Interrupted(
            f"interrupted; what was measured is in {paths}", hint=NOT_RESUMABLE, hung_up=measuring.hung_up
        )


def _require_complete(finished: FinishedRun) -> Run:
    """The run, if all of it was measured. Raises Interrupted, NotMeasured."""
    if finished.interrupted:
        raise Interrupted(
            f"interrupted; what was measured is in {finished.path}", hint=NOT_RESUMABLE, hung_up=finished.hung_up
        )
    failures = [f.message for m in finished.run.measurements for f in m.failures]
    if finished.run.problems or failures:
        raise NotMeasured("; ".join(dict.fromkeys((*finished.run.problems, *failures))))
    return finished.run


def _show_saved(name: str, results: Path, exports: Sequence[Export], color: str) -> None:
    """Show a saved calibration and write its page. Raises StorageProblem, NotMeasured."""
    with doing("analysing the pairs"):
        result = load_calibration(name, results)
    stream = output.choose_stream(exports)
    width = console.detect_width(stream)
    text = calibration.render_calibration(result.unchanged, result.calibration, result.injected)
    stream.write(prose.wrap_text(text, width))
    if result.scores:
        stream.write("\n" + calibration.render_tool_scores(result.scores, width))
    colored = console.wants_color(stream, color)
    stream.write(terminal_plots.plot_pairs(result.log_ratios, width, color=colored))
    page_output.write_page_exports(exports, lambda: render_page(build_calibration_page(result)))
