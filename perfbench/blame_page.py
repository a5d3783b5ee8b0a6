"""What made a difference as a text for the terminal: a table whose rows add up to what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfbench import formatting, function_counts, statistics, text_table
from perfbench.blaming import Blame, Blamed
from perfbench.formatting import printable
from perfbench.function_counts import FunctionCounts
from perfbench.profile_page import calls, prose, title
from perfbench.profiles import Profile
from perfbench.text_table import Column

SHOWN_ROWS = 12
ENOUGH = statistics.minimum_pairs(0.95)


def page(before: Profile, after: Profile, found: Blame, width: int, rows: int = SHOWN_ROWS) -> str:
    """Which functions made the difference of two profiles: a table whose rows add up to it."""
    lines = [
        f"{title(before.case)} → {after.case.environment}",
        f"  {_measured(found)}",
        f"  {_made(before, after, found)}",
    ]
    text = prose(lines, width) + "\n"
    if not found.rows:
        return text + "  no function stands out: nothing to blame\n"
    unit = after.unit.removesuffix("s")
    columns = (
        Column("change"),
        Column("% of it"),
        Column("with callees", optional=1),
        Column(f"calls each {unit}", optional=2),
        Column("what happened", left=True),
    )
    body: list[tuple[str, ...]] = []
    whole = found.difference.seconds
    for row in found.rows[:rows]:
        body.append((f"  {printable(row.key)}", *_cells(row, whole)))
        body.extend((printable(line), "", "", "", "", "") for line in _callers(row))
    rest = whole - sum(row.change for row in found.rows[:rows])
    others = f"{len(found.rows) - rows} more stand out" if len(found.rows) > rows else "none stands out"
    body.append(("  all other functions", signed(rest), _share(rest, whole), "", "", others))
    body.append(("  the whole difference", signed(whole), _share(whole, whole), "", "", ""))
    return text + text_table.render("  function", columns, body, width)


def instructions(
    name: str, before: Sequence[FunctionCounts], after: Sequence[FunctionCounts], unit: str, width: int
) -> str:
    """Which functions execute more or less than before, by counts under the same hash seeds; the same every time."""
    one, other = (sum(count.total / count.work for count in side) / len(side) for side in (before, after))
    each = f"each {unit.removesuffix('s')}"
    counted = f"{formatting.rate(one)} → {formatting.rate(other)} instructions {each}, {formatting.share(other / one)}"
    lines = [name, f"  {counted} · callgrind, the first lines of the market: instructions, not time"]
    text = prose(lines, width) + "\n"
    changes = function_counts.difference(before, after)
    if not changes:
        return text + "  no function executes more or less: nothing to blame\n"
    columns = (
        Column(f"instructions {each}", optional=1),
        Column("change"),
        Column("% of all"),
        Column(f"calls {each}", optional=2),
    )
    body: list[tuple[str, ...]] = []
    for row in changes[:SHOWN_ROWS]:
        first, second = calls(row.calls_before), calls(row.calls_after)
        cells = (
            f"  {printable(row.function.key)}",
            f"{formatting.rate(row.before)} → {formatting.rate(row.after)}",
            _more(row.change),
            formatting.share(1 + row.change / one),
            first if first == second else f"{first} → {second}",
        )
        body.append(cells)
    rest = other - one - sum(row.change for row in changes[:SHOWN_ROWS])
    body.append(("  all others", "", _more(rest), formatting.share(1 + rest / one), ""))
    return text + text_table.render("  function", columns, body, width)


def _more(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{formatting.rate(abs(value))}"


def _measured(found: Blame) -> str:
    one = found.difference
    known = math.isfinite(one.low) and math.isfinite(one.high)
    interval = (
        f"{signed(one.low)} to {signed(one.high)}" if known else f"too few pairs for an interval, it takes {ENOUGH}"
    )
    unpaired = "" if one.paired else "; the two profiles were not measured at the same time"
    seconds = f"{formatting.seconds(one.before)} → {formatting.seconds(one.after)}"
    return f"{seconds}, {formatting.change(one.after / one.before)}: {signed(one.seconds)} ({interval}{unpaired})"


def _made(before: Profile, after: Profile, found: Blame) -> str:
    costs = " and ".join(dict.fromkeys(formatting.factor(one.overhead) for one in (before, after)))
    interval = f", every {1000 * before.interval:.3g} ms" if before.profiler != "cprofile" else ""
    scale = (
        "unchanged functions set the scale"
        if found.anchored
        else "each side is scaled to its seconds without a profiler"
    )
    passes = "1 pass" if found.pairs == 1 else f"{found.pairs} passes"
    return f"{before.profiler}{interval}, {passes} a side: these profiles cost {costs}; {scale}"


def _cells(row: Blamed, whole: float) -> tuple[str, ...]:
    counted = row.calls_before is not None and row.calls_after is not None
    often = ""
    if counted and row.calls_before is not None and row.calls_after is not None:
        first, second = calls(row.calls_before), calls(row.calls_after)
        often = first if first == second else f"{first} → {second}"
    return signed(row.change), _share(row.change, whole), signed(row.inclusive), often, "; ".join(_happened(row))


def _happened(row: Blamed) -> Iterator[str]:
    """What can be told of a function beside its seconds."""
    if row.was:
        yield f"was {printable(row.was)}"
    if row.presence:
        yield row.presence
        return
    if row.calls_before and row.calls_after is not None:
        ratio = row.calls_after / row.calls_before
        if abs(ratio - 1) > 0.01:
            yield f"called {ratio:.3g} times as often"
    if row.edited:
        yield "its code changed"
    elif row.edited is False:
        yield "same code"


def _callers(row: Blamed) -> Iterator[str]:
    if row.edited or (row.calls_before == row.calls_after):
        return
    for caller in row.callers:
        path, _, name = caller.key.rpartition(":")
        where = "" if path == row.key.rpartition(":")[0] else f" ({path})"
        yield f"      called by {name}{where}: {calls(caller.before)} → {calls(caller.after)}"


def signed(seconds: float) -> str:
    """``+0.123s``, ``−3.130s``."""
    text = formatting.seconds(abs(seconds))
    return text if float(f"{seconds:.9f}") == 0 else ("+" if seconds > 0 else "−") + text


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}".replace("-", "−") if whole else ""
