"""Where curves pass 1, what that is called, and the sweeps of the command line that draw them."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.command_line import HERE, measured, one_line, perfbench
from support.runs import measurement, run

from perfbench.model import Failure, Value, Verdict
from perfbench.report import build
from perfbench.report.figures import INCOMPLETE_TEXT, OUTPUT_DIFFERS_TEXT, UNAVAILABLE_TEXT
from perfbench.report.model import Figure, Report
from perfbench.report.plots.axes import choose_spaced_labels
from perfbench.report.plots.crossover import draw_figures
from perfbench.report.plots.crossover_terminal import plot_figure
from perfbench.report.tables.crossover import build_crossover_table
from perfbench.report.tables.crossover_text import describe_curve
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS
from perfbench.sweep.crossover import (
    DECISIVE_VERDICTS,
    Crossover,
    CurvePoint,
    RatioCurve,
    Segment,
    find_crossovers,
    find_segments,
)

SWEPT = "periods=5,64,1000"


def point(value: float, ratio: float | None, width: float = 0.03, problem: str = "") -> CurvePoint:
    """A ratio with an interval of so many per cent around it; without a ratio it was not measured."""
    if ratio is None:
        return CurvePoint(value, None, problem=problem)
    low, high = ratio * math.exp(-width), ratio * math.exp(width)
    return CurvePoint(value, ratio, low, high, STANDARD_BOUNDS.classify_ratio(low, high), problem)


def curve(*ratios: tuple[float, float | None], width: float = 0.03, name: str = "periods") -> RatioCurve:
    return RatioCurve("running", name, tuple(point(value, ratio, width) for value, ratio in ratios))


def figure(*curves: RatioCurve, parameter: str = "periods") -> Figure:
    return Figure("made_up", "PRO", "", (("key", "market"),), parameter, "cpu_seconds", "sum_each", curves)


# Crossings ----------------------------------------------------------------------------------------------------------


@given(
    st.floats(0.5, 2000),
    st.floats(0.2, 3) | st.floats(-3, -0.2),
    st.lists(st.integers(1, 5000), min_size=2, max_size=8, unique=True).map(sorted),
)
def test_a_straight_line_crosses_where_it_should_and_is_surely_faster_on_its_side(
    at: float, slope: float, values: Sequence[int]
) -> None:
    assume(min(abs(slope * math.log(value / at)) for value in values) > 0.04)
    line = curve(*((value, (value / at) ** slope) for value in values))
    found = find_crossovers(line)
    if not values[0] < at < values[-1]:
        assert found == ()
        faster = (at > values[0]) == (slope > 0)
        assert find_segments(line) == (
            Segment(Verdict.IMPROVED if faster else Verdict.REGRESSED, begin=None, end=None, untold=()),
        )
        return
    (only,) = found
    assert only.low is not None
    assert only.high is not None
    assert math.isclose(only.value, at, rel_tol=1e-6)
    assert math.isclose(only.low, at * math.exp(-0.03 / abs(slope)), rel_tol=1e-6)
    assert math.isclose(only.high, at * math.exp(0.03 / abs(slope)), rel_tol=1e-6)
    assert only.faster_after is (slope < 0)
    (improved,) = (segment for segment in find_segments(line) if segment.verdict is Verdict.IMPROVED)
    assert (improved.begin, improved.end) == ((only, None) if slope < 0 else (None, only))


@given(st.lists(st.tuples(st.floats(0.2, 5), st.floats(0.001, 0.6)), min_size=1, max_size=9))
def test_any_curve_has_its_crossovers_in_order_within_their_intervals_and_alternating_in_direction(
    drawn_points: list[tuple[float, float]],
) -> None:
    line = RatioCurve("m", "periods", tuple(point(2**n, ratio, width) for n, (ratio, width) in enumerate(drawn_points)))
    found = find_crossovers(line)
    for one in found:
        assert (one.low or 0) <= one.value * (1 + 1e-9)
        assert one.value <= (one.high or math.inf) * (1 + 1e-9)
    for one, other in itertools.pairwise(found):
        assert one.faster_after is not other.faster_after
        assert one.value <= other.value
    segments = find_segments(line)
    assert all(before.end is after.begin for before, after in itertools.pairwise(segments))
    for p in line.points:
        if p.verdict in DECISIVE_VERDICTS:
            around = [
                segment.verdict
                for segment in segments
                if _value(segment.begin, 0) <= p.value <= _value(segment.end, math.inf)
            ]
            assert p.verdict in around
    assert describe_curve(line)


def _value(end: Crossover | float | None, outside: float) -> float:
    return outside if end is None else end.value if isinstance(end, Crossover) else end


def test_noise_around_1_is_no_crossing() -> None:
    noise = curve((5, 0.99), (50, 1.02), (500, 0.98), (999, 1.01), width=0.05)
    assert find_crossovers(noise) == ()
    assert find_segments(noise) == ()
    assert describe_curve(noise) == "inconclusive"
    assert describe_curve(curve((5, 1.0), (500, 1.001), width=0.002)) == "no difference throughout 5–500 periods"


def test_noise_between_two_sure_points_is_one_crossing_whose_interval_holds_all_of_it() -> None:
    wavering = curve((5, 2.0), (10, 0.99), (20, 1.01), (40, 0.99), (80, 0.5), width=0.05)
    (only,) = find_crossovers(wavering)
    assert only.low is not None
    assert only.high is not None
    assert 5 < only.low < 10 < only.value < 40 < only.high < 80


def test_inconclusive_end_of_an_interval_is_open() -> None:
    (first,) = find_crossovers(curve((5, 1.02), (50, 0.6), width=0.05))
    assert first.low is None
    assert first.high is not None
    assert first.value < first.high
    (last,) = find_crossovers(curve((5, 2.0), (50, 0.98), width=0.05))
    assert last.high is None
    assert last.faster_after
    (segment,) = find_segments(curve((5, 2.0), (50, 0.98), width=0.05))
    assert (segment.verdict, segment.begin, segment.end) == (Verdict.REGRESSED, None, last)


def test_axis_that_contains_0_is_linear() -> None:
    (only,) = find_crossovers(curve((-5, math.e), (0, math.e), (5, 1 / math.e), width=0.1))
    assert only.value == pytest.approx(2.5)
    assert only.low == pytest.approx(2.25)
    assert only.high == pytest.approx(2.75)


def test_crossover_passes_over_points_that_were_not_measured() -> None:
    gap = curve((5, 2.0), (20, None), (80, 0.5), (200, None), (500, 0.4))
    (only,) = find_crossovers(gap)
    assert only.value == pytest.approx(20)
    assert find_segments(gap) == (
        Segment(Verdict.REGRESSED, None, only, ()),
        Segment(Verdict.IMPROVED, only, None, ()),
    )


def test_too_few_pairs_give_no_crossover() -> None:
    few = RatioCurve(
        "m", "periods", tuple(CurvePoint(n, 1 / n, 0.0, math.inf, Verdict.INCONCLUSIVE) for n in (1, 2, 4))
    )
    assert find_segments(few) == ()
    assert describe_curve(few) == "inconclusive"
    beside = RatioCurve("m", "periods", (CurvePoint(2, 1.5, 0.0, math.inf, Verdict.INCONCLUSIVE), point(8, 0.5)))
    (only,) = find_crossovers(beside)
    assert only.low is None
    assert only.high == pytest.approx(8)
    assert find_segments(beside) == (Segment(Verdict.IMPROVED, only, None, ()),)


# Words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (curve((5, 67 / 5), (50, 67 / 50), (500, 67 / 500), width=0.1), "faster from 67 periods on [61–74]"),
        (curve((5, 5 / 67), (50, 50 / 67), (500, 500 / 67), width=0.1), "faster up to 67 periods [61–74]"),
        (curve((5, 67 / 5), (50, 67 / 50), (500, 67 / 500), width=1e-3), "faster from 67 periods on"),
        (curve((5, 0.5), (999, 0.6)), "faster throughout 5–999 periods"),
        (curve((5, 1.5), (999, 1.6)), "slower throughout 5–999 periods"),
        (
            curve((5, 12 / 5), (64, 12 / 64), (340 * 4, 4.0), width=0.01),
            "faster from 12 to 341 periods [337–344]",
        ),
        (curve((5, 0.5), (20, 2.0), (80, 0.5)), "faster up to 10 periods [9.7–10] and from 40 periods on [39–41]"),
        (curve((5, 1.02), (50, 0.6), width=0.05), "faster from 5.4 periods on [before 5–6.8]"),
        (curve((5, 0.99), (50, 0.6), width=0.03), "faster from 5.5 periods on, inconclusive below 5.5"),
        (curve((5, 0.6), (50, 0.99), width=0.03), "faster up to 46 periods, inconclusive above 46"),
        (curve((5, 2.0), (50, 0.98), width=0.05), "slower up to 47 periods [40–beyond 50]"),
        (curve((5, 0.5), (50, 1.0), (500, 0.5)), "faster throughout 5–500 periods, inconclusive at 50"),
        (curve((5, None), (50, None)), "not measured"),
        (
            RatioCurve("m", "periods", (point(5, 2.0), point(50, 0.5, problem=OUTPUT_DIFFERS_TEXT))),
            "slower at 5 periods",
        ),
        (RatioCurve("m", "periods", (point(5, 0.5, problem=OUTPUT_DIFFERS_TEXT),)), "no comparable value"),
        (curve((5, None), (50, 0.5)), "faster at 50 periods"),
        (curve((0.5, 2.0), (2.0, 0.5), name="cost_us"), "faster from 1 cost_us on [0.97–1.03]"),
        (curve((1000, 2.0), (100_000, 0.5)), "faster from 10,000 periods on [9,050–11,000]"),
        (curve((-5, 0.5), (5, 0.6), name="shift"), "faster throughout -5 to 5 shift"),
    ],
)
def test_crossover_is_described_in_words(shown: RatioCurve, said: str) -> None:
    assert describe_curve(shown) == said


def test_the_table_has_the_ratio_at_every_value_and_names_what_is_wrong() -> None:
    shown = figure(
        RatioCurve("running", "periods", (point(5, 13.4), point(50, 1.34), point(500, 0.0134))),
        RatioCurve("other", "periods", (point(5, 0.5), point(50, 0.4, problem=OUTPUT_DIFFERS_TEXT), point(500, 0.3))),
        RatioCurve(
            "gone", "periods", (point(5, None, problem=UNAVAILABLE_TEXT), point(50, None, problem=INCOMPLETE_TEXT))
        ),
    )
    found = build_crossover_table(shown)
    title = "made_up · PRO · key market · over periods: CPU seconds relative to sum_each, below 1 is faster"
    assert found.title == title
    assert found.heads == ("mode", "periods 5", "50", "500", "crossover")
    assert found.rows[0][:4] == ("running", "13.4 ▼", "1.340 ▼", "0.0134 ▲")
    assert found.rows[1][:4] == ("! other", "0.500 ▲", "0.400 !", "0.300 ▲")
    assert found.rows[2] == ("! gone", "–", "–", "–", "not measured")
    assert found.below[:3] == (
        "! other, periods 50: the output differs",
        f"gone, periods 5: {UNAVAILABLE_TEXT}",
        f"! gone, periods 50: {INCOMPLETE_TEXT}",
    )


# Pictures -----------------------------------------------------------------------------------------------------------

VALUES = (5, 10, 20, 64, 150, 500, 1000)
RUNNING = curve(*((value, 67 / value) for value in VALUES), width=0.1)
CACHED = replace(curve(*((value, max(12 / value, value / 340)) for value in VALUES), width=0.1), mode="cached")


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_plot_in_the_terminal_has_dots_crosses_and_values_at_that_width(width: int) -> None:
    text = plot_figure(figure(RUNNING, CACHED), width, color=False)
    assert "\x1b" not in text
    picture = [row for row in text.splitlines() if "│" in row or "┤" in row]
    assert {len(row) for row in picture} == {min(max(width, 36), 160)}
    assert sum(row.count("╳") for row in picture) == 3
    assert re.search(r"\b67\b", "\n".join(picture))
    (one,) = (row for row in picture if row.lstrip().startswith("1┤"))
    assert one.count("╳") == 3
    words = " ".join(text.split())
    assert "key market · over periods: CPU seconds relative to sum_each, below 1 is faster" in words
    assert words.endswith("● running ■ cached ╳ as fast as sum_each")
    assert max(map(len, text.splitlines())) <= max(width, 36)
    assert "1,000" in text


def test_the_picture_has_a_panel_for_each_figure_and_no_text_covers_another() -> None:
    alike = [
        replace(figure(RUNNING, CACHED, replace(RUNNING, mode="the same again")), fixed=(("key", key),))
        for key in "abc"
    ]
    picture = draw_figures(alike, "a machine")
    picture.draw_without_rendering()
    assert len(picture.axes) == 3
    assert len({axes.get_ylim() for axes in picture.axes}) == 1
    for axes in picture.axes:
        texts = {text.get_text() for text in axes.texts}
        assert {"running", "cached", "the same again", "sum_each", "67 [61–74]", "340 [308–376]"} <= texts
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(one.overlaps(two) for one, two in itertools.combinations(boxes, 2))
        assert all(picture.bbox.contains(box.x0, box.y0) for box in boxes)
        assert all(picture.bbox.contains(box.x1, box.y1) for box in boxes)


@pytest.mark.parametrize(
    "shown",
    [
        figure(curve((5, 1.0), (6, None))),
        figure(curve((5, None), (6, 1e-9)), curve((5, 1e9), (6, None))),
        figure(curve((0, 2.0), (1, 0.5)), parameter="$_{b$\x1b[31m"),
        figure(RatioCurve("m", "p", tuple(CurvePoint(n, 1.0, 0.0, math.inf, Verdict.INCONCLUSIVE) for n in (1, 2)))),
    ],
)
def test_any_figure_can_be_drawn(shown: Figure) -> None:
    assert "\x1b" not in plot_figure(shown, 80, color=False)
    assert draw_figures([shown], "$\\frac").axes


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20, unique=True).map(sorted), st.floats(0.1, 60))
def test_axis_labels_keep_their_distance(places: list[float], distance: float) -> None:
    shown = choose_spaced_labels(places, distance)
    assert shown
    assert all(places[b] - places[a] >= distance for a, b in itertools.pairwise(shown))
    assert shown[-1] == len(places) - 1 or places[-1] - places[0] < distance


# Figures ------------------------------------------------------------------------------------------------------------


def report_of(*points: dict[str, Value], sweep: tuple[str, ...], failed: str = "") -> Report:
    """A report of runs at these parameters in which the mode costs 67 / periods of the baseline."""
    found = []
    for parameters in points:
        ratio = 67 / float(parameters.get("periods", 67))
        for mode, cost in (("sum_each", 1.0), ("running", ratio)):
            made = measurement(mode, [cost] * 8, baseline=mode == "sum_each")
            kept = replace(made, case=replace(made.case, parameters=tuple(parameters.items())))
            missing = failed == f"{mode} {parameters.get('periods')}"
            found.append(replace(kept, samples=(), failures=(Failure("check", "no"),)) if missing else kept)
    return build.build_report(run(found, rounds=8, sweep=tuple((name, ()) for name in sweep)), ())


def test_swept_parameter_with_most_values_is_the_axis_and_the_other_gets_a_figure_per_value() -> None:
    points = itertools.product((1.0, 2.0), (20, 100, 200), ("plain", "odd"))
    values: list[dict[str, Value]] = [{"cost": cost, "periods": n, "kind": kind} for cost, n, kind in points]
    found = report_of(*values, sweep=("cost", "kind", "periods")).figures
    assert [one.title for one in found] == [
        f"made_up · cost {cost} · kind {kind} · over periods" for cost in ("1.0", "2.0") for kind in ("plain", "odd")
    ]
    for one in found:
        assert list(one.values) == [20, 100, 200]
        assert [describe_curve(line) for line in one.curves] == ["faster from 67 periods on"]


def test_points_come_in_the_order_of_their_values_and_what_failed_has_no_ratio() -> None:
    points: list[dict[str, Value]] = [{"periods": n} for n in (200, 20, 100)]
    (one,) = report_of(*points, sweep=("periods",), failed="running 100").figures
    (line,) = one.curves
    assert [p.value for p in line.points] == [20, 100, 200]
    assert [p.problem for p in line.points] == ["", INCOMPLETE_TEXT, ""]
    assert [p.ratio is None for p in line.points] == [False, True, False]
    assert one.reference == "sum_each"
    assert one.ylabel == "CPU seconds relative to sum_each, below 1 is faster"


@pytest.mark.parametrize(
    "points",
    [
        [{"kind": "plain"}, {"kind": "odd"}],
        [{"extra": True}, {"extra": False}],
        [{"periods": 5}],
        [{"periods": 5}, {"periods": math.nan}],
        [{}],
    ],
)
def test_figure_requires_a_swept_number_of_two_values(points: list[dict[str, Value]]) -> None:
    assert report_of(*points, sweep=("kind", "extra", "periods")).figures == ()
    assert len(report_of({"periods": 5}, {"periods": 6}, sweep=()).figures) == 0


def test_tables_without_the_parameter_are_passed_over() -> None:
    points: list[dict[str, Value]] = [{"periods": 5}, {}, {"periods": 500}]
    (one,) = report_of(*points, sweep=("periods",)).figures
    assert one.values == (5, 500)


# The command line ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with a saved sweep, its picture, and what the command said."""
    folder = tmp_path_factory.mktemp("swept")
    options = ("--quick", "--rounds", 6, "--quiet", "--sweep", SWEPT, "--save", "swept", "--plot", "sweep.svg")
    return folder, measured("crosses", *options, folder=folder)


def rows_of(text: str) -> dict[str, str]:
    """The crossing of every mode in the table of a sweep, by its name."""
    table = text[text.index("crosses · over periods") :]
    found = re.findall(r"^  (\w+) .*?[▲▼=?–] {2,}([a-z][^▲▼\n]*)$", table, re.MULTILINE)
    return dict(found)


def test_sweep_reports_the_value_from_which_a_mode_is_faster(
    swept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = swept
    assert done.returncode == 0, done.stderr
    assert rows_of(done.stdout) == {
        "running": "faster from 67 periods on",
        "cached": "faster from 12 to 340 periods",
        "small_only": "slower throughout 5–64 periods",
    }
    assert "small_only, periods 1,000: not available here" in done.stdout
    assert re.search(r"running +13.4 ▼ +1.047 ▼ +0.067 ▲ +faster", done.stdout)


def test_plot_stands_below_its_table(swept: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = swept
    lines = done.stdout.splitlines()
    assert lines[-1] == "  ● running   ■ cached   ◆ small_only   ╳ as fast as sum_each"
    (one,) = (line for line in lines if line.lstrip().startswith("1┤"))
    assert one.count("╳") == 3


def test_the_picture_names_the_modes_the_crossings_and_the_axes(
    swept: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = swept
    words_in = {part.strip() for part in ET.parse(folder / "sweep.svg").getroot().itertext()}
    assert {"running", "cached", "small_only", "sum_each", "67", "12", "340", "periods"} <= words_in
    assert "reported seconds relative to sum_each, below 1 is faster" in words_in


def test_a_saved_sweep_is_shown_and_drawn_again(swept: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = swept
    options = ("--plot", "again.svg", "--export", "markdown=sweep.md")
    again = perfbench("show", "swept", *options, folder=folder)
    assert again.stdout == done.stdout
    assert (folder / "again.svg").read_bytes() == (folder / "sweep.svg").read_bytes()
    assert "| faster from 67 periods on |" in (folder / "sweep.md").read_text()
    picture = perfbench("show", "swept", "--plot", "again.png", folder=folder)
    assert picture.returncode == 0
    assert (folder / "again.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert (folder / "again.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--plot", "p.png"), "--plot needs a numeric sweep, such as --sweep periods=5,50,500"),
        (("--plot", "p.png", "--sweep", "kind=a,b"), "--plot needs a numeric sweep"),
        (("--plot", "p.png", "--sweep", "periods=5"), "--plot needs a numeric sweep"),
        (
            ("--plot", "p.pdf", "--sweep", SWEPT),
            "--plot p.pdf: unknown picture format\nhint: write a name that ends in .png or .svg",
        ),
        (("--plot", "no/p.png", "--sweep", SWEPT), "--plot no/p.png: there is no folder no"),
    ],
)
def test_impossible_plot_is_refused_before_anything_is_measured(
    tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    done = measured("crosses", *options, folder=tmp_path)
    assert done.returncode == 2
    assert complaint in one_line(done.stderr)
    assert not done.stdout
    assert not (tmp_path / "results").exists()


def test_a_run_that_swept_nothing_has_no_plot(tmp_path: Path) -> None:
    done = perfbench("show", HERE / "data" / "golden" / "run-schema-1.json", "--plot", "p.png", folder=tmp_path)
    assert done.returncode == 2
    assert "is no release sweep, no numeric parameter sweep and no corpus" in one_line(done.stderr)
    assert not done.stdout


def test_sweep_with_one_measured_value_has_no_plot_and_is_saved(tmp_path: Path) -> None:
    options = ("--quick", "--mode", "sum_each", "--sweep", "periods=5,50", "--plot", "p.png", "--save", "alone")
    done = measured("crosses", *options, folder=tmp_path)
    assert done.returncode == 5
    assert "there is nothing to draw" in one_line(done.stderr)
    assert (tmp_path / "results" / "alone.json").exists()
    assert not (tmp_path / "p.png").exists()
