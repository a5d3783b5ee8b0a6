"""Find what makes your own backtest faster with the same orders and profit, and measure how much."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perfbench.advise import document
from perfbench.advise.document import ADVICES, AdviceRecord
from perfbench.advise.lever_files import EXAMPLE_PROGRAM, list_lever_files
from perfbench.advise.markets import DRAWN_MARKETS
from perfbench.advise.model import AdviceDocument, AdviceOptions
from perfbench.advise.session import AdviceSession
from perfbench.cli import advice_output, measure, options, parse, resumption
from perfbench.cli.exports import Export
from perfbench.cli.measure import OutputOptions
from perfbench.cli.progress import TerminalListener
from perfbench.datasets import resolve
from perfbench.errors import Interrupted, NotMeasured, OutputsDiffer, StorageProblem, UsageProblem
from perfbench.model import Settings
from perfbench.results.document import RUNS
from perfbench.results.journal import AppendOnlyFile
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.session import Session
from perfbench.util.files import check_results_folder

HELP_GROUP = "Understand"

app = typer.Typer(add_completion=False)

DEFAULT_MAX_TIME, EXAMPLE_MAX_TIME = 600.0, 120.0
"""Seconds for a program of the user, and for the shipped example."""


@app.command()
def advise(
    ctx: typer.Context,
    program: Annotated[
        str | None,
        typer.Argument(
            help="Your own program: PATH.py or PATH.py:FUNCTION.", show_default="a shipped backtest of one strategy"
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Market file, folder, archive, URL, @LIST or known name, in place of the program's own; repeatable.",
            show_default="those of the program",
            callback=parse.paths_of,
        ),
    ] = None,
    env: Annotated[str, typer.Option(metavar="SPEC", help="Environment of the program as it is now.")] = "here",
    lever: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Try this lever only; repeatable.", show_default="all", callback=parse.names_of
        ),
    ] = None,
    levers: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Folder with your own lever files; repeatable.", callback=parse.folders_of),
    ] = None,
    include_changes: Annotated[
        bool,
        typer.Option(
            "--include-changes", help="Also time levers that change the orders, with the first order that differs."
        ),
    ] = False,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=parse.build_type(parse.build_duration_parser("s", minimum=1.0)),
            metavar="SECONDS",
            help="Time limit of the whole command; also 90s or 10m. At least 12 pairs confirm what was chosen; building "
            "environments comes on top.",
            show_default="600, for the shipped backtest 120",
        ),
    ] = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the most recent interrupted advice.")] = False,
    export: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT=FILE",
            help="Write the advice in another format; - for standard output; repeatable. Formats: html, json, markdown.",
            callback=parse.assignments_of,
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Find what makes your own backtest faster with the same orders and profit, and measure how much.

    Every lever that applies is tried in pairs with your set-up, those that gain are combined, and the combination is confirmed by
    fresh pairs, on markets that nothing was chosen on if there are several. A lever that changes an order is never advised. With
    nothing to gain there is no advice in 99 of 100 runs. Arguments of the program follow `--`; `--data` replaces its markets.
    """
    output = OutputOptions(results, save, advice_output.parse_advice_exports(export or ()), quiet=quiet)
    if resume:
        _show(*_advise(None, AdviceOptions(), output), output)
        return
    for store in (ADVICES, RUNS):
        store.require_free(save, results)
    chosen = AdviceOptions(tuple(map(str, levers or ())), tuple(lever or ()), include_changes)
    list_lever_files(chosen.folders, chosen.levers)
    settings = options.build_settings(
        ctx,
        drawn=DRAWN_MARKETS,
        environments=((env,),),
        scenarios=(program or EXAMPLE_PROGRAM,),
        data=data,
        max_time=max_time or (EXAMPLE_MAX_TIME if program is None else DEFAULT_MAX_TIME),
        timeout=timeout,
    )
    _show(*_advise(settings, chosen, output), output)


def _advise(
    settings: Settings | None, chosen: AdviceOptions, output: OutputOptions
) -> tuple[AdviceDocument, Path, str]:
    """Measure; no settings: resume the advice that was interrupted last.

    Returns the document, its path, and the hint of a problem that ended it. Raises Interrupted, NotMeasured, OutputsDiffer.
    """
    with measure.open_session(output) as session:
        if settings is None:
            path = document.find_newest_journal(output.results)
            saved = document.read_journal(path)
            prepared = session.prepare_again(path, saved.outline.run)
            chosen, before = saved.outline.options, saved.records
            file = AppendOnlyFile.reopen(path, saved.length)
        else:
            check_results_folder(output.results)
            prepared, before = session.prepare(settings, output.save), ()
            if prepared.run.data and not settings.data and (note := resolve.describe_default_market()):
                session.listener.report_status(note)
            file = document.create_journal(output.results, prepared.run, chosen)
        return _measure(session, prepared, chosen, before, file)


def _measure(
    session: Session,
    prepared: PreparedRun,
    chosen: AdviceOptions,
    before: Sequence[AdviceRecord],
    file: AppendOnlyFile,
) -> tuple[AdviceDocument, Path, str]:
    """Execute the steps that are left; the document is saved at the end, and the journal is removed then."""
    try:
        folder = Path(tempfile.mkdtemp(dir=session.workspace))
        steps = AdviceSession(prepared, chosen, folder, session.listener.report_status, before)
        if isinstance(session.listener, TerminalListener):
            session.listener.follow_page(lambda width: advice_output.build_lines(steps.document(), width))
        outcome = session.execute(steps.measure(), file.write)
    except (NotMeasured, OutputsDiffer, UsageProblem):
        if before:
            file.close()
        else:
            file.remove()  # what failed is the program itself: there is nothing to resume
        raise
    if outcome.interrupted:
        file.close()
        command = f"perfbench advise --resume{resumption.format_results_option(session.results)}"
        raise Interrupted(
            f"interrupted; what was measured is in {file.path}",
            hint=f"{command} goes on where it stopped",
            hung_up=session.hung_up,
        )
    if outcome.problem is not None:
        file.close()
        return steps.document(problem=str(outcome.problem)), file.path, outcome.problem.hint
    measure.report_overrun(session)
    advice = steps.document(complete=True)
    path = ADVICES.locate(advice.run.id, session.results)
    try:
        ADVICES.save(advice, path)
    except StorageProblem as problem:
        file.close()
        return steps.document(problem=str(problem)), file.path, problem.hint
    file.remove()
    return advice, path, ""


def _show(advice: AdviceDocument, path: Path, hint: str, output: OutputOptions) -> None:
    """Show the page, write the exports, and say where it is saved. Raises NotMeasured after that if something is missing."""
    exports: Sequence[Export] = output.exports
    try:
        advice_output.show_advice(advice, exports)
    finally:
        if not output.quiet:
            print(f"saved in {path}", file=sys.stderr)
    if advice.run.problems:
        raise NotMeasured('not everything was measured (see the lines marked "!")', hint=hint)
