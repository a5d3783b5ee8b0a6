"""What made a difference as a text for the terminal: a table whose rows add up to what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfbench import formatting
from perfbench.blaming import Blame, Blamed
from perfbench.formatting import printable
from perfbench.profile_page import calls, drawn, text_table, title
from perfbench.profiles import Profile

SHOWN_ROWS = 12


def page(before: Profile, after: Profile, found: Blame, width: int, rows: int = SHOWN_ROWS) -> str:
    """Which functions made the difference of two profiles: a table whose rows add up to it."""
    lines = [
        f"{title(before.case)} → {after.case.environment}",
        f"  {_measured(found)}",
        f"  {_made(before, after, found)}",
    ]
    text = "\n".join(map(printable, lines)) + "\n\n"
    if not found.rows:
        return text + "  no function stands out: nothing to blame\n"
    unit = after.unit.removesuffix("s")
    heads = ("change", "% of it", "with callees", f"calls each {unit}", "what happened")
    table = text_table("  function", *heads, left=("what happened",))
    whole = found.difference.seconds
    for row in found.rows[:rows]:
        table.add_row(f"  {printable(row.key)}", *_cells(row, whole))
        for line in _callers(row):
            table.add_row(printable(line), "", "", "", "", "")
    rest = whole - sum(row.change for row in found.rows[:rows])
    others = f"{len(found.rows) - rows} more stand out" if len(found.rows) > rows else "none stands out"
    table.add_row("  all other functions", signed(rest), _share(rest, whole), "", "", others)
    table.add_row("  the whole difference", signed(whole), _share(whole, whole), "", "", "")
    return text + drawn(table, width)


def _measured(found: Blame) -> str:
    one = found.difference
    known = math.isfinite(one.low) and math.isfinite(one.high)
    interval = f"{signed(one.low)} to {signed(one.high)}" if known else "too few pairs for an interval"
    unpaired = "" if one.paired else "; the two profiles were not measured at the same time"
    seconds = f"{formatting.seconds(one.before)} → {formatting.seconds(one.after)}"
    return f"{seconds}, {formatting.change(one.after / one.before)}: {signed(one.seconds)} ({interval}{unpaired})"


def _made(before: Profile, after: Profile, found: Blame) -> str:
    costs = " and ".join(dict.fromkeys(formatting.factor(one.overhead) for one in (before, after)))
    interval = f", every {1000 * before.interval:g} ms" if before.profiler != "cprofile" else ""
    scale = (
        "unchanged functions set the scale"
        if found.anchored
        else "each side is scaled to its seconds without a profiler"
    )
    return f"{before.profiler}{interval}, {found.pairs} passes a side: these profiles cost {costs}; {scale}"


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
        yield f"      called by {caller.key}: {calls(caller.before)} → {calls(caller.after)}"


def signed(seconds: float) -> str:
    """``+0.123s``, ``−3.130s``."""
    text = formatting.seconds(abs(seconds))
    return text if float(f"{seconds:.9f}") == 0 else ("+" if seconds > 0 else "−") + text


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}".replace("-", "−") if whole else ""
