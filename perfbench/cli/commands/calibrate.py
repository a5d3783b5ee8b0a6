"""Measure what this machine lets a gate see, and how often a gate would be wrong here."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import console, measure, options, parse, progress, signals
from perfbench.cli.measure import RunOptions
from perfbench.datasets import resolve
from perfbench.environments import host
from perfbench.errors import Interrupted, NotMeasured
from perfbench.gate.calibration import session, tool_comparison
from perfbench.gate.calibration.tool_comparison import ComparisonPlan
from perfbench.gate.calibration.tool_scores import score_gate, score_tools
from perfbench.model import CaseGroup, GatePolicy, Run, Settings
from perfbench.report.tables import calibration
from perfbench.results import storage
from perfbench.runner import scenarios
from perfbench.runner.session import FinishedRun
from perfbench.runner.state import Progress

app = typer.Typer(add_completion=False)

DEFAULT_PACKAGE = "betfairlightweight"
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
    timeout: options.Timeout = 600.0,
    set_: options.ParameterValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: Annotated[
        str, typer.Option(help="Save under this name, and with -slower and -against behind it.")
    ] = session.DEFAULT_NAME,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Measure what this machine lets a gate see, and how often a gate would be wrong here.

    One release, built twice, is measured in pairs; then one side is made slower by known shares. A gate warns when it scatters more
    than its calibration, or runs on another machine.
    """
    if shown is not None:
        _show_saved(shown, results, color)
        return
    tools = tuple(dict.fromkeys(against.split(","))) if against else ()
    tool_comparison.require_tools(tools)
    folders = [Path(folder) for folder in scenarios_folder or ()]
    here = host.describe_host()
    installed = next((package.version for package in here.packages if package.name == DEFAULT_PACKAGE), None)
    if env is None and installed is None:
        raise NotMeasured(f"{DEFAULT_PACKAGE} is not installed here: name an environment with --env")
    spec = (env or f"{DEFAULT_PACKAGE}=={installed}") + tool_comparison.build_needs(tools)
    settings = Settings(
        scenarios=(scenario,),
        folders=tuple(map(str, folders)),
        modes=(mode or scenarios.find_baseline_mode(scenario, folders, here),),
        data=(data,) if data else (),
        parameters=parse.parse_assignments("--set", set_),
        sweep=(),
        rounds=None,
        max_time=max_time,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=((spec, spec),),
        names=parse.read_environment_names(ctx),
        gate=GatePolicy(seconds=gate_time),
    )
    sizes = tuple(parse.parse_share("--slower", text) for text in slower or ())
    storage.require_file_name(save)
    session.require_free_names(
        (save, session.format_slowdown_name(save), tool_comparison.format_document_name(save)), results
    )
    note = str if data else resolve.describe_default_market
    manner = RunOptions(settings, results, save, (), (), color, quiet, note)
    _run_calibration(manner, rounds, sizes, tools, comparisons)
    _show_saved(save, results, color)
    if not quiet:
        print(f"saved in {results / save}.json and beside it", file=sys.stderr)


def _run_calibration(
    manner: RunOptions, rounds: int | None, sizes: tuple[float, ...], tools: tuple[str, ...], comparisons: int
) -> None:
    """Measure pairs of unchanged code, then pairs made slower by these sizes, then what other tools say of both.

    :param rounds: pairs of unchanged code; None: as many as there is time for. No sizes: half, once and twice what is seen.
    :param tools: the other tools; :param comparisons: how often each compares unchanged code.
    """
    assert manner.settings is not None
    assert manner.save is not None
    ended = signals.install_signal_handlers()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        prepared = measure.prepare_with_status(manner, Path(folder))
        pairs = session.choose_pair_count(
            prepared, manner.settings.max_time, rounds, len(sizes or session.SLOWDOWN_MULTIPLES)
        )
        unchanged = _require_complete(
            measure.execute_with_progress(session.with_rounds(prepared, pairs), manner, ended)
        )
        sizes = sizes or session.choose_slowdowns(session.analyse_run(unchanged))
        slower = session.plan_slowdowns(prepared, sizes, session.format_slowdown_name(manner.save), pairs)
        _require_complete(measure.execute_with_progress(slower, manner, ended))
        if tools:
            contest = ComparisonPlan(tools, comparisons, tool_comparison.compute_pace(unchanged))
            _run_tools(unchanged, prepared.tables[0], sizes, contest, manner)


def _run_tools(
    unchanged: Run, table: CaseGroup, sizes: tuple[float, ...], contest: ComparisonPlan, manner: RunOptions
) -> None:
    """What other tools say, saved after each of their comparisons. Raises Interrupted, NotMeasured."""
    known = tool_comparison.read_versions(contest.tools, table)
    compared: list[tool_comparison.ToolMeasurement] = []
    try:
        with progress.show_progress(manner.quiet, 1) as observe:
            tell = lambda doing, share: observe(table, Progress(doing, share, None))  # noqa: E731
            for one in tool_comparison.run_comparisons(contest, table, sizes, unchanged.settings.seed, tell):
                compared.append(one)
                tool_comparison.save_document(
                    tool_comparison.build_document(unchanged, contest, known, compared), manner.results
                )
    except KeyboardInterrupt:
        kept = [unchanged.id, *([tool_comparison.format_document_name(unchanged.id)] if compared else [])]
        paths = " and ".join(str(manner.results / f"{name}.json") for name in kept)
        raise Interrupted(f"interrupted; what was measured is in {paths}; a calibration starts anew") from None


def _require_complete(finished: FinishedRun) -> Run:
    """The run of a plan that was carried out to its end. Raises Interrupted, NotMeasured."""
    if finished.interrupted:
        raise Interrupted(f"interrupted; what was measured is in {finished.path}; a calibration starts anew")
    failures = [f.message for m in finished.run.measurements for f in m.failures]
    if finished.run.problems or failures:
        raise NotMeasured("; ".join(dict.fromkeys((*finished.run.problems, *failures))))
    return finished.run


def _show_saved(name: str, results: Path, color: str) -> None:
    """Show a saved calibration. Raises StorageProblem, NotMeasured."""
    path = storage.find_run(name, results)
    unchanged = storage.load_run(path)
    found = session.analyse_run(unchanged)
    slower = storage.load_run(storage.find_run(session.format_slowdown_name(path.stem), path.parent))
    injected = session.analyse_slowdown_run(slower, found)
    cost = session.read_pair_cost(unchanged)
    sys.stdout.write(calibration.render_calibration(unchanged, found, injected))
    if (rivals := tool_comparison.load_document(path.stem, path.parent)) is not None:
        standings = (score_gate(found, injected, cost), *score_tools(rivals))
        sys.stdout.write("\n" + calibration.render_tool_scores(standings))
    differences = session.read_log_ratios(unchanged, unchanged.duets[0])
    sys.stdout.write("\n" + calibration.plot_changes(differences, color=console.wants_color(sys.stdout, color)))
