"""Saved runs whose types are right and whose numbers are not; and a few seeded mutations of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from fuzz import saved_runs
from support.runs import measurement, run

from perfbench.errors import StorageProblem
from perfbench.results import storage

PAIR = [measurement(mode, [1.0, 2.0, 3.0], baseline=mode == "a") for mode in "ab"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("cpu_seconds", -1.0), ("cpu_seconds", 1e308), ("cpu_seconds", 5e-324), ("peak_rss_bytes", -1.0)],
)
def test_run_with_an_implausible_number_is_refused_in_a_line(tmp_path: Path, name: str, value: float) -> None:
    document = msgspec.to_builtins(run(PAIR))
    document["measurements"][1]["samples"][2]["metrics"][name] = value
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(document))
    with pytest.raises(StorageProblem) as error:
        storage.load_run(path)
    assert f"saved.json is damaged: made_up/b@here reports {value:g} for {name}" in str(error.value)


@pytest.mark.parametrize(
    ("work", "shown"), [(10**31, "1e+31"), (10**400, "a number of more than 308 digits"), (-(10**400), "a number of")]
)
def test_run_with_an_implausible_amount_of_work_is_refused_in_a_line(tmp_path: Path, work: int, shown: str) -> None:
    document = msgspec.to_builtins(run(PAIR))
    document["measurements"][1]["samples"][2]["work"] = work
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(document))
    with pytest.raises(StorageProblem) as error:
        storage.load_run(path)
    assert f"saved.json is damaged: made_up/b@here reports {shown}" in str(error.value)


def test_run_with_times_of_zero_and_numbers_of_any_sign_loads(tmp_path: Path) -> None:
    document = msgspec.to_builtins(run(PAIR))
    document["measurements"][0]["samples"][0]["metrics"]["wall_seconds"] = 0.0
    document["measurements"][0]["samples"][0]["numbers"] = {"profit": -12.5}
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(document))
    assert storage.load_run(path).measurements[0].samples[0].numbers == {"profit": -12.5}


@pytest.mark.parametrize("seed", range(3))
def test_mutated_run_is_shown_or_refused_in_a_line(seed: int) -> None:
    for data in saved_runs.generate(seed, 40):
        saved_runs.check(data)
