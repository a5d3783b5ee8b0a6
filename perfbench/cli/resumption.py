"""Interrupted runs: which one --resume continues, and how the command is typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

import typer

from perfbench.cli.value_sources import FLAG_RANK, read_rank
from perfbench.errors import UsageProblem
from perfbench.model import Settings
from perfbench.results.journal import JournalKind, find_newest_journal
from perfbench.results.storage import DEFAULT_RESULTS, load_run
from perfbench.runner.prepare import strip_credentials
from perfbench.runner.session import EngineChoice

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
    """The journal of the run that was interrupted last.

    Raises StorageProblem if there is none, and UsageProblem if an option was typed that the interrupted run had otherwise.
    """
    path = find_newest_journal(results, kind)
    saved = load_run(path).settings
    typed = strip_credentials(typed)
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
    return path


def find_other_option(ctx: typer.Context, typed: Settings, saved: Settings, names: Iterable[str]) -> str:
    """The first of these options that was typed with another value than that of a saved run; empty if there is none.

    :param names: in Python; those that a command does not have are skipped.
    """
    for name in names:
        setting = SETTING_OF_OPTION[name]
        if read_rank(ctx, name) == FLAG_RANK and getattr(typed, setting) != getattr(saved, setting):
            return next(parameter.opts[0] for parameter in ctx.command.params if parameter.name == name)
    return ""


def find_engine(ctx: typer.Context, typed: Settings) -> EngineChoice:
    """What was typed of a resumed run: where it is measured, the URLs of its market files, and when it ends."""
    return EngineChoice(
        jobs=typed.jobs if read_rank(ctx, "jobs") == FLAG_RANK else None,
        cluster=typed.cluster if read_rank(ctx, "cluster") == FLAG_RANK else None,
        data=typed.data if read_rank(ctx, "data") == FLAG_RANK else None,
        max_time=typed.max_time if read_rank(ctx, "max_time") == FLAG_RANK else None,
        precision=typed.precision if read_rank(ctx, "precision") == FLAG_RANK else None,
        timeout=typed.timeout if read_rank(ctx, "timeout") == FLAG_RANK else None,
    )


def describe_resumption(settings: Settings, results: Path) -> str:
    """How to resume an interrupted run of these settings, such as ``perfbench run --resume --results elsewhere``.

    :param results: the folder that holds its journal.
    """
    if settings.gate is not None:
        return "a gate cannot be resumed: run it again"
    widest = max(map(len, settings.environments), default=0)
    command = "sweep" if settings.links else "compare" if widest > 1 else "run"
    return f"perfbench {command} --resume{format_results_option(results)} goes on where it stopped"


def format_results_option(results: Path) -> str:
    """`` --results FOLDER`` as it is typed in a shell; empty for the default folder."""
    return "" if str(results) == DEFAULT_RESULTS else f" --results {shlex.quote(str(results))}"
