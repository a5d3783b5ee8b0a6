"""Formatting of numbers and untrusted text: 6.860s, 212.0 MB, 2.3x, the same in every format and locale."""

from __future__ import annotations

import math

from perfbench.util import seconds
from perfbench.util.seconds import count_decimals as _count_decimals

MISSING_TEXT = seconds.MISSING_TEXT

LARGE_FACTOR = 1.5
"""From this factor on a change is formatted as a factor, ``2.3x faster``; below as a share, ``+7.1 %``."""


EXACT_DECIMALS = {"count": 0, "money": 2}
"""Decimals of numbers that are shown in full, by their unit."""

BYTES_UNITS = (("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))
QUANTITY_UNITS = (("", 1.0), (" k", 1e3), (" M", 1e6), (" G", 1e9), (" T", 1e12))


def format_seconds(value: float) -> str:
    """``6.860s``: always three decimals, and never fewer than three figures of a duration that was measured.

    Below 0.1 s the unit becomes ``ms`` (``12.345ms``), then ``µs`` and ``ns``, so that little is not printed as 0.000s.
    """
    return seconds.choose_unit(value).format(value) if math.isfinite(value) else MISSING_TEXT


def format_seconds_pair(before: float, after: float) -> str:
    """``6.860s → 2.998s``, ``63.300ms → 173.024ms``, ``4.934s → 0.0495s``: both in one unit, as cells of a column are."""
    if not (math.isfinite(before) and math.isfinite(after)):
        return f"{format_seconds(before)} → {format_seconds(after)}"
    return seconds.choose_common_unit((before, after)).format_pair(before, after)


def _find_smaller(before: float, after: float) -> float:
    """The one nearer to zero, unless it is zero, which says nothing about the unit."""
    return min((value for value in (before, after) if value), key=abs, default=0.0)


def format_bytes_pair(before: float, after: float) -> str:
    """``212.0 MB → 208.4 MB``, ``999.9 kB → 1,000.4 kB``: both in one unit, that of the smaller."""
    first, second = format_bytes(before), format_bytes(after)
    units = dict(BYTES_UNITS)
    unit = format_bytes(_find_smaller(before, after)).partition(" ")[2]
    if unit in units and MISSING_TEXT not in (first, second):
        return " → ".join(f"{value / units[unit]:,.1f} {unit}" for value in (before, after))
    return f"{first} → {second}" if unit != "B" else f"{before:,.0f} B → {after:,.0f} B"


def format_bytes(value: float) -> str:
    """``212.0 MB``: bytes in decimal units (1 MB is 1,000,000 bytes), one decimal from 1 kB on."""
    if not math.isfinite(value):
        return MISSING_TEXT
    if abs(round(value)) < 1000:
        return f"{round(value)} B"
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if abs(round(value, 1)) < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:,.1f} TB"


def format_factor(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """``2.3x``, as in an announcement: one decimal from 2 on, two below, three figures below 0.1.

    :param low: the ends of its interval, which are shown beside it: below 2, a rounded value outside of them gets more decimals.
    """
    if not math.isfinite(value):
        return MISSING_TEXT
    if round(value, 2) >= 2:
        return f"{value:,.1f}x"
    text = _format_figures(value, 2)
    if math.isfinite(low) and math.isfinite(high) and low <= value <= high:
        ends = [float(end) for end in format_interval(low, high).split("–")]
        for digits in range(len(text.partition(".")[2]) + 1, 5):
            if ends[0] <= float(text) <= ends[1]:
                break
            text = f"{value:.{digits}f}"
    return f"{text}x"


def format_interval(low: float, high: float) -> str:
    """``2.25–2.34``: both ends with two decimals, with three where the low end is below 2, three figures below 0.1."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING_TEXT
    if round(low, 3) >= 2:
        return f"{low:.2f}–{high:.2f}"
    digits = max(3, _count_decimals(low))
    return f"{low:.{digits}f}–{high:.{digits}f}"


def format_amount(value: float, unit: str) -> str:
    """A number in its unit with three figures: ``96.3 B``, ``12.3 MB``, ``97.2 %`` of a share, ``1.25 ms``, ``320 books``.

    A ``count`` and ``money`` are shown in full: ``12,345``, ``−1,234.50``.
    """
    if not math.isfinite(value):
        return MISSING_TEXT
    if unit == "bytes":
        return f"{value:.3g} B" if abs(value) < 999.5 else format_bytes(value)
    if unit == "seconds":
        return format_seconds(value)
    if unit in EXACT_DECIMALS:
        return f"{value:,.{EXACT_DECIMALS[unit]}f}".replace("-", "−")
    if unit == "share":
        return f"{_format_three_figures(100 * value)} %"
    return f"{_format_three_figures(value)} {unit}".rstrip()


def format_amount_pair(before: float, after: float, unit: str) -> str:
    """Two numbers of one metric in one unit: ``96.3 B → 1,210 B``, ``1.25 ms → 20 ms``, ``6.860s → 2.998s``."""
    if unit == "seconds":
        return format_seconds_pair(before, after)
    if unit == "bytes" and math.isfinite(before) and math.isfinite(after):
        if abs(_find_smaller(before, after)) < 999.5:
            return f"{_format_three_figures(before)} B → {_format_three_figures(after)} B"
        return format_bytes_pair(before, after)
    return f"{format_amount(before, unit)} → {format_amount(after, unit)}"


def _format_three_figures(value: float) -> str:
    """``12,300``, ``1.25``, ``0.0412``, ``320``: three figures, and none that say nothing."""
    rounded = float(f"{value:.3g}")
    decimals = min(12, max(0, _count_decimals(rounded)))
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text and rounded == int(rounded) else text


def format_change(ratio: float) -> str:
    """The size of a change: ``+7.1 %`` more time, ``−3.0 %``, ``2.3x faster``, ``1.6x slower``."""
    if ratio >= LARGE_FACTOR:
        return f"{format_factor(ratio)} slower"
    if ratio <= 1 / LARGE_FACTOR:
        return f"{format_factor(1 / ratio)} faster"
    share = f"{100 * (ratio - 1):+.1f} %"
    return "0.0 %" if share[1:] == "0.0 %" else share.replace("-", "−")


def format_share(ratio: float) -> str:
    """A change as a share, whatever its size: ``−26.4 %``, ``+480 %``; below one per cent with two decimals: ``+0.25 %``."""
    per_cent = 100 * (ratio - 1)
    if not math.isfinite(per_cent):
        return MISSING_TEXT
    decimals = 2 if abs(round(per_cent, 2)) < 1 else 1 if abs(round(per_cent, 1)) < 100 else 0
    text = f"{per_cent:+,.{decimals}f} %"
    return "0.00 %" if text[1:] == "0.00 %" else text.replace("-", "−")


def format_quantity(value: float) -> str:
    """``4.21 G``: three figures of a large number, with k, M, G and T for the thousands."""
    if not math.isfinite(value):
        return MISSING_TEXT
    rounded = float(f"{value:.3g}")
    for unit in ("", " k", " M", " G"):
        if abs(rounded) < 1000:
            return f"{rounded:.{max(0, _count_decimals(rounded))}f}{unit}" if unit else f"{rounded:g}"
        rounded /= 1000
    return f"{rounded:,.{max(0, _count_decimals(rounded))}f} T"


def format_quantity_pair(before: float, after: float) -> str:
    """``4.21 G → 3.10 G``, ``999 M → 1,010 M``: both in one unit, that of the smaller."""
    texts = format_quantity(before), format_quantity(after)
    unit = format_quantity(_find_smaller(before, after)).lstrip("-0123456789.,")
    scale = dict(QUANTITY_UNITS).get(unit)
    if scale is None or MISSING_TEXT in texts:
        return " → ".join(texts)
    return " → ".join(f"{_keep_three_figures(value / scale)}{unit}" for value in (before, after))


def _keep_three_figures(value: float) -> str:
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.{max(0, _count_decimals(rounded))}f}" if rounded else "0"


def format_change_interval(low: float, high: float) -> str:
    """An interval of a change, both ends in the same way: ``+5.9 to +8.3 %``, ``2.25–2.31x faster``."""
    if not (low > 0 and math.isfinite(high)):
        return MISSING_TEXT
    if low >= LARGE_FACTOR:
        return f"{format_interval(low, high)}x slower"
    if high <= 1 / LARGE_FACTOR:
        return f"{format_interval(1 / high, 1 / low)}x faster"
    first, second = (f"{100 * (end - 1):+.1f}".replace("-", "−") for end in (low, high))
    return f"{first} to {second} %"


def format_count(value: int) -> str:
    """``44,687``."""
    return f"{value:,}"


def format_plural(value: int, unit: str, units: str = "") -> str:
    """``1 round``, ``27 rounds``; ``units`` is an irregular plural."""
    return f"{format_count(value)} {unit if value == 1 else units or f'{unit}s'}"


def format_rate(per_second: float) -> str:
    """``74,500``: three figures, because no measurement bears more, with a comma at the thousands."""
    if not math.isfinite(per_second):
        return MISSING_TEXT
    rounded = float(f"{per_second:.3g}")
    return f"{rounded:,.{min(12, max(0, _count_decimals(rounded)))}f}"


def extract_last_line(text: str, default: str = "no reason given") -> str:
    """The last line of a program's output that is not blank."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), default)


def make_printable(text: str) -> str:
    r"""Foreign text (a file's name, a market's name) that cannot command a terminal or pretend to be another.

    Whatever is not printable is shown as its escape: control characters and with them ANSI sequences (``\x1b[31m``),
    line ends, bidirectional overrides (``\u202e``), invisible characters, and the surrogates of undecodable file names.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _format_figures(value: float, decimals: int) -> str:
    if 0 < abs(float(f"{value:.3g}")) < 0.1:
        decimals = _count_decimals(value)
    return f"{value + 0.0:.{decimals}f}"
