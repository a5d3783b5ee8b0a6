"""Every pair of input, command, modes, environments, scenarios, plan and output, in runs that are checked by invariants."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line
from support.crossings import (
    DIMENSIONS,
    SEVERAL,
    SIZES,
    Crossing,
    arguments_of,
    cover_all_pairs,
    is_expressible,
    pairs_of,
    refusal,
)
from support.forked_worker import fork_workers
from support.invariants import (
    SECONDS,
    Done,
    call,
    content_of,
    every_named_case_is_measured,
    every_named_thing_is_shown,
    exit_code_is_that_of_the_report,
    exports_have_what_the_table_shows,
    nothing_else_changed,
    rows_show_the_seconds_and_the_ratio_of_their_own_pairs,
    saved_run_is_shown_alike,
    seconds_of_every_sample_are_those_of_its_case,
    work_of_every_sample_is_that_of_its_own_file,
)

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import ExitCode
from perfbench.runner import plan

CROSSINGS, PAIRS = cover_all_pairs(DIMENSIONS, is_expressible)
SUFFIXES: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "gz": gzip.compress, "xz": lzma.compress}


# A folder of inputs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Market files in every packing, checkouts, and one cache of environments for all crossings."""
    folder = tmp_path_factory.mktemp("crossings")
    (folder / "inputs").mkdir()
    plain = {}
    for seed, (name, updates) in enumerate(SIZES.items(), start=5):
        write_market(Recipe(seed=seed, runners=3, updates=updates, bsp=True, in_play=True), folder / name)
        plain[name] = (folder / name).read_bytes()
    for kind in DIMENSIONS["files"]:
        make_input(folder / "inputs" / kind, kind, plain)
    for name, seconds in SECONDS.items():
        checkout(folder / name, f"{len(name)}.{len(name)}", f"SECONDS = {seconds}\n")
    names = [f'{name} = "{folder / name}"\n' for name in SECONDS]
    names += [f'{name} = "here"\n' for name in ("first", "second", "other")]
    (folder / "perfbench.toml").write_text("[environments]\n" + "".join(names))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFBENCH_CACHE", str(folder / "cache"))
        for name in [name for name in os.environ if name.startswith("PERFBENCH_") and name != "PERFBENCH_CACHE"]:
            patch.delenv(name)
        patch.delenv("COLUMNS", raising=False)
        patch.setattr(plan, "SOLO_PASSES", 1)  # more of the same would show nothing more
        fork_workers(patch)
        yield folder


def make_input(folder: Path, kind: str, plain: dict[str, bytes]) -> None:
    """The files of a kind of input, in a folder that a crossing starts with."""
    folder.mkdir()
    packing = kind.removeprefix("folder_")
    several = {name: plain[name] for name in SEVERAL}
    if kind in SUFFIXES:
        (folder / f"m90.{kind}").write_bytes(SUFFIXES[kind](plain["m90"]))
    elif kind in ("plain", "same_twice"):
        (folder / "m90").write_bytes(plain["m90"])
    elif kind in ("zip", "tar"):
        pack(folder / f"months.{kind}", several)
    elif kind == "two":
        for name, content in several.items():
            (folder / name).write_bytes(content)
    elif kind.startswith("folder"):
        (folder / "markets").mkdir()
        for name, content in several.items():
            if packing == "zip":
                pack(folder / "markets" / f"{name}.zip", {name: content})
            else:
                suffix = f".{packing}" if packing in SUFFIXES else ""
                packed = SUFFIXES[packing](content) if suffix else content
                (folder / "markets" / f"{name}{suffix}").write_bytes(packed)


def pack(path: Path, contents: dict[str, bytes]) -> None:
    """A .zip or .tar archive with these members."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def data_of(crossing: Crossing) -> tuple[str, ...]:
    """The values of ``--data``."""
    kind = crossing.files
    if kind in SUFFIXES:
        return (f"m90.{kind}",)
    if kind in ("zip", "tar"):
        return (f"months.{kind}",)
    if kind.startswith("folder"):
        return ("markets",)
    return {"plain": ("m90",), "same_twice": ("m90", "m90"), "two": ("m130", "m60"), "none": ()}[kind]


# One command ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crossing", [pytest.param(each, id=each.id) for each in CROSSINGS if not refusal(each)])
def test_crossing_keeps_every_invariant(crossing: Crossing, workshop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(workshop / "inputs" / crossing.files, folder)
    shutil.copy(workshop / "perfbench.toml", folder)
    before = content_of(folder)
    code, out, err = call(arguments_of(crossing, data_of(crossing), str(SCENARIOS)), folder, tmp_path / "tmp")
    assert "Traceback" not in err, err
    saved = folder / "results" / ("saved.profile.json" if crossing.command == "profile" else "saved.json")
    assert saved.is_file(), f"exit {code}\n{out}\n{err}"
    done = Done(crossing, code, out, err, folder, json.loads(saved.read_text(encoding="utf-8")))
    nothing_else_changed(done, before, tmp_path / "tmp")
    work_of_every_sample_is_that_of_its_own_file(done, workshop)
    seconds_of_every_sample_are_those_of_its_case(done)
    every_named_case_is_measured(done)
    every_named_thing_is_shown(done)
    exit_code_is_that_of_the_report(done)
    if crossing.command != "profile":
        rows_show_the_seconds_and_the_ratio_of_their_own_pairs(done)
        saved_run_is_shown_alike(done, tmp_path / "tmp")
        exports_have_what_the_table_shows(done)


@pytest.mark.parametrize("crossing", [pytest.param(each, id=each.id) for each in CROSSINGS if refusal(each)])
def test_refused_crossing_ends_with_one_line_and_leaves_nothing(
    crossing: Crossing, workshop: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(workshop / "inputs" / crossing.files, folder)
    shutil.copy(workshop / "perfbench.toml", folder)
    before = content_of(folder)
    code, out, err = call(arguments_of(crossing, data_of(crossing), str(SCENARIOS)), folder, tmp_path / "tmp")
    assert code == ExitCode.USAGE
    assert refusal(crossing) in one_line(err)
    assert out == ""
    assert content_of(folder) == before
    assert not (folder / "results").exists()


@pytest.mark.parametrize("command", ["run", "compare", "gate", "profile"])
def test_file_for_a_scenario_that_replays_none_is_refused(command: str, workshop: Path, tmp_path: Path) -> None:
    environments = "one" if command in ("run", "profile") else "two"
    crossing = Crossing(command, "plain", "one", environments, "flat", "plain", "terminal")
    folder = tmp_path / "work"
    shutil.copytree(workshop / "inputs" / "plain", folder)
    shutil.copy(workshop / "perfbench.toml", folder)
    code, out, err = call(arguments_of(crossing, ["m90"], str(SCENARIOS)), folder, tmp_path / "tmp")
    assert (code, out) == (ExitCode.USAGE, "")
    *building, message = err.splitlines()
    assert all(line.startswith("building ") for line in building), err
    assert message == "perfbench: --data m90: flat replays no market file"


def test_matrix_has_every_pair_of_values_that_can_be_typed() -> None:
    assert set(itertools.chain.from_iterable(map(pairs_of, CROSSINGS))) == PAIRS
    values = {(name, value) for name, values in DIMENSIONS.items() for value in values}
    assert set(itertools.chain.from_iterable(PAIRS)) == values
