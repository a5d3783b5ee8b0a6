"""Fail a CI job on a real regression, and only then."""

from __future__ import annotations

import random
import re
from typing import Annotated

import typer

from perfbench import commands, conducting, datasets, showing
from perfbench.conducting import Manner
from perfbench.errors import UsageProblem
from perfbench.model import Settings
from perfbench.terms import Budget, Terms

app = typer.Typer(add_completion=False)

SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(kB|MB|GB)")
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


@app.command()
def gate(
    ctx: typer.Context,
    before: Annotated[str, typer.Option(metavar="SPEC", help="The environment that sets the standard.")],
    after: Annotated[str, typer.Option(metavar="SPEC", help="The environment that is judged.")] = "here",
    scenario: Annotated[
        list[str] | None, typer.Option(help="A scenario by name or file; repeatable.", show_default="replay")
    ] = None,
    mode: commands.ModeNames = None,
    data: commands.Data = None,
    threshold: Annotated[
        str, typer.Option(metavar="SHARE", help="A slow-down of more than this fails, such as 5%.")
    ] = "0%",
    max_time: Annotated[float, typer.Option(min=1, help="Seconds of pairs for each case, at most.")] = 30.0,
    budget: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT=MOST", help="memory=5%, peak=200MB or patched/lightweight=1.8; repeatable."),
    ] = None,
    fail_on_inconclusive: Annotated[
        bool, typer.Option("--fail-on-inconclusive", help="What cannot be told fails too.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Replay whole files, not their first lines.")] = False,
    timeout: commands.Timeout = 600.0,
    set_: commands.Set = None,
    scenarios_folder: commands.ScenariosFolder = None,
    accept: commands.Accept = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: commands.Save = None,
    export: commands.ExportTo = None,
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Fail a CI job on a real regression, and only then.

    Both environments are measured now, in pairs on one core, until a case is clear or its time is up. Exit code 3: slower, or over
    a budget. 5: something was not measured. 6: other output. 4: not told, with `--fail-on-inconclusive`.
    """
    wanted = showing.exports(export or ())
    terms = Terms(
        threshold=_share("--threshold", threshold),
        seconds=max_time,
        budgets=tuple(map(_budget, budget or ())),
        fail_on_inconclusive=fail_on_inconclusive,
        whole=whole,
    )
    settings = Settings(
        scenarios=tuple(scenario or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=commands.assignments("--set", set_),
        sweep=(),
        rounds=None,
        max_time=max_time,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=((before, after),),
        names=commands.configured_names(ctx),
        accepted=tuple(accept or ()),
        gate=terms,
    )
    note = str if data else datasets.default_note
    conducting.conduct(Manner(settings, results, save, wanted, (), color, quiet, note))


def _share(option: str, text: str) -> float:
    found = SHARE.fullmatch(text.strip())
    if found is None:
        raise UsageProblem(f"{option} {text}: write a share such as 5%")
    return float(found[1]) / 100


def _budget(text: str) -> Budget:
    """The budget that is written ``memory=5%``, ``peak=200MB`` or ``patched/lightweight=1.8``. Raises UsageProblem."""
    what, most = commands.assignment("--budget", text)
    if what == "memory":
        return Budget("memory", _share(f"--budget {what}", most))
    if what == "peak":
        found = SIZE.fullmatch(most.strip())
        if found is None:
            raise UsageProblem(f"--budget {text}: write a size such as peak=200MB")
        return Budget("peak", float(found[1]) * BYTES[found[2]])
    mode, slash, other = what.partition("/")
    try:
        limit = float(most)
    except ValueError:
        limit = 0.0
    if not (mode and slash and other and limit > 0):
        raise UsageProblem(f"--budget {text}: write memory=5%, peak=200MB or MODE/OTHER=1.8")
    return Budget("ratio", limit, mode, other)
