"""The tables of `perfbench data describe`: of a market file and of a corpus."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from rich.table import Table
from rich.text import Text

from perfbench.datasets.corpus.description import ContentFacts, ListingFacts
from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.description import MarketDescription
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

LISTED_LABELS = 8
"""Labels of a stratum that are listed, the most frequent first."""

Row = tuple[str, str]


def build_table(title: str, rows: Iterable[Row]) -> Table:
    """A table of names and values."""
    table = Table(title=Text(make_printable(title), style="bold"), title_justify="left", box=None, show_header=False)
    for name, value in rows:
        table.add_row(Text(f"  {name}"), Text(value))
    return table


def list_market_rows(market: MarketDescription) -> tuple[Row, ...]:
    """What a market file contains, as names and values."""
    ids = ", ".join(market.market_ids[:3])
    if len(market.market_ids) > 3:
        ids += f" and {len(market.market_ids) - 3} more"
    ratio = market.size_bytes / market.packed_bytes
    span = f"{_format_time(market.first_published)} to {_format_time(market.last_published)}"
    return (
        ("markets", f"{len(market.market_ids)}: {make_printable(ids)}"),
        ("runners", str(market.runners)),
        ("updates", f"{formatting.format_count(market.updates)} in {formatting.format_count(market.lines)} lines"),
        (
            "size",
            f"{formatting.format_bytes(market.size_bytes)}, {market.size_bytes / market.lines:.0f} bytes per line",
        ),
        ("packed", f"{market.packing}, {ratio:.1f} to 1" if market.packing != "plain" else "no"),
        ("definitions", formatting.format_count(market.definitions)),
        ("runners changed", f"{market.runners_changed:.2f} per update"),
        ("market time", f"{span}, {_format_duration(market.seconds)}"),
        ("in-play", f"{market.in_play_updates / market.updates:.1%} of the updates"),
        ("SHA-256", market.sha256),
        ("unusual content", "\n".join(market.irregularities) or "none"),
    )


def list_listing_rows(listing: Listing, facts: ListingFacts) -> Iterator[Row]:
    """What the names and sizes say, as names and values."""
    sizes = ", ".join(map(formatting.format_bytes, (facts.low_bytes, facts.median_bytes, facts.high_bytes)))
    yield "files", f"{facts.members:,}, {formatting.format_bytes(facts.packed_bytes)} as they are stored"
    yield "stored sizes", f"{sizes} (5th, 50th, 95th percentile)"
    if facts.first_day is not None:
        yield "days", f"{facts.first_day} to {facts.last_day} (from the paths)"
    yield "left out", "\n".join(list_skipped(listing)) or "none"


def list_skipped(listing: Listing) -> list[str]:
    """What a listing leaves out, a line for each reason."""
    return [f"{reason}: {count:,}" for reason, count in listing.skipped.items()]


def list_content_rows(facts: ContentFacts, listing: Listing, listed: ListingFacts) -> Iterator[Row]:
    """What the opened files contain, as names and values."""
    is_full = facts.opened == listed.members
    yield "opened", "every file" if is_full else f"{facts.opened:,} files, a random sample (--full opens all)"
    for name, counts in facts.strata.items():
        yield name, _list_counts(counts)
    if facts.updates:
        yield (
            "updates",
            f"{formatting.format_count(sum(facts.updates))}, {statistics.median(facts.updates):,.0f} in the median file",
        )
        yield "unpacked", _describe_expansion(facts, listed, is_full)
        yield "market time", f"{_format_time(facts.first_published or 0)} to {_format_time(facts.last_published)}"
    yield "several markets", formatting.format_plural(facts.several_markets, "file")
    yield "unusual content", formatting.format_plural(facts.irregular, "file")
    yield "no market streams", _list_skipped(facts)
    by_listing = len(listing.problems) + listing.further_problems
    yield "damaged", f"{by_listing:,} by the listing, {len(facts.problems):,} of the opened files"
    if is_full:
        yield "same content", formatting.format_plural(facts.copies, "file")
        yield "in several files", formatting.format_plural(facts.shared, "market")


def _list_counts(counts: Counter[str]) -> str:
    parts = [f"{make_printable(label)}: {count:,}" for label, count in counts.most_common(LISTED_LABELS)]
    further = len(counts) - LISTED_LABELS
    return ", ".join(parts) + (f", and {further} more" if further > 0 else "")


def _describe_expansion(facts: ContentFacts, listed: ListingFacts, is_full: bool) -> str:
    ratio = facts.plain_bytes / facts.packed_bytes
    whole = "" if is_full else f"; about {formatting.format_bytes(ratio * listed.packed_bytes)} for the whole corpus"
    return f"{formatting.format_bytes(facts.plain_bytes)}, {ratio:.1f} to 1{whole}"


def _list_skipped(facts: ContentFacts) -> str:
    if not facts.skipped:
        return "0 files"
    more = ", …" if facts.skipped > len(facts.skipped_names) else ""
    return f"{formatting.format_plural(facts.skipped, 'file')}: {', '.join(map(make_printable, facts.skipped_names))}{more}"


def _format_time(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def _format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min {rest:02d} s"
