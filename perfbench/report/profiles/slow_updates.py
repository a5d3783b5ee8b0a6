"""Terminal text of the slowest updates of a profile, and of what each market takes."""

from __future__ import annotations

from datetime import datetime, timezone

from perfbench.profiling.slow_updates import SlowUpdates
from perfbench.report.profiles.cpu import format_title, wrap_lines
from perfbench.report.text_table import Column, ColumnTable
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.seconds import format_column

MAX_SLOW_UPDATES = 10
MAX_MARKETS = 15


def render_slow_updates(slow_updates: SlowUpdates, width: int) -> str:
    """The slowest 1 % of the updates: where they stand and what they bring; and what each market takes, if there are several."""
    lines = [format_title(slow_updates.case), *(f"  {line}" for line in describe_slow_updates(slow_updates))]
    tables = "\n".join(table.render(width) for table in build_slow_tables(slow_updates))
    return wrap_lines(lines, width) + "\n" + tables


def describe_slow_updates(slow_updates: SlowUpdates) -> tuple[str, str]:
    """How many updates are slow, what they take, and how that was measured: two lines."""
    count = formatting.format_plural(len(slow_updates.slowest), "update")
    return (
        f"the slowest 1 % of {formatting.format_plural(slow_updates.updates, 'update')} ({count}) "
        f"take {slow_updates.share:.1%} of the time; a typical one takes {formatting.format_seconds(slow_updates.typical)}",
        f"by the wall clock, of each update the least of {slow_updates.passes} passes without a profiler",
    )


def build_slow_tables(slow_updates: SlowUpdates) -> tuple[ColumnTable, ...]:
    """The slowest updates; and what each market takes, if there are several."""
    columns = (
        Column("market time"),
        Column("takes"),
        Column("a typical one"),
        Column("runners", optional=1),
        Column("what it brings", left=True),
    )
    shown = slow_updates.slowest[:MAX_SLOW_UPDATES]
    rows = tuple(
        (
            f"  {formatting.format_count(slow.place.line)}",
            _format_market_time(slow.place.publish_time),
            takes,
            formatting.format_factor(slow.seconds / slow_updates.typical) if slow_updates.typical else "",
            str(slow.place.runners),
            f"{formatting.format_bytes(slow.place.size_bytes)}{', a market definition' if slow.place.definition else ''}",
        )
        for slow, takes in zip(shown, format_column([slow.seconds for slow in shown]), strict=True)
    )
    slowest = ColumnTable("  line of the file", columns, rows)
    return (slowest, _build_market_table(slow_updates)) if len(slow_updates.markets) > 1 else (slowest,)


def _build_market_table(slow_updates: SlowUpdates) -> ColumnTable:
    shown = slow_updates.markets[:MAX_MARKETS]
    columns = (
        [f"  {make_printable(market.market)}" for market in shown],
        [formatting.format_count(market.updates) for market in shown],
        format_column([market.seconds for market in shown]),
        [f"{100 * market.seconds / slow_updates.seconds:.1f}" for market in shown],
        format_column([market.seconds / market.updates for market in shown]),
    )
    heads = tuple(map(Column, ("updates", "takes", "%", "each update")))
    return ColumnTable("  market", heads, tuple(zip(*columns, strict=True)))


def _format_market_time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}Z"
