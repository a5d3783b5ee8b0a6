"""Levers in a worker: the planted cause is proposed and applied, with the same orders, with three releases of flumine."""

from __future__ import annotations

import bz2
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.levers import FOLDER, list_lever_files
from uv import find_uv_bin

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.environments.interpreters import find_interpreters
from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import OutputDigest, PassMeasurement, Proposals, Ready, Request

HERE = Environment("here", sys.executable)
PROGRAMS = Path(__file__).resolve().parents[1] / "data" / "programs"
PLANTED = PROGRAMS / "planted"
RELEASES = ("1.17.8", "2.13.11", "3.3.2")

CAUSES = {
    "logging_to_file.py": "log_level",
    "latency_check.py:run": "max_latency",
    "slow_json.py:run": "speed_extra",
    "collecting_middleware.py": "no_simulated_middleware",
    "eleven_simulations.py": "together",
    "kept_books.py": "gc_threshold",
    "packed_files.py": "unpacked",
    "far_too_early.py": "seconds_to_start",
}
"""The planted programs, and the lever of each cause."""

THREE_SIMULATIONS = """
import logging
import sys

from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite

logging.getLogger().setLevel(logging.CRITICAL)

markets = sys.argv[1:] or ["data/1.123456789"]
for every in (20, 30, 40):
    framework = make_framework()
    framework.add_strategy(BackTheFavourite(**choose_markets(markets), context={"every": every}, **LIMITS))
    framework.run()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of three simulations, a market that is longer than what it needs of it, and the market compressed."""
    made = tmp_path_factory.mktemp("levers")
    for name in ("releases.py", "strategies.py"):
        shutil.copy(PROGRAMS / name, made)
    (made / "three.py").write_text(THREE_SIMULATIONS, encoding="utf-8")
    write_market(Recipe(seed=11, runners=6, updates=1500, bsp=True, in_play=True), made / "1.100000011")
    (made / "1.100000011.bz2").write_bytes(bz2.compress((made / "1.100000011").read_bytes()))
    return made


def start(
    task: str,
    program: object,
    market: Path | None,
    *levers: tuple[str, str],
    where: Environment = HERE,
    arguments: Sequence[object] = (),
) -> WorkerProcess:
    """A worker with a request about a program with these levers; ``propose`` asks all shipped ones."""
    chosen = [[str(FOLDER / f"{name}.py"), value] for name, value in levers]
    parameters = {"arguments": json.dumps(list(map(str, arguments))), "levers": json.dumps(chosen)}
    files = list(map(str, list_lever_files())) if task == "propose" else []
    path = None if market is None else str(market)
    return WorkerProcess(
        where, Request(task, str(program), "run", path, dict(parameters), files=files), hash_seed=0, timeout=200
    )


def propose(*arguments: Any, **more: Any) -> Proposals:
    with start("propose", *arguments, **more) as worker:
        answer = worker.expect(Proposals)
        worker.end()
    return answer


def digest(*arguments: Any, **more: Any) -> OutputDigest:
    with start("check", *arguments, **more) as worker:
        answer = worker.expect(OutputDigest)
        worker.end()
    return answer


def measure(*arguments: Any, **more: Any) -> PassMeasurement:
    with start("time", *arguments, **more) as worker:
        worker.expect(Ready)
        worker.go()
        answer = worker.expect(PassMeasurement)
        worker.end()
    return answer


@pytest.mark.parametrize("program", CAUSES)
def test_planted_cause_is_proposed_and_keeps_the_orders(folder: Path, program: str) -> None:
    packed = program == "packed_files.py"
    market = None if packed else folder / "1.100000011"
    arguments = [folder / "1.100000011.bz2"] if packed else []
    answer = propose(PLANTED / program, market, arguments=arguments)
    (proposal,) = [proposal for proposal in answer.proposals if proposal.lever == CAUSES[program]]
    assert proposal.kind in ("same", "less")
    plain = digest(PLANTED / program, market, arguments=arguments)
    if proposal.applies:
        applied = digest(PLANTED / program, market, (proposal.lever, proposal.value), arguments=arguments)
        assert applied.digest == plain.digest
        fewer = program in ("eleven_simulations.py", "far_too_early.py")
        assert (applied.updates < plain.updates) is fewer
    else:
        assert proposal.environment


def test_check_counts_the_books_that_strategies_process(folder: Path) -> None:
    market = folder / "1.100000011"
    plain = digest(PLANTED / "collecting_middleware.py", market)
    assert plain.handled
    fewer = digest(PLANTED / "collecting_middleware.py", market, ("seconds_to_start", "30"))
    assert fewer.handled is not None
    assert fewer.handled < plain.handled
    assert fewer.digest == plain.digest, "a program without orders has the same output"


def test_reader_whose_books_lack_fields_is_not_tried_where_no_order_shows_it(folder: Path) -> None:
    answer = propose(PLANTED / "collecting_middleware.py", folder / "1.100000011")
    assert [proposal.tried for proposal in answer.proposals if proposal.lever == "tickrush"] == [False]


def test_program_with_nothing_to_gain_is_offered_no_lever_on_its_updates(folder: Path) -> None:
    answer = propose(PLANTED / "nothing_to_gain.py", folder / "1.100000011")
    levers = {proposal.lever for proposal in answer.proposals if proposal.kind != "changes"}
    assert levers <= {"speed_extra", "python_malloc", "python_optimize", "python_jit", "preloaded_malloc", "tickrush"}


def test_all_applicable_levers_together_keep_the_orders(folder: Path) -> None:
    program, market = PLANTED / "eleven_simulations.py", folder / "1.100000011"
    proposals = propose(program, market).proposals
    chosen = [(each.lever, each.value) for each in proposals if each.kind != "changes" and each.applies]
    chosen = [(name, value) for name, value in chosen if name != "tickrush"]
    assert {name for name, _ in chosen} >= {"together"}
    assert digest(program, market, *chosen).digest == digest(program, market).digest
    assert measure(program, market, *chosen).work == measure(program, market).work / 11


def test_changing_lever_gives_other_orders(folder: Path) -> None:
    program, market = PLANTED / "eleven_simulations.py", folder / "1.100000011"
    assert digest(program, market, ("simulated_full_match", "")).digest != digest(program, market).digest


def test_lever_that_is_missing_or_broken_is_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("KIND = 'same'\nSOURCE = 'x'\n\ndef propose(noted):\n    return [1 / 0]\n")
    files = [str(tmp_path / "mine.py")]
    request = Request("propose", str(PLANTED / "far_too_early.py"), "run", str(folder / "1.100000011"), files=files)
    with WorkerProcess(HERE, request, hash_seed=0, timeout=100) as worker, pytest.raises(TrialFailed) as failed:
        worker.expect(Proposals)
    assert re.fullmatch(
        r"lever mine \(.*mine.py\): propose\(\) raises ZeroDivisionError: .* at line 5", str(failed.value)
    )


def test_scenario_file_has_no_levers(tmp_path: Path) -> None:
    (tmp_path / "scenario.py").write_text("from perfbench import mode\n\n@mode\ndef one():\n    return 1\n")
    request = Request("propose", str(tmp_path / "scenario.py"), "one", files=[])
    with (
        WorkerProcess(HERE, request, hash_seed=0, timeout=100) as worker,
        pytest.raises(TrialFailed, match="has no levers"),
    ):
        worker.expect(Proposals)


# Releases of flumine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Environment]:
    """An environment for every release of flumine."""
    oldest = [found.path for found in find_interpreters() if found.version.startswith("3.8.")]
    if not oldest:
        pytest.skip("no CPython 3.8 on this machine, which flumine 1.17.8 needs")
    root = tmp_path_factory.mktemp("releases")
    built = {}
    for release in RELEASES:
        python = root / release / "bin" / "python"
        base = oldest[0] if release.startswith("1.") else sys.executable
        _uv("venv", "--quiet", "--python", base, str(root / release))
        _uv("pip", "install", "--quiet", "--python", str(python), f"flumine=={release}")
        built[release] = Environment(release, str(python))
    return built


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [find_uv_bin(), *arguments], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    if re.search("error sending request|dns error|timed out|[Cc]onnect", done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("release", RELEASES)
def test_levers_keep_the_orders_with_every_release(
    folder: Path, releases: dict[str, Environment], release: str
) -> None:
    market, where = folder / "1.100000011", releases[release]
    answer = propose(folder / "three.py", market, where=where)
    values = {each.lever: each.value for each in answer.proposals if each.applies and each.kind != "changes"}
    assert values.keys() >= {"inplay", "together"}
    assert values["together"] == "3"
    values.update({"gc_off": "", "gc_freeze": "", "gc_threshold": "", "log_level": ""})
    plain = digest(folder / "three.py", market, where=where)
    for name in sorted(values.keys() - {"tickrush"}):
        applied = digest(folder / "three.py", market, (name, values[name]), where=where)
        assert applied.digest == plain.digest, name
        assert (applied.updates < plain.updates) is (name in ("inplay", "seconds_to_start", "together")), name


@pytest.mark.parametrize("release", RELEASES)
def test_changing_levers_can_be_applied_with_every_release(
    folder: Path, releases: dict[str, Environment], release: str
) -> None:
    market, where = folder / "1.100000011", releases[release]
    answer = propose(folder / "three.py", market, where=where)
    names = {each.lever for each in answer.proposals if each.kind == "changes"}
    assert names == ({"fewer_controls"} if release.startswith("1.") else {"fewer_controls", "simulated_full_match"})
    for name in names:
        assert digest(folder / "three.py", market, (name, ""), where=where).updates


@pytest.mark.parametrize("release", RELEASES[1:])
def test_packed_files_are_unpacked_with_releases_that_open_them(
    folder: Path, releases: dict[str, Environment], release: str
) -> None:
    where, packed = releases[release], [folder / "1.100000011.bz2"]
    (proposal,) = [
        each
        for each in propose(folder / "three.py", None, where=where, arguments=packed).proposals
        if each.lever == "unpacked"
    ]
    plain = digest(folder / "three.py", None, where=where, arguments=packed)
    applied = digest(folder / "three.py", None, ("unpacked", proposal.value), where=where, arguments=packed)
    assert applied.digest == plain.digest
