"""``perfbench sweep --extend``: a saved sweep, what is new for it, and the run that holds both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from perfbench.cli import measure, resumption
from perfbench.cli.measure import OutputOptions
from perfbench.cli.value_sources import FLAG_RANK, read_rank
from perfbench.errors import UsageProblem
from perfbench.model import Run, Settings
from perfbench.results import storage
from perfbench.results.document import JOURNAL_SUFFIX, RUNS
from perfbench.runner import extension as runner_extension
from perfbench.runner.session import FinishedRun
from perfbench.sweep import extension, subject
from perfbench.sweep.extension import RequestedRange, SweepExtension
from perfbench.util import formatting

FREE_OPTIONS = {
    "scenario": "scenarios",
    "scenarios_folder": "folders",
    "data": "data",
    "rounds": "rounds",
    "max_time": "max_time",
    "timeout": "timeout",
}
"""The settings that an extension may have otherwise, by option: where the same files are, and how long new links are measured."""


def extend_sweep(
    ctx: typer.Context, name: str, wanted: RequestedRange, typed: Settings, output: OutputOptions
) -> FinishedRun | None:
    """Measure the links to the releases that a saved sweep does not have; None if it has all of them.

    :param typed: the settings as they were typed. Raises UsageProblem for those that the sweep had otherwise.
    """
    path = RUNS.find(name, output.results)
    base = storage.load_run(path)
    extension.require_extensible(base, name)
    require_same_sweep(ctx, base, typed)
    planned = extension.plan_extension(base, wanted)
    if not planned.added:
        typer.echo(f"nothing new to measure: {base.id} has every release up to {planned.last}")
        return None
    settings = _choose_settings(ctx, base, planned, typed)
    replaces = _replaces(path, output)
    with measure.open_session(output) as session:
        releases = formatting.format_plural(len(planned.added), "new release")
        session.listener.report_status(f"{base.id}: {releases}, each measured with its neighbours")
        prepared = measure.prepare(session, settings, replace(output, save=None) if replaces else output)
        extended = runner_extension.extend_run(base, prepared, planned.order, output.save)
        return session.measure(extended, replaces=replaces)


def require_same_sweep(ctx: typer.Context, run: Run, typed: Settings) -> None:
    """Raises UsageProblem for an option that a saved sweep had otherwise and that decides what its links are."""
    option = resumption.find_other_option(ctx, typed, run.settings, ("mode", "set_", "each"))
    option = option or _find_other_environment(ctx, run)
    if option:
        raise UsageProblem(
            f"{run.id} was measured with another {option} than this", hint=f"leave out {option}, or start a new sweep"
        )
    if typed.arguments and typed.arguments != run.settings.arguments:
        raise UsageProblem(
            f"{run.id} was measured with other arguments after -- than these",
            hint="leave them out, or start a new sweep",
        )


def require_extension_of(path: Path, name: str, results: Path) -> None:
    """Raises UsageProblem for the journal of something else than an extension of a saved sweep."""
    base, run = storage.load_run(RUNS.find(name, results)), storage.load_run(path)
    if not run.earlier or run.earlier[-1].run != base.id:
        raise UsageProblem(
            f"{path} is not an extension of {base.id}",
            hint=f"resume it with perfbench sweep --resume{resumption.format_results_option(results)}, or delete it",
        )


def _find_other_environment(ctx: typer.Context, run: Run) -> str:
    """The first option about environments that was typed with another value than that of a sweep; empty if there is none."""
    given: dict[str, Any] = ctx.params
    python, others, anchor = given.get("python"), given.get("with_") or (), given.get("anchor")
    requirements = extension.list_requirements(run)
    if read_rank(ctx, "python") == FLAG_RANK and f"python=={python}" not in requirements:
        return "--python"
    if read_rank(ctx, "with_") == FLAG_RANK and not set(" ".join(others).split()) <= set(requirements):
        return "--with"
    if read_rank(ctx, "anchor") == FLAG_RANK and anchor != subject.find_anchor(run):
        return "--anchor"
    return ""


def _choose_settings(ctx: typer.Context, base: Run, planned: SweepExtension, typed: Settings) -> Settings:
    """The settings of the new links. Raises UsageProblem for a mixture of fixed numbers of pairs and time limits.

    The steps of a fixed number of pairs are tested otherwise than those that could have ended at any look.
    """
    saved = base.settings
    changed: dict[str, Any] = {
        setting: getattr(typed, setting)
        for option, setting in FREE_OPTIONS.items()
        if read_rank(ctx, option) == FLAG_RANK
    }
    fixed = saved.rounds is not None
    if ("max_time" if fixed else "rounds") in changed:
        kinds = ("a fixed number of pairs", "--max-time")
        had, option = kinds if fixed else (kinds[1], "--rounds")
        raise UsageProblem(
            f"{base.id} was measured with {had}, and cannot be extended with {option}", hint=f"leave out {option}"
        )
    return replace(
        saved,
        **{"rounds": extension.choose_rounds(base, planned), **changed},
        environments=planned.groups,
        cuts=saved.cuts or (),
        names=(*saved.names, *planned.moved),
    )


def _replaces(path: Path, output: OutputOptions) -> bool:
    """Whether --save names the sweep itself. Raises UsageProblem for another name that is taken, and if it is being extended."""
    if output.save is None:
        return False
    document = RUNS.locate(output.save, output.results)
    if not document.exists() or not document.samefile(path):
        RUNS.require_free(output.save, output.results)
        return False
    if (journal := document.with_suffix(JOURNAL_SUFFIX)).exists():
        raise UsageProblem(
            f"{journal} is an extension of {output.save} that was interrupted",
            hint=f"resume it with perfbench sweep --resume{resumption.format_results_option(output.results)}, or delete it",
        )
    return True
