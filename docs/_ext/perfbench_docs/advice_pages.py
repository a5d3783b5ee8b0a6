"""A page for each piece of advice, and one for each scenario about advice, from the saved runs of ``make verdicts``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfbench.model import Claim
from perfbench.report import markdown_text
from perfbench.report.build import build_report
from perfbench.report.formats import terminal
from perfbench.report.model import Report
from perfbench.report.tables import advice
from perfbench.report.tables.advice import AdviceRow
from perfbench.report.tables.comparison import MODE_COLUMNS
from perfbench.results.storage import load_run
from perfbench_docs.pages import slugify
from perfbench_docs.project import BLOB, ROOT
from perfbench_docs.scenario_sources import find_scenario, read_mode_source

PATTERN = "reference-verdicts-*.json"
TABLE_WIDTH = 110
VERDICT_HEADS = ("metric", "verdict", "measured", "holds for", "better")
SCENARIO_HEADS = ("advice", "metric", "verdict", "measured")
NOTHING = "No saved run has advice: `make verdicts` measures it."


@dataclass(frozen=True, slots=True)
class Advice:
    """A piece of advice: its words and source, its results by metric, and its claims in the order of these."""

    text: str
    source: str
    rows: tuple[AdviceRow, ...]
    claims: tuple[Claim, ...]

    @property
    def slug(self) -> str:
        """The name of its page."""
        return re.sub(r"-+", "-", slugify(self.text.replace("–", "-")))


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """What one saved run measured of a scenario: its name, and a report with the tables of that scenario only."""

    name: str
    report: Report

    @property
    def values(self) -> set[tuple[str, str, tuple[tuple[str, object], ...]]]:
        """The pieces of advice that were measured, each with the values of the parameters."""
        tables = self.report.tables
        return {
            (result.claim.text, result.claim.source, table.parameters) for table in tables for result in table.advice
        }


@dataclass(frozen=True, slots=True)
class AdvisedScenario:
    """A scenario about advice as saved runs measured it, the oldest first: several where each has other advice or parameters."""

    name: str
    question: str
    advice: tuple[Advice, ...]
    runs: tuple[MeasuredRun, ...]


def load_advised_scenarios(results: Path) -> list[AdvisedScenario]:
    """The scenarios of the saved runs of ``make verdicts``, by name. Raises StorageProblem.

    A run whose advice newer ones measured with the same parameters is left out.
    """
    measured: dict[str, list[MeasuredRun]] = {}
    paths = sorted(results.glob(PATTERN))
    for run, path in sorted(((load_run(path), path) for path in paths), key=lambda pair: pair[0].created):
        report = build_report(run, MODE_COLUMNS)
        for name in dict.fromkeys(table.scenario for table in report.tables if table.advice):
            measured.setdefault(name, []).append(MeasuredRun(path.stem, _select_scenario(report, name)))
    return [_build_scenario(name, select_newest(runs)) for name, runs in sorted(measured.items())]


def select_newest(runs: Sequence[MeasuredRun]) -> tuple[MeasuredRun, ...]:
    """The runs, in order of age, without those that newer ones repeat."""
    kept: list[MeasuredRun] = []
    for run in reversed(runs):
        if not run.values <= set[object]().union(*(newer.values for newer in kept)):
            kept.insert(0, run)
    return tuple(kept)


def _select_scenario(report: Report, name: str) -> Report:
    return replace(
        report,
        tables=tuple(table for table in report.tables if table.scenario == name),
        figures=tuple(figure for figure in report.figures if figure.scenario == name),
        problems=tuple(problem for problem in report.problems if problem.startswith(name)),
    )


def _build_scenario(name: str, runs: tuple[MeasuredRun, ...]) -> AdvisedScenario:
    rows = [row for run in runs for row in advice.build_rows(run.report)]
    claims = [result.claim for run in runs for table in run.report.tables for result in table.advice]
    pieces = tuple(
        Advice(
            text,
            source,
            tuple(row for row in rows if (row.text, row.source) == (text, source)),
            tuple(dict.fromkeys(claim for claim in claims if (claim.text, claim.source) == (text, source))),
        )
        for text, source in dict.fromkeys((row.text, row.source) for row in rows)
    )
    return AdvisedScenario(name, rows[0].question if rows else "", pieces, runs)


def name_figure(number: int) -> str:
    """The file name of the figure of a run, numbered from 0."""
    return f"plot-{number + 1}.svg" if number else "plot.svg"


def render_pages(scenarios: Sequence[AdvisedScenario]) -> dict[str, str]:
    """Every page by its path: an index, and a folder for each scenario with a page for each piece of advice."""
    pages = {"index.md": _render_index(scenarios)}
    for scenario in scenarios:
        pages[f"{scenario.name}/index.md"] = _join(_render_scenario(scenario))
        for piece in scenario.advice:
            pages[f"{scenario.name}/{piece.slug}.md"] = _join(_render_advice(piece, scenario))
    return pages


def _render_index(scenarios: Sequence[AdvisedScenario]) -> str:
    lines = ["# Advice, page by page", "", "Each page is made from a saved run when this site is built.", ""]
    if not scenarios:
        return _join([*lines, NOTHING])
    for scenario in scenarios:
        lines += [f"- [{scenario.name}]({scenario.name}/index.md): {escape(scenario.question)}"]
        lines += [f"  - [“{escape(p.text)}”]({scenario.name}/{p.slug}.md)" for p in scenario.advice]
    toctree = [f"{scenario.name}/index" for scenario in scenarios]
    return _join([*lines, "", "```{toctree}", ":hidden:", "", *toctree, "```"])


def _render_scenario(scenario: AdvisedScenario) -> Iterator[str]:
    yield from (f"# {scenario.name}", "", escape(scenario.question), "")
    cells = [
        (f"[“{escape(piece.text)}”]({piece.slug}.md)", *map(escape, (row.about, row.verdict, row.measured)))
        for piece in scenario.advice
        for row in piece.rows
    ]
    yield from _render_table(SCENARIO_HEADS, cells)
    yield ""
    for number, run in enumerate(scenario.runs):
        if run.report.figures:
            yield from (f"![Ratios over the swept parameter]({name_figure(number)})", "")
    yield from ("## Every mode", "")
    for run in scenario.runs:
        yield from (_describe_source(run), "", "```text")
        yield terminal.render(run.report, width=TABLE_WIDTH).rstrip("\n")
        yield from ("```", "")
    yield from ("## On your own data", "", *_render_commands(scenario), "")
    yield from ("```{toctree}", ":hidden:", "", *(piece.slug for piece in scenario.advice), "```")


def _render_advice(piece: Advice, scenario: AdvisedScenario) -> Iterator[str]:
    yield from (f"# “{escape(piece.text)}”", "")
    yield f"Source: {escape(piece.source)}. Tested by [{scenario.name}](index.md): {escape(scenario.question)}"
    yield from ("", "## Does it hold?", "")
    cells = [tuple(map(escape, (row.about, row.verdict, row.measured, row.where, row.better))) for row in piece.rows]
    yield from _render_table(VERDICT_HEADS, cells)
    yield ""
    for run in scenario.runs:
        if any((text, source) == (piece.text, piece.source) for text, source, _ in run.values):
            yield from (_describe_source(run), "")
    yield from ("## What is compared", "")
    yield from _render_modes(piece, scenario)
    yield from ("## On your own data", "", *_render_commands(scenario))


def _render_modes(piece: Advice, scenario: AdvisedScenario) -> Iterator[str]:
    """The modes of the advice with their code: the discouraged, the advised, and those that are better than it."""
    docs = {
        mode.name: mode.doc
        for run in scenario.runs
        for described in run.report.run.scenarios
        for mode in described.modes
    }
    roles: dict[str, str] = {}
    for claim in piece.claims:
        for mode, role in (
            (claim.before, "compared with"),
            (claim.after, "advised"),
            (claim.better, "not in the advice"),
        ):
            if mode:
                roles.setdefault(mode, role)
    for mode, role in roles.items():
        yield f"**`{mode}`** ({role}){f': {escape(docs[mode])}' if docs.get(mode) else ''}"
        yield ""
        if source := read_mode_source(scenario.name, mode):
            yield from ("```python", source.rstrip("\n"), "```", "")


def _render_commands(scenario: AdvisedScenario) -> list[str]:
    """The command that repeats the measurement, and one on the reader's own data."""
    swept = " ".join(f"--sweep {name}={','.join(values)}" for name, values in _find_swept(scenario).items())
    lines = [f"perfbench run {scenario.name} --data my-market.bz2"]
    if swept:
        lines.append(f"perfbench run {scenario.name} --data my-market.bz2 {swept}")
    path = find_scenario(scenario.name)
    text = [f"The scenario is [{path.name}]({BLOB}{path.relative_to(ROOT).as_posix()})."] if path else []
    return ["```sh", *lines, f"perfbench scenarios {scenario.name}    # its modes and parameters", "```", "", *text]


def _find_swept(scenario: AdvisedScenario) -> Mapping[str, list[str]]:
    values: dict[str, dict[str, None]] = {}
    for table in (table for run in scenario.runs for table in run.report.tables):
        for name, value in table.parameters:
            values.setdefault(name, {})[f"{value:g}" if isinstance(value, float) else str(value)] = None
    return {name: list(each) for name, each in values.items() if len(each) > 1}


def _describe_source(run: MeasuredRun) -> str:
    """Where the numbers are from: the file with the raw samples, and the line about date and machine."""
    measured = advice.render_text(run.report).rstrip("\n").rpartition("\n")[2]
    path = f"results/{run.name}.json"
    return f"{escape(measured[:1].upper() + measured[1:])}; raw samples: [{path}]({BLOB}{path})."


def _render_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table of cells that are Markdown already; columns without any content are left out."""
    kept = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    yield "| " + " | ".join(heads[place] for place in kept) + " |"
    yield "|" + "---|" * len(kept)
    for row in rows:
        yield "| " + " | ".join(row[place] for place in kept) + " |"


def escape(text: str) -> str:
    """Text of a run that stays text in Markdown."""
    return markdown_text.escape_markdown(text)


def _join(lines: Sequence[str] | Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
