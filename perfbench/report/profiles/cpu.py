"""Terminal text of a CPU profile: owners, functions, callbacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.model import Case, Owner
from perfbench.profiling import ownership
from perfbench.profiling.model import Profile
from perfbench.profiling.ownership import CallbackShare
from perfbench.report import prose
from perfbench.report.text_table import Column, ColumnTable
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.seconds import format_column

MAX_FUNCTIONS = 15
MAX_CALLEES = 10
WHOLE_PASS_SHARE = 0.99
"""What takes this much with its callees, and nothing itself, is the call of everything."""


@dataclass(frozen=True, slots=True)
class _FunctionCost:
    """A function in a pass: seconds by itself and with what it called, calls per unit of work.

    ``calls`` is None where nobody counted. The ``rest`` are all functions that are not shown, by their own seconds.
    """

    key: str
    alone: float
    inclusive: float
    calls: float | None
    rest: bool = False


def render_profile(profile: Profile, owners: Sequence[Owner], width: int) -> str:
    """One profile: what it is, who owns the time, and its functions by self and by inclusive time."""
    text = wrap_lines([format_title(profile.case), *(f"  {line}" for line in describe_profile(profile))], width) + "\n"
    if owners:
        text += build_owner_table(profile, owners).render(width) + "\n"
    return text + "\n".join(table.render(width) for table in build_function_tables(profile))


def wrap_lines(lines: Sequence[str], width: int) -> str:
    """Lines of text, each folded where it is wider than that."""
    return "".join(f"{prose.wrap_line(make_printable(line), width)}\n" for line in lines)


def format_title(case: Case) -> str:
    """``replay full · betfairlightweight==2.11.2 · PRO-1.170258213``."""
    parameters = (f"{name}={value}" for name, value in case.parameters)
    return " · ".join(
        part for part in (f"{case.scenario} {case.mode}", case.environment, case.data, *parameters) if part
    )


def describe_profile(profile: Profile) -> tuple[str, str]:
    """What was profiled, and how: two lines."""
    unit = profile.unit.removesuffix("s")
    passes = formatting.format_plural(len(profile.passes), "pass", "passes")
    how = (
        profile.profiler
        if profile.profiler == "cprofile"
        else f"{profile.profiler}, every {1000 * profile.interval:.3g} ms"
    )
    return (
        f"{formatting.format_seconds(profile.seconds)} CPU for {formatting.format_count(profile.work)} {profile.unit}, "
        f"{formatting.format_seconds(profile.seconds / profile.work)} each {unit}",
        f"{how}, {passes}: this profile cost {formatting.format_factor(profile.overhead)}; "
        "shares are scaled to the seconds without it",
    )


def build_owner_table(profile: Profile, owners: Sequence[Owner]) -> ColumnTable:
    """The parts of the work that the scenario names, each with its seconds."""
    columns = (Column("seconds"), Column("%"), Column(f"each {profile.unit.removesuffix('s')}"))
    parts = [
        part
        for part in ownership.compute_owner_shares(profile, owners)
        if part.share > 0 or part.owner == ownership.REMAINDER_OWNER
    ]
    seconds = [part.share * profile.seconds for part in parts]
    each = format_column([value / profile.work for value in seconds])
    names = [f"  {make_printable(part.owner)}" for part in parts]
    rows = tuple(zip(names, format_column(seconds), [f"{100 * part.share:.1f}" for part in parts], each, strict=True))
    return ColumnTable("  who owns the time", columns, rows)


def build_function_tables(profile: Profile) -> tuple[ColumnTable, ColumnTable]:
    """The functions by their own time, and those by their time with callees that the call of everything is not."""
    costs = _compute_costs(profile)
    by_self = sorted((cost for cost in costs if cost.alone > 0), key=lambda cost: -cost.alone)[:MAX_FUNCTIONS]
    left = max(0.0, profile.seconds - sum(cost.alone for cost in by_self))
    name = formatting.format_plural(len(costs) - len(by_self), "other function")
    others = [_FunctionCost(name, left, 0.0, None, rest=True)] if len(costs) > len(by_self) else []
    rows = _build_rows(profile, [*by_self, *others])
    inner = [
        cost
        for cost in costs
        if cost.inclusive < WHOLE_PASS_SHARE * profile.seconds or cost.alone > (1 - WHOLE_PASS_SHARE) * profile.seconds
    ]
    by_all = sorted(inner, key=lambda cost: -cost.inclusive)[:MAX_CALLEES]
    unit = profile.unit.removesuffix("s")
    columns = (
        Column("self"),
        Column("%"),
        Column(f"each {unit}", optional=1),
        Column("with callees"),
        Column("%"),
        Column(f"calls each {unit}", optional=2),
    )
    return (
        ColumnTable("  functions by their own time", columns, tuple(rows)),
        ColumnTable("  functions by time with callees", columns, tuple(_build_rows(profile, by_all))),
    )


def _build_rows(profile: Profile, costs: Sequence[_FunctionCost]) -> list[tuple[str, ...]]:
    columns = (
        [f"  {make_printable(cost.key)}" for cost in costs],
        format_column([cost.alone for cost in costs]),
        [f"{100 * cost.alone / profile.seconds:.1f}" for cost in costs],
        format_column([None if cost.rest else cost.alone / profile.work for cost in costs]),
        format_column([None if cost.rest else cost.inclusive for cost in costs]),
        ["" if cost.rest else f"{100 * cost.inclusive / profile.seconds:.1f}" for cost in costs],
        ["" if cost.calls is None else format_calls(cost.calls) for cost in costs],
    )
    return list(zip(*columns, strict=True))


def _compute_costs(profile: Profile) -> list[_FunctionCost]:
    """Every function, its seconds scaled to those of a pass without a profiler."""
    scale = profile.seconds / sum(pass_.seconds for pass_ in profile.passes)
    alone: dict[int, float] = defaultdict(float)
    inclusive: dict[int, float] = defaultdict(float)
    for pass_ in profile.passes:
        for index, seconds in enumerate(pass_.inclusive):
            inclusive[index] += seconds * scale
        for stack in pass_.stacks:
            alone[stack.frames[-1]] += stack.seconds * scale
            for index in () if pass_.inclusive else set(stack.frames):
                inclusive[index] += stack.seconds * scale
    often: dict[int, int] = defaultdict(int)
    for call in profile.calls:
        often[call.callee] += call.count
    return [
        _FunctionCost(
            function.key, alone[index], inclusive[index], often[index] / profile.work if profile.calls else None
        )
        for index, function in enumerate(profile.functions)
        if alone[index] or inclusive[index]
    ]


def format_calls(value: float) -> str:
    """How often per unit of work: three figures."""
    return f"{value:.3g}" if value == 0 or 1e-4 <= value < 1000 else formatting.format_rate(value)


def render_callbacks(profile: Profile, owners: Sequence[Owner], width: int) -> str:
    """By which functions the framework calls the user's code, and what each takes; empty where there is none."""
    table = build_callback_table(profile, owners)
    return "" if table is None else table.render(width)


def build_callback_table(profile: Profile, owners: Sequence[Owner]) -> ColumnTable | None:
    """The callbacks into the user's code; None where there is none."""
    called = ownership.find_callbacks(profile, owners)
    if not called:
        return None
    unit = profile.unit.removesuffix("s")
    columns = (
        Column("own code"),
        Column("%"),
        Column(f"each {unit}", optional=1),
        Column("with callees"),
        Column("%"),
        Column(f"calls each {unit}", optional=2),
        Column("each call", optional=3),
    )
    return ColumnTable(
        "  the user's strategy, by callback", columns, _build_callback_rows(profile, called[:MAX_FUNCTIONS])
    )


def _build_callback_rows(profile: Profile, called: Sequence[CallbackShare]) -> tuple[tuple[str, ...], ...]:
    own = [callback.alone * profile.seconds for callback in called]
    whole = [callback.inclusive * profile.seconds for callback in called]
    calls = [callback.calls and callback.calls * profile.work for callback in called]
    columns = (
        [f"  {make_printable(callback.key)}" for callback in called],
        format_column(own),
        [f"{100 * callback.alone:.1f}" for callback in called],
        format_column([seconds / profile.work for seconds in own]),
        format_column(whole),
        [f"{100 * callback.inclusive:.1f}" for callback in called],
        ["" if callback.calls is None else format_calls(callback.calls) for callback in called],
        format_column([seconds / often if often else None for seconds, often in zip(whole, calls, strict=True)]),
    )
    return tuple(zip(*columns, strict=True))
