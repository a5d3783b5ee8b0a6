"""The commands that reproduce a run and go on from it, as they are typed in a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from perfbench.environments.labels import strip_copy_number
from perfbench.gate.budgets import format_budget
from perfbench.model import GatePolicy, Run, Settings
from perfbench.report.page.blocks import Command, Commands
from perfbench.sweep import subject

DEFAULT_TIMEOUT = 600.0
DEFAULT_ENVIRONMENT, DEFAULT_SCENARIO = "here", "replay"


def build_run_commands(run: Run) -> Commands:
    """The commands of a page of a run."""
    page = format_page_name(run.id)
    return Commands(tuple(_list_commands(run, page)), page)


def format_page_name(name: str) -> str:
    """The name of a page as it is typed in a shell, until the page knows what its file is called."""
    return quote(f"{name}.html")


def _list_commands(run: Run, page: str) -> Iterator[Command]:
    if run.paired:
        yield Command("Measure it again", format_command(run))
    else:
        yield Command("Compare the two runs again", " ".join(("perfbench compare", *map(quote, run.id.split(" → ")))))
    yield Command("Show this page in the terminal; the run is inside it", f"perfbench show {page}")
    yield Command("Write the raw samples for a spreadsheet", f"perfbench show {page} --export csv=samples.csv")
    if (profile := _format_profile(run)) is not None:
        yield Command("Find the functions that made the difference", profile)
    is_plain = run.settings.gate is None and not run.settings.links and run.corpus is None
    if is_plain and run.paired:
        yield Command("Compare this run with a later one", f"perfbench compare {page} LATER")


def format_command(run: Run) -> str:
    """The command that measures a run again, with all options that were not at their defaults."""
    settings = run.settings
    groups = [tuple(_find_spec(name, settings) for name in group) for group in settings.environments]
    if settings.gate is not None and len(set(groups[0])) == 1:
        words = ["calibrate", "--env", groups[0][0], "--max-time", f"{settings.max_time:g}"]
    elif settings.gate is not None:
        words = _format_gate(settings.gate, groups[0], settings.max_time)
    elif settings.links:
        words = _format_sweep(run)
    elif max(map(len, groups), default=0) > 1:
        words = ["compare", *_format_sides(groups), *_format_limits(settings)]
    else:
        words = ["run", *_list_scenarios(settings)]
        specs = [spec for group in groups for spec in group]
        words += [word for spec in specs if specs != [DEFAULT_ENVIRONMENT] for word in ("--env", spec)]
        words += _format_limits(settings)
    if words[0] != "run":
        words += [word for name in _list_scenarios(settings) for word in ("--scenario", name)]
    return _join((*words, *_format_shared(settings)), settings)


def _list_scenarios(settings: Settings) -> tuple[str, ...]:
    """The scenarios that have to be named."""
    return () if settings.scenarios == (DEFAULT_SCENARIO,) else settings.scenarios


def _find_spec(name: str, settings: Settings) -> str:
    """The spec of an environment, also of one that the configuration gives a name."""
    plain = strip_copy_number(name)
    return dict(settings.names).get(plain, plain)


def _format_sides(groups: Sequence[Sequence[str]]) -> list[str]:
    """The environments of a comparison; with several groups the same on several Pythons."""
    if len(groups) == 1:
        return list(groups[0])
    sides = [spec.rpartition(" python==")[0] for spec in groups[0]]
    return [*sides, "--python", ",".join(group[0].rpartition(" python==")[2] for group in groups)]


def _join(words: Iterable[str], settings: Settings) -> str:
    arguments = ["--", *settings.arguments] if settings.arguments else []
    return " ".join(("perfbench", *map(shlex.quote, (*words, *arguments))))


def _format_limits(settings: Settings) -> list[str]:
    """Rounds, or precision and time."""
    words = ["--quick"] if settings.quick else []
    if settings.rounds is not None:
        return words if settings.quick and settings.rounds == 2 else [*words, "--rounds", str(settings.rounds)]
    precision = settings.precision if settings.precision == settings.survey_precision else None
    words += [] if precision is None else ["--precision", f"{precision:g}"]
    return [*words, "--max-time", f"{settings.max_time:g}"]


def _format_shared(settings: Settings) -> list[str]:
    words: list[str] = []
    for option, values in (("--mode", settings.modes), ("--data", settings.data), ("--accept", settings.accepted)):
        words += [word for value in values for word in (option, value)]
    words += [word for name, value in settings.parameters for word in ("--set", f"{name}={value}")]
    words += [
        word for name, values in settings.sweep for word in ("--sweep", f"{name}={','.join(map(_quote_value, values))}")
    ]
    words += [word for folder in settings.folders for word in ("--scenarios", folder)]
    words += ["--count"] if settings.count and not settings.tools else []
    words += ["--each"] if settings.each else []
    words += ["--jobs", str(settings.jobs)] if settings.jobs > 1 else []
    words += ["--shard", "/".join(map(str, settings.shard))] if settings.shard != (1, 1) else []
    words += ["--timeout", f"{settings.timeout:g}"] if settings.timeout != DEFAULT_TIMEOUT else []
    return words


def _quote_value(value: str) -> str:
    return f'"{value}"' if "," in value else value


def _format_gate(policy: GatePolicy, sides: Sequence[str], max_time: float) -> list[str]:
    """A gate; those saved before the limit was that of the whole command have their seconds of each case."""
    words = ["gate", "--baseline", policy.baseline] if policy.baseline else ["gate", "--before", sides[0]]
    words += [word for spec in sides[1:2] if spec != DEFAULT_ENVIRONMENT for word in ("--after", spec)]
    words += ["--threshold", f"{policy.threshold:g}"] if policy.threshold else []
    words += ["--max-time", f"{policy.seconds or max_time:g}"]
    words += [word for budget in policy.budgets for word in ("--budget", format_budget(budget))]
    words += ["--fail-on-inconclusive"] if policy.fail_on_inconclusive else []
    return words


def _format_sweep(run: Run) -> list[str]:
    settings, swept = run.settings, subject.read_subject(run)
    package = settings.environments[0][0].split()[0].partition("==")[0]
    is_checkout = "@" in package or "://" in package
    what = package.rpartition("@")[0].removeprefix("git+file://") if is_checkout else package
    words = ["sweep", what, "--from", swept.names[0], "--to", swept.names[-1]]
    words += ["--anchor", subject.find_anchor(run) or ""] if settings.anchor else []
    for other in settings.environments[0][0].split()[1:]:
        words += ["--python", other.partition("==")[2]] if other.startswith("python==") else ["--with", other]
    limit = (
        ["--rounds", str(settings.rounds)] if settings.rounds is not None else ["--max-time", f"{settings.max_time:g}"]
    )
    return [*words, *limit]


def _format_profile(run: Run) -> str | None:
    """The profile of the first comparison of two environments, if there is one."""
    settings = run.settings
    group = next((group for group in settings.environments if len(group) > 1), ())
    if len(group) < 2 or settings.links or not run.paired or run.corpus is not None or settings.tools:
        return None
    words = ["profile", *settings.scenarios[:1], "--diff", *(_find_spec(name, settings) for name in group[:2])]
    words += [word for mode in settings.modes[:1] for word in ("--mode", mode)]
    words += [word for data in settings.data[:1] for word in ("--data", data)]
    words += [word for name, value in settings.parameters for word in ("--set", f"{name}={value}")]
    words += [word for folder in settings.folders for word in ("--scenarios", folder)]
    return _join(words, settings)


def format_profile_command(run: Run, profiler: str = "") -> str:
    """The command that makes a saved profile again.

    :param profiler: if it was not the default.
    """
    settings = run.settings
    sides = [_find_spec(name, settings) for group in settings.environments[:1] for name in group]
    words = ["profile", *_list_scenarios(settings)]
    if len(sides) > 1:
        words += ["--diff", *sides[:2]]
    elif sides and sides != [DEFAULT_ENVIRONMENT]:
        words += ["--env", sides[0]]
    words += ["--profiler", profiler] if profiler else []
    words += ["--rounds", str(settings.rounds)] if settings.rounds is not None else []
    return _join((*words, *_format_shared(settings)), settings)


def format_advise_command(run: Run) -> str:
    """The command that asks for an advice again."""
    settings = run.settings
    specs = [_find_spec(spec, settings) for group in settings.environments for spec in group]
    words = ["advise", *settings.scenarios[:1], "--max-time", f"{settings.max_time:g}"]
    words += [word for spec in specs[:1] if spec != DEFAULT_ENVIRONMENT for word in ("--env", spec)]
    words += [word for data in settings.data for word in ("--data", data)]
    return _join(words, settings)


def quote(name: str) -> str:
    """A name as it is typed in a shell."""
    return shlex.quote(name)
