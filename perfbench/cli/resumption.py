"""Interrupted runs: which one --resume continues, and how the command is typed."""

from __future__ import annotations

import shlex
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


def find_journal_to_resume(ctx: typer.Context, results: Path, typed: Settings, kind: JournalKind = "runs") -> Path:
    """The journal of the run that was interrupted last.

    Raises StorageProblem if there is none, and UsageProblem if an option was typed that the interrupted run had otherwise.
    """
    path = find_newest_journal(results, kind)
    saved = load_run(path).settings
    typed = strip_credentials(typed)
    for name, setting in SETTING_OF_OPTION.items():
        if read_rank(ctx, name) == FLAG_RANK and getattr(typed, setting) != getattr(saved, setting):
            parameter = next(parameter for parameter in ctx.command.params if parameter.name == name)
            raise UsageProblem(
                f"{path} was measured with another {parameter.opts[0]} than this",
                hint=f"leave out {parameter.opts[0]} to resume it, or --resume to start a new run",
            )
    if typed.arguments and typed.arguments != saved.arguments:
        raise UsageProblem(
            f"{path} was measured with other arguments after -- than these",
            hint="leave them out to resume it, or --resume to start a new run",
        )
    return path


def find_engine(ctx: typer.Context, typed: Settings) -> EngineChoice:
    """Where a resumed run is measured, and the URLs of its market files, if that was typed."""
    return EngineChoice(
        jobs=typed.jobs if read_rank(ctx, "jobs") == FLAG_RANK else None,
        cluster=typed.cluster if read_rank(ctx, "cluster") == FLAG_RANK else None,
        data=typed.data if read_rank(ctx, "data") == FLAG_RANK else None,
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
