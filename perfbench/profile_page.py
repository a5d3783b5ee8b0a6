"""A profile as texts for the terminal: who owns the time, which functions take it, which updates are slow."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from perfbench import formatting, owning
from perfbench.formatting import printable
from perfbench.model import Case, Owner
from perfbench.profiles import Profile
from perfbench.spikes import Spikes

SHOWN_FUNCTIONS = 15
SHOWN_CALLEES = 10
SHOWN_SLOW = 10
WHOLE = 0.99
"""What takes this much with its callees, and nothing itself, is the call of everything."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """A function in a pass: seconds by itself and with what it called, calls per unit of work (None: nobody counted)."""

    key: str
    alone: float
    inclusive: float
    calls: float | None


def profile(found: Profile, owners: Sequence[Owner], width: int) -> str:
    """One profile: what it is, who owns the time, and its functions by self and by inclusive time."""
    lines = [title(found.case), f"  {_about(found)}", ""]
    text = "\n".join(map(printable, lines)) + "\n"
    if owners:
        text += _owners(found, owners, width) + "\n"
    return text + _functions(found, width)


def title(case: Case) -> str:
    """``replay full · betfairlightweight==2.11.2 · PRO-1.170258213``."""
    parameters = (f"{name}={value}" for name, value in case.parameters)
    return " · ".join(
        part for part in (f"{case.scenario} {case.mode}", case.environment, case.data, *parameters) if part
    )


def _about(found: Profile) -> str:
    unit = found.unit.removesuffix("s")
    passes = formatting.plural(len(found.passes), "pass").replace("passs", "passes")
    how = found.profiler if found.profiler == "cprofile" else f"{found.profiler}, every {1000 * found.interval:.3g} ms"
    return (
        f"{formatting.seconds(found.seconds)} CPU for {formatting.count(found.work)} {found.unit}, "
        f"{formatting.seconds(found.seconds / found.work)} each {unit} · {how}, {passes}: "
        f"this profile cost {formatting.factor(found.overhead)}; shares are scaled to the seconds without it"
    )


def _owners(found: Profile, owners: Sequence[Owner], width: int) -> str:
    table = text_table("  who owns the time", "seconds", "%", f"each {found.unit.removesuffix('s')}")
    for part in owning.owned(found, owners):
        if part.share > 0 or part.owner == owning.THE_REST:
            seconds = part.share * found.seconds
            table.add_row(
                f"  {printable(part.owner)}",
                formatting.seconds(seconds),
                f"{100 * part.share:.1f}",
                formatting.seconds(seconds / found.work),
            )
    return drawn(table, width)


def _functions(found: Profile, width: int) -> str:
    """The functions by their own time, and below those by their time with callees that the call of everything is not."""
    costs = _costs(found)
    by_self = sorted(costs, key=lambda cost: -cost.alone)[:SHOWN_FUNCTIONS]
    table = _function_table("  functions by their own time", found, by_self)
    left = found.seconds - sum(cost.alone for cost in by_self)
    if len(costs) > len(by_self):
        name = f"  {formatting.plural(len(costs) - len(by_self), 'other function')}"
        table.add_row(name, formatting.seconds(left), f"{100 * left / found.seconds:.1f}", "", "", "", "")
    inner = [
        cost for cost in costs if cost.inclusive < WHOLE * found.seconds or cost.alone > (1 - WHOLE) * found.seconds
    ]
    by_all = sorted(inner, key=lambda cost: -cost.inclusive)[:SHOWN_CALLEES]
    return drawn(table, width) + "\n" + drawn(_function_table("  functions by time with callees", found, by_all), width)


def _function_table(name: str, found: Profile, costs: Sequence[_Cost]) -> RichTable:
    unit = found.unit.removesuffix("s")
    table = text_table(name, "self", "%", f"each {unit}", "with callees", "%", f"calls each {unit}")
    for cost in costs:
        table.add_row(
            f"  {printable(cost.key)}",
            formatting.seconds(cost.alone),
            f"{100 * cost.alone / found.seconds:.1f}",
            formatting.seconds(cost.alone / found.work),
            formatting.seconds(cost.inclusive),
            f"{100 * cost.inclusive / found.seconds:.1f}",
            "" if cost.calls is None else calls(cost.calls),
        )
    return table


def _costs(found: Profile) -> list[_Cost]:
    """Every function, its seconds scaled to those of a pass without a profiler."""
    scale = found.seconds / sum(one.seconds for one in found.passes)
    alone: dict[int, float] = defaultdict(float)
    inclusive: dict[int, float] = defaultdict(float)
    for one in found.passes:
        for index, seconds in enumerate(one.inclusive):
            inclusive[index] += seconds * scale
        for stack in one.stacks:
            alone[stack.frames[-1]] += stack.seconds * scale
            for index in () if one.inclusive else set(stack.frames):
                inclusive[index] += stack.seconds * scale
    often: dict[int, int] = defaultdict(int)
    for call in found.calls:
        often[call.callee] += call.count
    return [
        _Cost(function.key, alone[index], inclusive[index], often[index] / found.work if found.calls else None)
        for index, function in enumerate(found.functions)
        if alone[index] or inclusive[index]
    ]


def calls(value: float) -> str:
    """How often per unit of work: three figures."""
    return f"{value:.3g}" if value < 1000 else formatting.rate(value)


def callbacks(found: Profile, owners: Sequence[Owner], width: int) -> str:
    """By which functions the framework calls the user's code, and what each takes; empty where there is none."""
    called = owning.callbacks(found, owners)
    if not called:
        return ""
    unit = found.unit.removesuffix("s")
    heads = ("own code", "%", f"each {unit}", "with callees", "%", f"calls each {unit}", "each call")
    table = text_table("  the user's strategy, by callback", *heads)
    for one in called[:SHOWN_FUNCTIONS]:
        seconds = one.inclusive * found.seconds
        table.add_row(
            f"  {printable(one.key)}",
            formatting.seconds(one.alone * found.seconds),
            f"{100 * one.alone:.1f}",
            formatting.seconds(one.alone * found.seconds / found.work),
            formatting.seconds(seconds),
            f"{100 * one.inclusive:.1f}",
            "" if one.calls is None else calls(one.calls),
            formatting.seconds(seconds / found.work / one.calls) if one.calls else "",
        )
    return drawn(table, width)


def spikes(found: Spikes, width: int) -> str:
    """The slowest 1 % of the updates: where they stand and what they bring; and what each market takes, if there are several."""
    count = formatting.plural(len(found.slowest), "update")
    lines = [
        title(found.case),
        f"  the slowest 1 % of {formatting.plural(found.updates, 'update')} ({count}) take {found.share:.1%} of the time; "
        f"a typical one takes {formatting.seconds(found.typical)}",
        f"  by the wall clock, of each update the least of {found.passes} passes without a profiler",
    ]
    table = text_table(
        "  line of the file",
        "market time",
        "takes",
        "a typical one",
        "runners",
        "what it brings",
        left=("market time",),
    )
    for slow in found.slowest[:SHOWN_SLOW]:
        table.add_row(
            f"  {formatting.count(slow.place.line)}",
            _market_time(slow.place.publish_time),
            formatting.seconds(slow.seconds),
            formatting.factor(slow.seconds / found.typical) if found.typical else "",
            str(slow.place.runners),
            f"{formatting.size(slow.place.size_bytes)}{', a market definition' if slow.place.definition else ''}",
        )
    text = "\n".join(map(printable, lines)) + "\n\n" + drawn(table, width)
    return text + ("\n" + _markets(found, width) if len(found.markets) > 1 else "")


def _markets(found: Spikes, width: int) -> str:
    table = text_table("  market", "updates", "takes", "%", "each update")
    for one in found.markets[:SHOWN_FUNCTIONS]:
        table.add_row(
            f"  {printable(one.market)}",
            formatting.count(one.updates),
            formatting.seconds(one.seconds),
            f"{100 * one.seconds / found.seconds:.1f}",
            formatting.seconds(one.seconds / one.updates),
        )
    return drawn(table, width)


def _market_time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}Z"


def text_table(first: str, *others: str, left: tuple[str, ...] = ()) -> RichTable:
    """A table whose first column is a text that may be folded and whose others are numbers, but for those on the ``left``."""
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(first, overflow="fold")
    for head in others:
        table.add_column(head, justify="left" if head in left else "right", no_wrap=head not in left)
    return table


def drawn(table: RichTable, width: int) -> str:
    """The table as lines of text, none of them with blanks at its end."""
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, emoji=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n")) + "\n"
