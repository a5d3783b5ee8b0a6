"""The trajectory of a sweep in the terminal and as a file, read back as far as a test can see."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import one_line, variables
from support.special_files import Reader, is_fifo

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import Verdict
from perfbench.report.plots.axes import SweepChart, choose_log_ticks, compute_axis_limits
from perfbench.report.plots.plot_file import check_plot_path
from perfbench.report.plots.sweep import CAPTION, draw_chart, write_sweep_plot
from perfbench.report.plots.sweep_terminal import plot_chart
from perfbench.sweep.steps import ReleaseStep
from perfbench.sweep.trajectory import ModeTrajectory, SweepRelease, Trajectory, TrajectoryPoint

NAMES = [f"2.{minor}.{patch}" for minor in range(10, 22) for patch in range(3)]
MISSING = {"2.14.0", "2.14.1"}


def line(mode: str, costs: dict[str, float]) -> ModeTrajectory:
    """A mode with these costs from the given releases on; every change is a significant step."""
    points: list[TrajectoryPoint] = []
    level, last = 1.0, NAMES[0]
    for name in NAMES:
        if name in MISSING:
            points.append(TrajectoryPoint(name, None, None, 0.0, math.inf, None, "it does not build"))
            continue
        ratio = costs.get(name, level) / level
        level *= ratio
        verdict = Verdict.REGRESSED if ratio > 1 else Verdict.IMPROVED
        step = ReleaseStep(mode, last, name, ratio, ratio, ratio, 24, 0.0, True, ratio != 1, verdict)
        points.append(TrajectoryPoint(name, 1.0, level, level * 0.98, level * 1.02, step if name != NAMES[0] else None))
        last = name
    return ModeTrajectory(mode, NAMES[0], tuple(points))


LIGHT = line("lightweight", {"2.10.1": 0.82, "2.12.0": 0.36, "2.20.0": 0.385, "2.21.1": 0.36})
PATCHED = line("patched", {"2.10.1": 0.81, "2.12.0": 0.30, "2.20.0": 0.34, "2.21.1": 0.31})
RELEASES = tuple(SweepRelease(name, name, "it does not build" if name in MISSING else "") for name in NAMES)
CHART = SweepChart("replay · PRO", "CPU seconds", "a machine", Trajectory(RELEASES, (LIGHT, PATCHED)))
SIZES = {"−18.0 %", "−19.0 %", "2.3x faster", "2.7x faster", "+6.9 %", "+13.3 %", "−6.5 %", "−8.8 %"}


def chart(relative: list[float | None], mode: str = "light") -> SweepChart:
    points = tuple(TrajectoryPoint(str(n), 1.0, r, r or 0.0, r or math.inf, None) for n, r in enumerate(relative))
    releases = tuple(SweepRelease(point.release, point.release) for point in points)
    return SweepChart("t", "CPU seconds", "s", Trajectory(releases, (ModeTrajectory(mode, "0", points),)))


# The terminal -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_plot_in_the_terminal_is_plain_text_of_that_width(width: int) -> None:
    text = plot_chart(CHART, width, color=False)
    assert "\x1b" not in text
    picture = [row for row in text.splitlines() if "│" in row or "┤" in row]
    assert len(picture) == 19
    assert {len(row) for row in picture} == {min(max(width, 36), 160)}
    words = " ".join(text.split())
    assert "CPU seconds relative to 2.10.0" in words
    assert words.endswith("● lightweight ■ patched ▲ faster ▼ slower x not measured")
    assert sum(row.count("▲") for row in picture) >= 4  # those of both modes at 2.10.1 are nearly one
    assert sum(row.count("▼") for row in picture) == 2
    assert sum(row.count("x ") for row in picture) >= 1
    assert "2.10.0" in text


def test_the_sizes_of_the_steps_are_written_beside_them_where_there_is_room() -> None:
    text = plot_chart(CHART, 120, color=False)
    assert {size for size in SIZES if size in text} >= {"2.3x faster", "2.7x faster", "+6.9 %", "+13.3 %"}


def test_colour_appears_on_request_only_and_the_text_is_the_same() -> None:
    colored = plot_chart(CHART, 100, color=True)
    assert "\x1b[" in colored
    plain = "".join(part.partition("m")[2] if number else part for number, part in enumerate(colored.split("\x1b[")))
    assert plain == plot_chart(CHART, 100, color=False)


def test_a_course_stands_at_its_height() -> None:
    """A fall to a tenth: the first dot stands high, the last one low, at ticks that say so."""
    rows = plot_chart(chart([1.0, 1.0, 0.1]), 80, color=False).splitlines()
    (high,) = (row for row in rows if row.lstrip().startswith("1┤"))
    (low,) = (row for row in rows if row.lstrip().startswith("0.1┤"))
    assert high.count("●") == 2
    assert low.count("●") == 1
    assert rows.index(low) - rows.index(high) >= 10


@pytest.mark.parametrize("relative", [[1.0], [1.0, 1.0], [None], [None, None, 1.0], [1.0, 1e-6], [1.0, 1e6]])
def test_any_course_can_be_drawn(tmp_path: Path, relative: list[float | None]) -> None:
    assert plot_chart(chart(relative), 80, color=False).count("\n") > 20
    write_sweep_plot(chart(relative), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_foreign_names_command_neither_the_terminal_nor_matplotlib(tmp_path: Path) -> None:
    named = chart([1.0, 2.0], mode="a\x1b[31m$_{b$")
    named = replace(named, title="$x", source="$\\frac")
    assert "\x1b" not in plot_chart(named, 80, color=False)
    write_sweep_plot(named, tmp_path / "plot.svg")
    assert "$_{b$" in "".join(ET.parse(tmp_path / "plot.svg").getroot().itertext())


# The file -----------------------------------------------------------------------------------------------------------


def test_an_svg_holds_every_release_mode_and_size_as_text(tmp_path: Path) -> None:
    write_sweep_plot(CHART, tmp_path / "plot.svg")
    text = "\n".join(ET.parse(tmp_path / "plot.svg").getroot().itertext())
    words = {part.strip() for part in text.splitlines()}
    assert set(NAMES) | SIZES | {"lightweight", "patched", "not measured", "replay · PRO"} <= words
    assert {"CPU seconds relative to 2.10.0", f"{CAPTION} · a machine"} <= words


def test_the_same_course_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg", "one.png", "two.png"):
        write_sweep_plot(CHART, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_no_label_covers_another_and_all_stay_in_the_picture() -> None:
    figure = draw_chart(CHART)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert {text.get_text() for text in axes.texts} == SIZES
    assert not any(one.overlaps(two) for one, two in itertools.combinations(boxes, 2))
    ticks = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert not any(one.overlaps(two) for one, two in itertools.combinations(ticks, 2))
    inside = figure.bbox
    for box in [*boxes, *(label.get_window_extent() for label in axes.get_xticklabels())]:
        assert inside.contains(box.x0, box.y0)
        assert inside.contains(box.x1, box.y1)


def test_a_file_is_written_without_a_display_or_a_window_system(tmp_path: Path) -> None:
    code = "import sys, matplotlib; import perfbench.report.plots.sweep; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables(tmp_path), check=True
    )
    assert one_line(done.stdout) == "False"


def test_plot_path_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path, cause, hint in (
        (tmp_path / "plot.pdf", "unknown picture format", "write a name that ends in .png or .svg"),
        (tmp_path / "plot", "unknown picture format", "write a name that ends in .png or .svg"),
        (tmp_path / "no" / "plot.png", f"there is no folder {tmp_path / 'no'}", "name another file"),
        (tmp_path / "folder.png", "it is a folder", "name another file"),
    ):
        with pytest.raises(UsageProblem) as raised:
            check_plot_path(path)
        assert raised.value.lines == (f"--plot {path}: {cause}", f"hint: {hint}")
    check_plot_path(tmp_path / "plot.SVG")


def test_plot_that_cannot_be_written_names_its_option(tmp_path: Path) -> None:
    (tmp_path / "plot.png").mkdir()
    with pytest.raises(StorageProblem, match=r"plot\.png cannot be written") as raised:
        write_sweep_plot(CHART, tmp_path / "plot.png")
    assert raised.value.hint == "choose another --plot file"


def test_plot_over_a_link_or_a_pipe_is_written_into_it(tmp_path: Path) -> None:
    (tmp_path / "target.svg").write_text("old")
    (tmp_path / "link.svg").symlink_to("target.svg")
    reader = Reader(tmp_path / "pipe.svg")
    for name in ("plain.svg", "link.svg", "pipe.svg"):
        write_sweep_plot(CHART, tmp_path / name)
    plain = (tmp_path / "plain.svg").read_bytes()
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "target.svg").read_bytes() == plain
    assert is_fifo(tmp_path / "pipe.svg")
    assert reader.content() == plain


# The axis -----------------------------------------------------------------------------------------------------------


@given(st.floats(1e-4, 1e4), st.floats(1.15, 900))
def test_the_axis_has_round_ticks_and_not_too_many(low: float, span: float) -> None:
    ticks = choose_log_ticks(low, low * span)
    assert 2 <= len(ticks) <= 10
    assert ticks == sorted(set(ticks))
    assert all(low <= tick <= low * span for tick in ticks)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9))
def test_the_axis_holds_all_of_the_course_and_is_never_a_magnifying_glass(relative: list[float]) -> None:
    low, high = compute_axis_limits(chart(list(relative)).trajectory)
    assert low < min(relative) <= max(relative) < high
    assert high / low >= 1.149


def test_svg_marks_where_parts_of_a_sweep_meet_and_names_the_source_of_each(tmp_path: Path) -> None:
    points = chart([1.0, 1.1, 1.2]).trajectory.lines[0].points
    again = replace(points[1], again=3.0)
    parted = replace(
        chart([1.0, 1.1, 1.2]),
        source="old machine, then new machine",
        trajectory=Trajectory(
            tuple(SweepRelease(p.release, p.release) for p in points),
            (ModeTrajectory("light", "0", (points[0], again, points[2])),),
        ),
    )
    (axes,) = draw_chart(parted).axes
    dotted = [line for line in axes.get_lines() if line.get_linestyle() == ":"]
    assert [np.asarray(line.get_xdata())[0] for line in dotted] == [1]
    write_sweep_plot(parted, tmp_path / "plot.svg")
    text = "\n".join(ET.parse(tmp_path / "plot.svg").getroot().itertext())
    assert f"{CAPTION} · dotted: measured again, in another part of the sweep\n" in text
    assert "\nold machine\n" in text
    assert "\nthen new machine\n" in text
