"""The page of an advice as text: the ranked table, the combination, what to write, and what is left of the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.advise.model import AdviceDocument
from perfbench.model import describe_processor
from perfbench.report import text
from perfbench.report.advice_report import AdviceReport, CombinedLevers, LeverRow, Speedup
from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.text_table import Column, ColumnTable
from perfbench.util import formatting
from perfbench.worker.program_messages import Proposal

ADVISED_MARK, NO_MARK = "▲ ", "  "

HEADS = ("lever", "faster", "95 % interval", "pairs", "class", "result")

COLUMNS = (
    Column(HEADS[1]),
    Column(HEADS[2], optional=2),
    Column(HEADS[3], optional=1),
    Column(HEADS[4], left=True, optional=3),
    Column(HEADS[5], left=True),
)

NO_LEVER = "no lever applies to this program"
NO_ADVICE = "nothing here makes it faster by 1 % or more: no advice"

SHOWN_OWNERS, SHOWN_CALLBACKS = 6, 3
SMALLEST_SHARE = 0.01
"""Share of a pass from which an owner or a callback is shown."""


def render_advice(report: AdviceReport, width: int = UNLIMITED_WIDTH) -> str:
    """The page in at most ``width`` columns, where code and names allow it."""
    document = report.document
    parts = [
        "\n".join(wrap_line(f"! {line}", width) for line in list_warnings(document)),
        wrap_line(format_title(document), width),
        _render_table(report.rows, width),
        "\n".join(wrap_line(f"  {line}", width) for line in describe_verdict(report)),
    ]
    if report.advised:
        parts += ["", "what to write", *(_render_proposal(row.proposal, width) for row in report.advised)]
    if document.named:
        parts += ["", "named, not tried", *(_render_proposal(proposal, width) for proposal in document.named)]
    if left := list(describe_remainder(report)):
        parts += ["", *(wrap_line(line, width, indent=2) for line in left)]
    parts += ["", wrap_line(f"  {describe_conditions(document)}", width)]
    return "\n".join(parts).lstrip("\n") + "\n"


def render_levers(report: AdviceReport, width: int = UNLIMITED_WIDTH) -> str:
    """The title and the table of the levers alone."""
    return f"{wrap_line(format_title(report.document), width)}\n{_render_table(report.rows, width)}"


def format_title(document: AdviceDocument) -> str:
    """``advice · my_backtest:run · here · 1.170258213``."""
    (scenario, *_), settings = document.run.scenarios, document.run.settings
    markets = dict.fromkeys((*document.training, *document.held_out))
    data = [formatting.format_plural(len(markets), "market") if len(markets) > 1 else "".join(markets)]
    environments = [" ".join(group) for group in settings.environments]
    return " · ".join(filter(None, ("advice", scenario.name, *environments, *data)))


def list_warnings(document: AdviceDocument) -> list[str]:
    """Lines about what is missing."""
    incomplete = [] if document.run.finished else ["incomplete: only the steps that were finished are shown"]
    return [*incomplete, *document.run.problems]


def format_cells(row: LeverRow) -> tuple[str, ...]:
    """The cells of a row of the table, the first without a mark."""
    speedup = row.speedup
    if speedup is None:
        return row.proposal.title, "", "", "", row.kind, row.outcome
    interval = formatting.format_interval(speedup.low, speedup.high)
    return (
        row.proposal.title,
        formatting.format_factor(speedup.ratio),
        interval,
        formatting.format_count(speedup.pairs),
        row.kind,
        row.outcome,
    )


def describe_verdict(report: AdviceReport) -> Iterator[str]:
    """Sentences about the combination, and what it saves; or that there is no advice."""
    combination, document = report.combination, report.document
    if combination is None or not combination.confirmed:
        yield _describe_no_advice(report, combination)
        if document.seconds:
            yield f"your set-up: {formatting.format_seconds(report.seconds)} {_name_pass(document)}"
        return
    speedup = combination.speedup
    parts = (
        f"; the parts multiplied: {formatting.format_factor(combination.product)}" if len(combination.rows) > 1 else ""
    )
    yield (
        f"{'together' if len(combination.rows) > 1 else 'advice'}: {_format_speedup(speedup)}, "
        f"confirmed by {_describe_pairs(document, speedup.pairs)}{parts}"
    )
    pair = formatting.format_seconds_pair(report.seconds, report.seconds / speedup.ratio).replace("→ ", "→ about ")
    yield f"your set-up: {pair} {_name_pass(document)}"
    if report.saving is not None:
        before, after = report.saving.before, report.saving.after
        yield (
            f"{report.saving.name}: about {format_hours(before)} → {format_hours(after)} of one core, "
            f"{format_hours(before - after)} saved"
        )


def _name_pass(document: AdviceDocument) -> str:
    """The pass that was timed: of a corpus one of the markets that the advice was chosen on."""
    market = document.seconds[0].market if document.seconds else ""
    return f"a pass of {market}" if market else "a pass"


def _describe_no_advice(report: AdviceReport, combination: CombinedLevers | None) -> str:
    failure = report.document.result.failure
    titles = " + ".join(row.proposal.title for row in report.rows if row.number in report.document.result.combination)
    if failure:
        return f"no advice: {titles} could not be confirmed: {failure}"
    if combination is None:
        return NO_ADVICE if report.document.run.finished else "no advice yet"
    pairs = _describe_pairs(report.document, combination.speedup.pairs)
    return f"no advice: {titles} was not confirmed: {_format_speedup(combination.speedup)} by {pairs}"


def _format_speedup(speedup: Speedup) -> str:
    interval = formatting.format_interval(speedup.low, speedup.high)
    return f"{formatting.format_factor(speedup.ratio)} faster [{interval}, 98 %]"


def _describe_pairs(document: AdviceDocument, pairs: int) -> str:
    fresh = formatting.format_plural(pairs, "fresh pair")
    if document.is_fresh:
        held_out = formatting.format_plural(len(document.held_out), "market")
        return f"{fresh} on {held_out} that nothing was chosen on"
    return f"{fresh} on the market that it was chosen on" if document.training else f"{fresh} of the same program"


def format_hours(seconds: float) -> str:
    """``12.3 h``, ``40 min``, ``8.1 s``."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def describe_remainder(report: AdviceReport) -> Iterator[str]:
    """Lines about the floor and the owners of the time that is left; none where nothing was measured."""
    left = report.remainder
    if not (left.floor or left.owners or left.problem):
        return
    on = f" on {left.market}" if left.market else ""
    yield f"what is left{on}, {'with the advice' if report.advised else 'of your set-up'}"
    if left.floor:
        floor = "; ".join(f"{part.what} {formatting.format_seconds(part.seconds)}" for part in left.floor)
        yield f"  floor of betfairlightweight on the whole file, CPU seconds: {floor}"
    owners = sorted((owner for owner in left.owners if owner.share >= SMALLEST_SHARE), key=lambda owner: -owner.share)
    if owners:
        shares = ", ".join(f"{owner.owner} {owner.share:.0%}" for owner in owners[:SHOWN_OWNERS])
        yield f"  who owns the time: {shares}"
    for callback in [own for own in left.callbacks if own.inclusive >= SMALLEST_SHARE][:SHOWN_CALLBACKS]:
        yield f"  {callback.key}: {callback.alone:.0%} itself, {callback.inclusive:.0%} with all that it calls"
    if left.problem:
        yield f"  ! {left.problem}"


def describe_conditions(document: AdviceDocument) -> str:
    """Packages, interpreter and machine of the user's set-up."""
    machine, environments = document.run.machine, document.run.environments[:1]
    packages = [
        f"{package.name} {package.version}"
        for environment in environments
        for package in environment.packages
        if package.name in text.NAMED_PACKAGES
    ]
    pythons = [f"Python {environment.version}" for environment in environments if environment.version]
    parts = (", ".join(packages), *pythons, describe_processor(machine), machine.system, f"load {machine.load:.2f}")
    return " · ".join(filter(None, parts))


def _render_table(rows: Sequence[LeverRow], width: int) -> str:
    return build_lever_table(rows).render(width).rstrip("\n") if rows else f"  {NO_LEVER}"


def build_lever_table(rows: Sequence[LeverRow]) -> ColumnTable:
    """The ranked table: a row for each lever, with a mark if it is advised."""
    cells = tuple(
        ((ADVISED_MARK if row.advised else NO_MARK) + format_cells(row)[0], *format_cells(row)[1:]) for row in rows
    )
    return ColumnTable(f"  {HEADS[0]}", COLUMNS, cells, rule=False)


def _render_proposal(proposal: Proposal, width: int) -> str:
    lines = [
        wrap_line(
            f"  {proposal.title}: {proposal.reason}" if proposal.reason else f"  {proposal.title}", width, indent=4
        ),
        *(f"      {line}".rstrip() for line in proposal.write.splitlines()),
        *([f"    see {proposal.source}"] if proposal.source else []),
    ]
    return "\n".join(lines)
