"""The notebooks of docs/: they run from their first cell to the last, and draw the numbers of ``perfbench show``."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.command_line import HERE, perfbench

from perfbench import results
from perfbench.util import formatting

ROOT = HERE.parent
pytestmark = pytest.mark.timeout(900)  # a kernel starts slowly on a busy machine

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
PROBE = """
import json
print("PROBE", json.dumps({
    "faster": {mode: [bar.get_width(), error[0], error[1]] for mode, bar, error in zip(means["mode"], bars, zip(*errors))},
    "cases": cases[["data", "mode", "ratio", "low", "high"]].values.tolist(),
    "samples": len(samples), "seconds": float(samples.seconds.sum()),
    "whole": [whole.ratio, whole.low, whole.high],
    "parts": strata[["stratum", "part", "ratio", "low", "high"]].values.tolist(),
    "sweep": curve[curve.kind == "release"][["release", "mode", "ratio", "low", "high"]].values.tolist(),
    "figures": plt.get_fignums(),
}))
"""
"""Appended to the notebook: what it has drawn and loaded, read from its own variables and artists."""


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_saved_without_outputs(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert not [cell for cell in code if cell.outputs or cell.execution_count is not None]


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    """What the notebook of results has drawn, executed in a kernel of its own."""
    notebook = read(ROOT / "docs" / "notebooks" / "results.ipynb")
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))  # type: ignore[no-untyped-call]
    folder = {"metadata": {"path": str(ROOT / "docs" / "notebooks")}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
        NotebookClient(notebook, timeout=600, startup_timeout=300, kernel_name="python3", resources=folder).execute()
    texts = [output.text for output in notebook.cells[-1].outputs if output.output_type == "stream"]
    (line,) = [line for line in "".join(texts).splitlines() if line.startswith("PROBE ")]
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    return {
        **json.loads(line.removeprefix("PROBE ")),
        "html": [o.data["text/html"] for o in shown if "text/html" in o.data],
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, results.Run]:
    """The runs of the notebook as ``perfbench show --export json`` writes them."""
    folder = tmp_path_factory.mktemp("exported")
    for name in ("headline", "corpus", "sweep"):
        path = ROOT / "results" / f"reference-{name}.json"
        assert perfbench("show", path, "--export", f"json={name}.json", folder=folder).returncode == 0
    return {name: results.load(folder / f"{name}.json") for name in ("headline", "corpus", "sweep")}


@pytest.mark.essential
def test_headline_of_the_notebook_is_that_of_the_json_export_and_of_the_table(
    drawn: dict[str, Any], exported: dict[str, results.Run], tmp_path: Path
) -> None:
    rows = exported["headline"].comparisons()
    same_mode = [row for row in rows if row.mode == row.mode_before]
    assert drawn["cases"] == [[r.data, r.mode, r.ratio, r.low, r.high] for r in same_mode if r.kind == "case"]
    means = {row.mode: row for row in same_mode if row.kind == "mean"}
    assert set(drawn["faster"]) == set(means) == {"lightweight", "full", "patched"}
    text = perfbench("show", ROOT / "results" / "reference-headline.json", folder=tmp_path).stdout
    last = text.partition("geometric mean of 3 files")[2]
    for mode, (width, below, above) in drawn["faster"].items():
        row = means[mode]
        assert row.ratio is not None
        assert width == pytest.approx(1 / row.ratio)
        interval = formatting.format_interval(width - below, width + above)
        assert f"{formatting.format_factor(width, width - below, width + above)} ▲" in last
        assert interval in last
        assert math.isfinite(above)


def test_samples_of_the_notebook_are_those_of_the_json_export(
    drawn: dict[str, Any], exported: dict[str, results.Run]
) -> None:
    samples = exported["headline"].samples()
    assert drawn["samples"] == len(samples)
    assert drawn["seconds"] == pytest.approx(math.fsum(row.seconds or 0.0 for row in samples))


def test_corpus_and_sweep_of_the_notebook_are_those_of_the_json_export(
    drawn: dict[str, Any], exported: dict[str, results.Run]
) -> None:
    whole, *parts = exported["corpus"].comparisons()
    assert drawn["whole"] == [whole.ratio, whole.low, whole.high]
    assert drawn["parts"] == [[row.stratum, row.part, row.ratio, row.low, row.high] for row in parts]
    releases = [row for row in exported["sweep"].comparisons() if row.kind == "release"]
    assert drawn["sweep"] == [
        [row.environment.rpartition("==")[2], row.mode, row.ratio, row.low, row.high] for row in releases
    ]


def test_notebook_draws_three_figures_and_shows_the_tables_of_the_run(drawn: dict[str, Any]) -> None:
    assert len(drawn["figures"]) == 3
    assert any("geometric mean of 3 files" in text for text in drawn["html"])
