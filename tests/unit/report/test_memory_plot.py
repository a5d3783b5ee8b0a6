"""Curves of memory as a picture and in the terminal, read back as far as a test can see."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import Case
from perfbench.profiling.memory.curve import MemoryCurve, MemoryMark
from perfbench.report.plots.memory import draw_curves, plot_in_terminal, write_memory_plot

MARKS = (MemoryMark("gc", 0.5), MemoryMark("in-play", 1.0), MemoryMark("gc", 1.5), MemoryMark("close", 1.9))
TIMES = tuple(number / 100 for number in range(200))


def curve(mode: str, slope: float, environment: str = "here", marks: tuple[MemoryMark, ...] = MARKS) -> MemoryCurve:
    rss = tuple(round(30e6 + slope * time) for time in TIMES)
    updates = tuple(1000 * time for time in TIMES)
    return MemoryCurve(
        Case("made_up", mode, environment, "PRO"), "updates", 2000, 2.0, TIMES, updates, rss, 29_000_000, marks=marks
    )


CURVES = (curve("keeps", 20e6), curve("forgets", 0.0))


def test_all_curves_share_labelled_axes() -> None:
    (axes,) = draw_curves(CURVES).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("seconds since the start of the pass", "resident memory, MB")
    lines = {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}
    assert list(lines) == ["keeps", "forgets"]
    assert np.asarray(lines["keeps"].get_ydata()).tolist()[:2] == [29.0, 30.0]


def test_the_legend_names_the_cases_and_the_marks_that_are_there() -> None:
    def names(*curves: MemoryCurve) -> list[str]:
        legend = draw_curves(curves).axes[0].get_legend()
        return [text.get_text() for text in legend.get_texts()] if legend else []

    assert names(*CURVES) == ["keeps", "forgets", "in-play", "market close", "full collection"]
    assert names(curve("keeps", 1.0, marks=())) == ["keeps"]
    assert names(*CURVES[:1], curve("keeps", 0.0, "old", ()))[:2] == ["keeps · here", "keeps · old"]


def test_marks_stand_on_their_curve() -> None:
    (axes,) = draw_curves(CURVES[:1]).axes
    points = [np.asarray(line.get_xydata()).tolist() for line in axes.lines]
    found = [tuple(point[0]) for point in points if len(point) == 1]
    assert found == [(1.0, 50.0), (1.9, 68.0)]


def test_the_lower_edge_has_a_tick_for_every_full_collection() -> None:
    (axes,) = draw_curves(CURVES[:1]).axes
    (ticks,) = axes.collections
    assert [np.asarray(path.vertices).tolist()[0][0] for path in ticks.get_paths()] == [0.5, 1.5]


def test_very_many_collections_are_thinned_out() -> None:
    many = tuple(MemoryMark("gc", number / 2000) for number in range(4000))
    (axes,) = draw_curves([curve("keeps", 1.0, marks=many)]).axes
    assert 200 < len(axes.collections[0].get_paths()) <= 400


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_curves_give_the_same_file(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        write_memory_plot(CURVES, tmp_path / f"{name}{suffix}", "a machine")
    content = (tmp_path / f"one{suffix}").read_bytes()
    assert content == (tmp_path / f"two{suffix}").read_bytes()
    assert (
        content.startswith(b"\x89PNG")
        if suffix == ".png"
        else "a machine" in "".join(ET.fromstring(content).itertext())
    )


def test_file_name_with_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as raised:
        write_memory_plot(CURVES, tmp_path / "memory.jpg")
    assert raised.value.hint == "write a name that ends in .png or .svg"


def test_picture_that_cannot_be_written_advises_another_results_folder(tmp_path: Path) -> None:
    (tmp_path / "memory.png").mkdir()
    with pytest.raises(StorageProblem) as raised:
        write_memory_plot(CURVES, tmp_path / "memory.png")
    assert raised.value.hint == "choose another --results folder"


def test_names_are_no_formulas_and_command_no_terminal(tmp_path: Path) -> None:
    evil = curve("$x$\x1b[31m", 1.0)
    write_memory_plot([evil], tmp_path / "evil.svg")
    assert "$x$\\x1b[31m" in (tmp_path / "evil.svg").read_text()
    assert "\x1b" not in plot_in_terminal([evil], 80, color=False)


def test_the_terminal_shows_the_curves_and_where_the_market_turns() -> None:
    text = plot_in_terminal(CURVES, 90, color=False)
    first, *_, last = text.splitlines()
    assert first == "  made_up · PRO: resident memory, MB, by seconds since the start of the pass"
    assert last == "  ● keeps   ■ forgets   ▲ in-play   ▼ close"
    assert max(map(len, text.splitlines())) <= 90
    assert text.count("▲") == 1 + len(CURVES)
    assert "\x1b" not in text
    assert "\x1b" in plot_in_terminal(CURVES, 90, color=True)


def test_a_legend_that_is_too_long_gets_a_line_for_each_case() -> None:
    cases = [
        replace(one, case=replace(one.case, environment=f"betfairlightweight==2.1{n}.0"))
        for n, one in enumerate(CURVES)
    ]
    assert [line.strip() for line in plot_in_terminal(cases, 70, color=False).splitlines()[-3:]] == [
        "● keeps · betfairlightweight==2.10.0",
        "■ forgets · betfairlightweight==2.11.0",
        "▲ in-play   ▼ close",
    ]
