"""Picture of the headline: how many times faster a release made each mode, with intervals and announced factors, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from perfbench.model import Claim, Run, describe_processor
from perfbench.report.build import build_report
from perfbench.report.model import ReportTable, Row
from perfbench.results.storage import load_run
from perfbench.util import formatting

WIDTH, ROW_HEIGHT, TOP, BOTTOM = 820, 54, 84, 44
BAR_LEFT, BAR_RIGHT, BAR_HEIGHT = 214, 560, 24
TEXT_LEFT, NUMBER_LEFT = 24, 584
SHOWN_BARS = 3
STYLE = """\
  <style>
    .card { fill: #ffffff; stroke: #d1d9e0 }
    .text { fill: #1f2328 }
    .soft { fill: #59636e }
    .bar { fill: #0072b2 }
    .one { stroke: #818b98 }
    .interval { stroke: #1f2328; stroke-width: 2 }
    .announced { stroke: #d55e00; stroke-width: 3 }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #3d444d }
      .text { fill: #f0f6fc }
      .soft { fill: #9198a1 }
      .bar { fill: #4c9fd8 }
      .one { stroke: #656c76 }
      .interval { stroke: #f0f6fc }
      .announced { stroke: #e69f00 }
    }
  </style>"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A mode: seconds of a pass before and after, how many times faster with its interval, and the announced factor, if any."""

    mode: str
    before: float
    after: float
    factor: float
    low: float
    high: float
    announced: float | None


def draw_headline(path: Path, market: str) -> str:
    """The picture of a saved run. Raises StorageProblem, and ValueError if it has no table of that market file.

    :param path: of the saved run.
    """
    run = load_run(path)
    tables = [table for table in build_report(run, ()).tables if table.data == market and table.sides]
    if not tables:
        raise ValueError(f"{path.name} has no comparison on {market}")
    return _draw(tables[0], list(build_bars(tables[0], run))[:SHOWN_BARS], run)


def build_bars(table: ReportTable, run: Run) -> Iterator[Bar]:
    """A bar for each mode that was compared with itself in another environment."""
    scenario = run.scenario(table.scenario)
    claims = scenario.claims if scenario else ()
    for row in table.rows:
        c = row.comparison
        if c is not None and "→" not in row.mode and math.isfinite(c.high) and c.low > 0:
            yield Bar(row.mode, c.before, c.after, 1 / c.ratio, 1 / c.high, 1 / c.low, _find_announced(row, claims))


def _find_announced(row: Row, claims: Sequence[Claim]) -> float | None:
    sides = {(row.mode, row.mode)}
    return next((c.ratio for c in claims if (c.before.partition("@")[0], c.after.partition("@")[0]) in sides), None)


def _draw(table: ReportTable, bars: Sequence[Bar], run: Run) -> str:
    height = TOP + ROW_HEIGHT * len(bars) + BOTTOM
    before, after = (side.replace("==", " ") for side in table.sides[:2])
    title = f"{before} → {after.rpartition(' ')[2]}: times faster"
    described = "; ".join(f"{bar.mode} {_format_factor(bar)}" for bar in bars)
    machine = f"{describe_processor(run.machine)}, {run.machine.python}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
        ' aria-labelledby="title description" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f'  <title id="title">{escape(title)}</title>',
        f'  <desc id="description">{escape(described)}; {escape(table.data)}</desc>',
        STYLE,
        f'  <rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(title, TEXT_LEFT, 36, "text", 18, "bold"),
        _text(
            f"one pass of {table.data}, {table.work or 0:,} {table.unit}, {table.metric_label}",
            TEXT_LEFT,
            58,
            "soft",
            13,
        ),
        f'  <line class="announced" x1="{NUMBER_LEFT}" y1="46" x2="{NUMBER_LEFT}" y2="62"/>',
        _text("announced", NUMBER_LEFT + 8, 58, "soft", 13),
        f'  <path class="interval" fill="none" d="M{NUMBER_LEFT + 94} 54h24m0 -4v8m-24 -8v8"/>',
        _text("95 % interval", NUMBER_LEFT + 126, 58, "soft", 13),
    ]
    scale = (BAR_RIGHT - BAR_LEFT) / max((end for bar in bars for end in (bar.high, bar.announced or 0)), default=1.0)
    for number, bar in enumerate(bars):
        lines += _draw_bar(bar, TOP + ROW_HEIGHT * number, scale)
    unchanged = BAR_LEFT + scale
    lines.append(f'  <line class="one" x1="{unchanged:.1f}" y1="{TOP}" x2="{unchanged:.1f}" y2="{height - BOTTOM}"/>')
    lines.append(_text("1x", unchanged - 6, TOP - 5, "soft", 12))
    conditions = table.about.rpartition(" · ")[2].removesuffix(f", {table.metric_label}")
    note = f"{conditions} · {machine} · perfbench {run.perfbench}, {run.created[:10]}"
    lines += [_text(note, TEXT_LEFT, height - 18, "soft", 12), "</svg>"]
    return "\n".join(lines) + "\n"


def _draw_bar(bar: Bar, top: int, scale: float) -> Iterator[str]:
    middle, bar_top = top + ROW_HEIGHT / 2, top + (ROW_HEIGHT - BAR_HEIGHT) / 2
    low, high = BAR_LEFT + bar.low * scale, BAR_LEFT + bar.high * scale
    yield _text(bar.mode, TEXT_LEFT, middle - 2, "text", 15, "bold")
    yield _text(formatting.format_seconds_pair(bar.before, bar.after), TEXT_LEFT, middle + 16, "soft", 13)
    yield f'  <rect class="bar" x="{BAR_LEFT}" y="{bar_top:g}" width="{bar.factor * scale:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
    yield (
        f'  <path class="interval" fill="none" d="M{low:.1f} {middle:g}H{high:.1f}M{low:.1f} {middle - 6:g}v12'
        f'M{high:.1f} {middle - 6:g}v12"/>'
    )
    if bar.announced is not None:
        x = BAR_LEFT + bar.announced * scale
        yield f'  <line class="announced" x1="{x:.1f}" y1="{bar_top - 6:g}" x2="{x:.1f}" y2="{bar_top + BAR_HEIGHT + 6:g}"/>'
    yield _text(_format_factor(bar), NUMBER_LEFT, middle - 2, "text", 15, "bold")
    if bar.announced is not None:
        announced = f"announced {formatting.format_factor(bar.announced)}"
        yield _text(announced, NUMBER_LEFT, middle + 16, "soft", 13)


def _format_factor(bar: Bar) -> str:
    interval = formatting.format_interval(bar.low, bar.high)
    return f"{formatting.format_factor(bar.factor, bar.low, bar.high)} [{interval}]"


def _text(text: str, x: float, y: float, kind: str, size: int, weight: str = "normal") -> str:
    bold = ' font-weight="bold"' if weight == "bold" else ""
    return f'  <text class="{kind}" x="{x:g}" y="{y:g}" font-size="{size}"{bold}>{escape(text)}</text>'
