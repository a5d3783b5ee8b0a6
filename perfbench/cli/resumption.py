"""Interrupted runs: which one --resume continues, and how the command is typed."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import typer

from perfbench.cli.progress import format_duration
from perfbench.cli.value_sources import FLAG_RANK, read_rank
from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import Run, Settings
from perfbench.report.build import build_report
from perfbench.results.document import DOCUMENT_SUFFIX
from perfbench.results.journal import Journal, JournalKind, find_kind, find_newest_journal
from perfbench.results.storage import DEFAULT_RESULTS, load_run
from perfbench.runner.prepare import strip_credentials
from perfbench.runner.session import Continuation, FinishedRun

Typed = TypeVar("Typed")

SETTING_OF_OPTION = {
    "scenarios": "scenarios",
    "scenario": "scenarios",
    "data": "data",
    "mode": "modes",
    "env": "environments",
    "sides": "environments",
    "set_": "parameters",
    "sweep": "sweep",
    "rounds": "rounds",
    "max_time": "max_time",
    "precision": "precision",
    "timeout": "timeout",
    "accept": "accepted",
    "count": "count",
    "quick": "quick",
    "each": "each",
    "shard": "shard",
}
"""The setting that each option decides, by its name in Python."""

LIMIT_OPTIONS = ("max_time", "precision", "timeout")
"""Options that may be changed when a run is resumed: they decide when to stop, and not what a pair is."""


def find_journal_to_resume(ctx: typer.Context, results: Path, typed: Settings, kind: JournalKind = "runs") -> Path:
    """The journal of the run that was interrupted last, or whose time was over before its intervals were narrow.

    Raises StorageProblem if there is none, and UsageProblem if an option was typed that the interrupted run had otherwise.
    """
    path = _find_newest(results, kind)
    run = load_run(path)
    saved, typed = run.settings, strip_credentials(typed)
    fixed = [name for name in SETTING_OF_OPTION if name not in LIMIT_OPTIONS]
    if option := find_other_option(ctx, typed, saved, fixed):
        raise UsageProblem(
            f"{path} was measured with another {option} than this",
            hint=f"leave out {option} to resume it, or --resume to start a new run",
        )
    if saved.rounds is not None and (option := find_other_option(ctx, typed, saved, ("max_time", "precision"))):
        raise UsageProblem(
            f"{path} has a fixed number of rounds, which {option} does not change", hint=f"leave out {option}"
        )
    if typed.arguments and typed.arguments != saved.arguments:
        raise UsageProblem(
            f"{path} was measured with other arguments after -- than these",
            hint="leave them out to resume it, or --resume to start a new run",
        )
    return Journal.restore(path, run) if path.suffix == DOCUMENT_SUFFIX else path


def find_other_option(ctx: typer.Context, typed: Settings, saved: Settings, names: Iterable[str]) -> str:
    """The first of these options that was typed with another value than that of a saved run; empty if there is none.

    :param names: in Python; those that a command does not have are skipped.
    """
    for name in names:
        setting = SETTING_OF_OPTION[name]
        if read_rank(ctx, name) == FLAG_RANK and getattr(typed, setting) != getattr(saved, setting):
            return next(parameter.opts[0] for parameter in ctx.command.params if parameter.name == name)
    return ""


def _find_newest(results: Path, kind: JournalKind) -> Path:
    """The newest journal of this kind, or the newest saved run if it is newer and wants more pairs. Raises StorageProblem."""
    newest = _find_newest_run(results, kind)
    try:
        journal = find_newest_journal(results, kind)
    except StorageProblem:
        if newest is None:
            raise
        return newest
    return newest if newest is not None and _read_time(newest) > _read_time(journal) else journal


def _find_newest_run(results: Path, kind: JournalKind) -> Path | None:
    """The newest saved run of this kind, if its time was over before its intervals were narrow."""
    documents = [path for path in results.glob(f"*{DOCUMENT_SUFFIX}") if path.is_file()]
    for path in sorted(documents, key=_read_time, reverse=True):
        try:
            run = load_run(path)
        except StorageProblem:
            continue  # a profile, or an advice
        if find_kind(run.settings) == kind:
            return path if _wants_more(run) else None
    return None


def _read_time(path: Path) -> int:
    return path.stat().st_mtime_ns


def _wants_more(run: Run) -> bool:
    """Whether the time of a run was over before its intervals were narrow."""
    if not run.finished or run.settings.rounds is not None or run.settings.shard != (1, 1):
        return False
    wanted = run.settings.precision if run.corpus is None else run.settings.survey_precision
    compared = [row.comparison for table in build_report(run, ()).tables for row in table.rows if row.comparison]
    return any(
        comparison.low <= 0
        or max(comparison.high / comparison.ratio - 1, 1 - comparison.low / comparison.ratio) > wanted
        for comparison in compared
    )


def find_newest_to_resume(results: Path, kind: JournalKind) -> Path:
    """The newest journal of this kind, made from a finished run that wants more pairs if that is newer. Raises StorageProblem."""
    path = _find_newest(results, kind)
    return Journal.restore(path, load_run(path)) if path.suffix == DOCUMENT_SUFFIX else path


def find_continuation(ctx: typer.Context, typed: Settings) -> Continuation:
    """What a resumed run has otherwise, if that was typed: where it is measured, the URLs of its files, and when it ends."""

    def typed_value(name: str, value: Typed) -> Typed | None:
        return value if read_rank(ctx, name) == FLAG_RANK else None

    return Continuation(
        jobs=typed_value("jobs", typed.jobs),
        cluster=typed_value("cluster", typed.cluster),
        data=typed_value("data", typed.data),
        max_time=typed_value("max_time", typed.max_time),
        precision=typed_value("precision", typed.precision),
        timeout=typed_value("timeout", typed.timeout),
    )


def describe_shortfall(finished: FinishedRun) -> tuple[str, str]:
    """What was not reached when the time was over, with the time that it would take, and the command that goes on."""
    lacking, settings = finished.shortfall, finished.run.settings
    assert lacking is not None
    wanted = settings.precision if finished.run.corpus is None else settings.survey_precision
    more = f"about {format_duration(max(1.0, lacking.seconds))} more"
    command = describe_command(settings, finished.path.parent)
    longer = f"{command} --max-time {_round_up(lacking.seconds)} goes on"
    if lacking.half_width is None:
        return f"the time was over before every pair had an interval; that takes {more}", longer
    enough = f"{math.ceil(1000 * lacking.half_width) / 10:g}%"
    return (
        f"the time was over: the widest interval is ± {100 * lacking.half_width:.2g} %, "
        f"not ± {100 * wanted:.2g} %; that takes {more}",
        f"{longer}; with --precision {enough} it is complete as it is",
    )


def _round_up(seconds: float) -> str:
    """A time limit for the rest and its preparation, as it is typed: ``40s``, ``5m``."""
    enough = 1.2 * seconds + 15
    return f"{10 * math.ceil(enough / 10)}s" if enough < 115 else f"{math.ceil(enough / 60)}m"


def describe_resumption(settings: Settings, results: Path) -> str:
    """How to resume an interrupted run of these settings, such as ``perfbench run --resume --results elsewhere``.

    :param results: the folder that holds its journal.
    """
    if settings.gate is not None:
        return "a gate cannot be resumed: run it again"
    return f"{describe_command(settings, results)} goes on where it stopped"


def describe_command(settings: Settings, results: Path) -> str:
    """The command that resumes a run of these settings.

    :param results: the folder that holds it.
    """
    widest = max(map(len, settings.environments), default=0)
    command = "sweep" if settings.links else "compare" if widest > 1 else "run"
    return f"perfbench {command} --resume{format_results_option(results)}"


def format_results_option(results: Path) -> str:
    """`` --results FOLDER`` as it is typed in a shell; empty for the default folder."""
    return "" if str(results) == DEFAULT_RESULTS else f" --results {shlex.quote(str(results))}"
