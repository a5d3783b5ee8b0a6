"""Commands without the packages of an extra: one line that names them and the extra, or the result without its plot."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from support.command_line import HERE, perfbench

from perfbench.cli import terminal_plots
from perfbench.util.extras import EXTRAS

RESULTS = HERE.parent / "results"
SCENARIOS = HERE / "data" / "scenarios"
NOTE = "note: plots left out: matplotlib and plotext not installed (pip install 'betfair-perfbench[plots]')\n"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation of the core alone."""
    find, optional = importlib.util.find_spec, {module for modules in EXTRAS.values() for module in modules}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name in optional else find(name, *more)
    )
    terminal_plots.omit_plots.cache_clear()


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(
    ("command", "needs", "extra"),
    [
        ("exchange", "perfbench exchange needs aiohttp and trustme, which are", "exchange"),
        ("profile", "perfbench profile needs memory_profiler and pyinstrument, which are", "profile"),
        ("profile --show nothing", "perfbench profile needs memory_profiler and pyinstrument, which are", "profile"),
        ("run --plot plot.svg", "--plot needs matplotlib, which is", "plots"),
        ("compare a b --plot plot.svg", "--plot needs matplotlib, which is", "plots"),
        ("sweep betfairlightweight --from 1 --to 2 --plot plot.svg", "--plot needs matplotlib, which is", "plots"),
        (f"show {RESULTS / 'reference-corpus.json'} --plot plot.svg", "--plot needs matplotlib, which is", "plots"),
        (f"show {RESULTS / 'reference-sweep.json'} --plot plot.svg", "--plot needs matplotlib, which is", "plots"),
        ("run --cluster local", "a cluster needs dask and distributed, which are", "cluster"),
        ("worker host:8786", "a cluster needs dask and distributed, which are", "cluster"),
    ],
)
def test_a_command_that_needs_an_extra_names_it_in_one_line(
    tmp_path: Path, command: str, needs: str, extra: str
) -> None:
    done = perfbench(*command.split(), folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"perfbench: {needs} not installed\nhint: pip install 'betfair-perfbench[{extra}]'\n"


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("command", ["exchange", "profile", "sweep", "calibrate", "run", "show"])
def test_the_help_of_every_command_needs_no_extra(tmp_path: Path, command: str) -> None:
    done = perfbench(command, "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "command",
    [
        ("show", RESULTS / "reference-sweep.json"),
        ("show", RESULTS / "reference-verdicts-calculation.json"),
        ("calibrate", "--show", RESULTS / "reference-calibration.json"),
    ],
    ids=lambda command: str(command[-1].stem),
)
def test_a_table_comes_without_its_plot_and_a_note_says_so_once(
    tmp_path: Path, request: pytest.FixtureRequest, command: tuple[object, ...]
) -> None:
    whole = perfbench(*command, folder=tmp_path)
    request.getfixturevalue("without")
    done = perfbench(*command, folder=tmp_path)
    assert done.returncode == whole.returncode
    assert done.stderr == NOTE + whole.stderr
    lines = done.stdout.splitlines()
    assert lines
    assert len(lines) < len(whole.stdout.splitlines())
    assert [line for line in lines if line not in whole.stdout.splitlines()] == []


@pytest.mark.usefixtures("without")
def test_a_url_needs_the_extra_remote(tmp_path: Path) -> None:
    done = perfbench("data", "describe", "s3://bucket/2025.tar", folder=tmp_path)
    assert done.returncode == 5
    assert "s3://bucket/2025.tar: a URL needs fsspec, which is not installed" in done.stdout + done.stderr
    assert "hint: pip install 'betfair-perfbench[remote]'" in done.stderr
