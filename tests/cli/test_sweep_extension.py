"""``perfbench sweep --extend``: real releases from a made-up index, measured by real workers, through the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import one_line, perfbench, variables
from support.package_index import Index

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.environments import cache
from perfbench.results import storage

SECONDS = {"1.0": 1.0, "1.1": 1.0, "1.2": 1.5, "1.3": 1.5, "1.4": 1.2, "1.5": 1.2}
"""What each release of ``engine`` takes in the mode ``plain``: 1.2 is slower, 1.4 repairs part of it."""

SCENARIO = f'''
"""Which engine is fast?"""

import time

import engine

from perfbench import Work, mode

SECONDS = {SECONDS!r}


@mode(baseline=True)
def plain():
    return Work(100, seconds=SECONDS[engine.__version__])


@mode
def steady():
    return Work(100, seconds=2.0)


@mode(group="slow")
def waits():
    time.sleep(0.05)
    return Work(100, seconds=SECONDS[engine.__version__])


@mode(group="files")
def reads(market):
    with open(market, "rb") as file:
        return Work(100, seconds=SECONDS[engine.__version__] * len(file.readlines()))
'''


class Project:
    """A folder with the scenario ``engines``, an index with releases of ``engine``, and the results of sweeps over them."""

    def __init__(self, folder: Path, *releases: str) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.index = Index(folder / "index")
        (folder / "engines.py").write_text(SCENARIO)
        for number, updates in enumerate((20, 40)):
            write_market(Recipe(seed=number, runners=3, updates=updates), folder / f"market{number}")
        self.publish(*releases)

    @property
    def env(self) -> dict[str, str]:
        """What makes the index the only one for pip and for uv."""
        return {
            "PIP_INDEX_URL": self.index.url,
            "PIP_CONFIG_FILE": os.devnull,
            "UV_DEFAULT_INDEX": self.index.url,
            "UV_CACHE_DIR": str(self.folder / "uv"),
        }

    def publish(self, *releases: str) -> None:
        for release in releases:
            self.index.wheel("engine", release)

    def sweep(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = perfbench("sweep", *arguments, folder=self.folder, env=self.env, timeout=300)
        assert "Traceback" not in done.stdout + done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def measure(self, first: str, last: str, *arguments: object, name: str = "kept") -> Path:
        scenario = ("--scenario", "engines.py", "--save", name, "--quiet")
        self.sweep("engine", "--from", first, "--to", last, *scenario, *arguments)
        return self.results / f"{name}.json"

    def document(self, name: str) -> Any:
        return json.loads((self.results / f"{name}.json").read_text())

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """A sweep in a process of its own, to be interrupted."""
        return subprocess.Popen(
            [sys.executable, "-m", "perfbench", "sweep", *map(str, arguments)],
            cwd=self.folder,
            env=variables(self.folder, **self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell ignores it in background jobs
        )

    def interrupt(self, process: subprocess.Popen[str], journal: str, lines: int) -> tuple[Path, str]:
        """Interrupt a sweep once its journal has this many lines: the journal, and what the sweep wrote to standard error."""
        path = self.results / f"{journal}.journal"
        while not (path.exists() and path.read_bytes().count(b"\n") >= lines):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 130, said
        return path, said


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    yield Project(tmp_path, "1.0", "1.1", "1.2")
    for key in list(cache._shared_locks):
        cache.release_shared_lock(key)


def pairs(document: Any) -> Counter[tuple[str, str]]:
    """The pairs of each case in each mode, by its release."""
    return Counter(
        {
            (m["case"]["mode"], m["case"]["environment"].removeprefix("engine==")): len(
                [sample for sample in m["samples"] if sample["kind"] == "duet"]
            )
            for m in document["measurements"]
        }
    )


def rows(table: str) -> list[str]:
    """The first words of the lines of a table, up to the remarks."""
    lines = table.splitlines()[2:]
    end = next(number for number, line in enumerate(lines) if line.lstrip()[:1] in "▲▼")
    return [line.split("  ")[1].strip() if line.startswith("  ") else line.split("  ")[0] for line in lines[:end]]


@pytest.mark.essential
def test_new_releases_are_measured_with_their_predecessors_and_join_the_sweep(project: Project) -> None:
    kept = project.measure("1.0", "1.2", "--mode", "plain", "--mode", "steady", "--rounds", "9")
    content = kept.read_bytes()
    project.publish("1.3", "1.4")
    done = project.sweep("--extend", "kept", "--save", "longer")
    assert kept.read_bytes() == content
    assert rows(done.stdout) == ["1.0", "1.1", "1.2", "1.2 again", "1.3", "1.4"]
    assert "▼ 1.1 → 1.2 plain: 1.50x slower" in done.stdout
    assert "▲ 1.3 → 1.4 plain: −20.0 %" in done.stdout
    assert "steady: " not in done.stdout
    assert "over all 8 steps together" in done.stdout
    assert "measured in 2 parts (1.0 → … → 1.2 on " in done.stdout
    assert "kept: 2 new releases, each measured with its neighbours" in done.stderr
    assert "saved in results/longer.json" in done.stderr
    new = {"1.0": 9, "1.1": 18, "1.2": 9, "1.2 (2)": 9, "1.3": 18, "1.4": 9}
    assert pairs(project.document("longer")) == {
        (mode, release): count for mode in ("plain", "steady") for release, count in new.items()
    }
    shown = perfbench("show", "longer", "--plot", "longer.png", folder=project.folder)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == done.stdout
    assert (project.folder / "longer.png").read_bytes().startswith(b"\x89PNG")


def test_sweep_with_all_releases_is_left_alone(project: Project) -> None:
    kept = project.measure("1.0", "1.2", "--rounds", "2")
    content, files = kept.read_bytes(), sorted(project.results.iterdir())
    for arguments in ((), ("--save", "other"), ("--save", "kept"), ("engine", "--to", "1.2", "--mode", "plain")):
        done = project.sweep("--extend", "kept", *arguments)
        assert done.stdout == "nothing new to measure: kept has every release up to 1.2\n"
        assert not done.stderr
    assert (kept.read_bytes(), sorted(project.results.iterdir())) == (content, files)


def test_own_name_replaces_the_sweep_when_everything_is_measured(project: Project) -> None:
    project.measure("1.1", "1.2", "--rounds", "2")
    project.publish("1.3")
    project.sweep("--extend", "kept", "--save", "kept", "--quiet")
    project.publish("1.4")
    project.sweep("--extend", "results/kept.json", "--save", "kept", "--rounds", "3", "--quiet")
    document = project.document("kept")
    assert [part["run"] for part in document["earlier"]] == ["kept", "kept"]
    assert [part["settings"]["rounds"] for part in document["earlier"]] == [2, 7]
    done = project.sweep("engine", "--extend", "kept", "--from", "1.0", "--to", "1.0", "--quiet")
    assert rows(done.stdout) == ["1.0", "1.1", "1.1 again", "1.2", "1.2 again", "1.3", "1.3 again", "1.4"]
    assert sorted(path.name for path in project.results.glob("kept*")) == ["kept.json"]
    assert len(list(project.results.glob("*.json"))) == 2


def test_name_of_another_run_is_refused_before_anything_is_measured(project: Project) -> None:
    project.measure("1.0", "1.1", "--rounds", "1")
    other = project.measure("1.1", "1.2", "--rounds", "1", name="other")
    content = other.read_bytes()
    done = project.sweep("--extend", "kept", "--save", "other", code=2)
    assert "results/other.json already exists\nhint: choose a different --save name" in done.stderr
    assert other.read_bytes() == content


def test_interrupted_extension_is_resumed_and_leaves_the_old_sweep_until_it_is_finished(project: Project) -> None:
    kept = project.measure("1.0", "1.2", "--mode", "waits", "--rounds", "12")
    content = kept.read_bytes()
    project.publish("1.3", "1.4")
    process = project.start("--extend", "kept", "--save", "kept", "--quiet")
    journal, said = project.interrupt(process, "kept", 12)
    assert "hint: perfbench sweep --resume goes on where it stopped" in said
    assert kept.read_bytes() == content
    before = storage.load_run(journal)
    done = project.sweep("--extend", "kept", "--save", "kept", code=2)
    assert "kept.journal is an extension of kept that was interrupted\nhint: resume it with" in one_line(done.stderr)
    project.publish("1.5")
    done = project.sweep("--resume", "--extend", "kept", "--timeout", "77", "--quiet")
    assert rows(done.stdout) == ["1.0", "1.1", "1.2", "1.2 again", "1.3", "1.4"]
    document = project.document("kept")
    assert pairs(document)["waits", "1.2 (2)"] == 12
    assert not journal.exists()
    assert (document["settings"]["timeout"], document["earlier"][0]["settings"]["timeout"]) == (77, 600)
    after = storage.load_run(kept)
    for measurement in before.measurements:
        measured = after.measurement(measurement.case.id)
        assert measured is not None
        assert measured.samples[: len(measurement.samples)] == measurement.samples


def test_two_market_files_have_a_line_each_and_must_be_the_same_ones(project: Project) -> None:
    data = ("--data", "market0", "--data", "market1")
    project.measure("1.0", "1.1", "--mode", "reads", "--rounds", "7", *data)
    (project.folder / "moved").mkdir()
    for name in ("market0", "market1"):
        (project.folder / name).rename(project.folder / "moved" / name)
    done = project.sweep("--extend", "kept", "--quiet", code=5)
    assert "market0" in one_line(done.stderr)
    moved = ("--data", "moved/market0", "--data", "moved/market1")
    done = project.sweep("--extend", "kept", *moved, "--save", "longer", "--quiet")
    assert "▼ 1.1 → 1.2 reads market0: 1.50x slower" in done.stdout
    assert "▼ 1.1 → 1.2 reads market1: 1.50x slower" in done.stdout
    assert "over all 4 steps together" in done.stdout
    (project.folder / "moved" / "market1").write_text((project.folder / "moved" / "market0").read_text())
    project.publish("1.3")
    done = project.sweep("--extend", "longer", *moved, code=5)
    assert "market file market1 is not what longer was measured with" in done.stderr.splitlines()[-2]
    assert done.stderr.splitlines()[-1] == "hint: name the same files: --data market0 --data market1"
    assert not list(project.results.glob("*.journal"))


def test_release_that_cannot_be_installed_is_a_row_of_the_extended_sweep(project: Project) -> None:
    project.measure("1.0", "1.1", "--rounds", "6")
    project.index.wheel("engine", "1.3", ("nowhere==1.0",))
    done = project.sweep("--extend", "kept", "--save", "longer", "--quiet", code=5)
    assert rows(done.stdout) == ["1.0", "1.1", "1.1 again", "1.2", "! 1.3"]
    assert "nowhere" in done.stdout
    project.publish("1.4")
    done = project.sweep("--extend", "longer", "--quiet")
    assert rows(done.stdout) == ["1.0", "1.1", "1.1 again", "1.2", "1.2 again", "! 1.3", "1.4"]


def test_anchored_sweep_is_extended_with_its_anchor(project: Project) -> None:
    project.measure("1.0", "1.1", "--rounds", "8", "--anchor", "1.0")
    done = project.sweep("--extend", "kept", "--save", "longer", "--quiet")
    assert rows(done.stdout) == ["1.0", "1.1", "1.1 again", "1.2"]
    assert "▼ 1.1 → 1.2 plain: 1.50x slower" in done.stdout
    assert pairs(project.document("longer")) == {
        ("plain", release): count
        for release, count in {"1.0": 8, "1.1": 8, "1.0 (2)": 16, "1.1 (2)": 8, "1.2": 8}.items()
    }


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--mode", "steady"), 2, "kept was measured with another --mode than this\nhint: leave out --mode"),
        (("--set", "n=1"), 2, "kept was measured with another --set than this"),
        (("--python", "3.99"), 2, "kept was measured with another --python than this"),
        (("--with", "other==1.0"), 2, "kept was measured with another --with than this"),
        (("--anchor", "1.0"), 2, "kept was measured with another --anchor than this"),
        (("--each",), 2, "kept was measured with another --each than this"),
        (
            ("--max-time", "9"),
            2,
            "kept was measured with a fixed number of pairs, and cannot be extended with --max-time",
        ),
        (("--bisect",), 2, "--bisect and --extend exclude each other"),
        (("zebra",), 2, "kept is a sweep of engine, not of zebra"),
        (("--to", "1.0"), 2, "--to 1.0: kept goes up to 1.1\nhint: add older releases with --from as well"),
        (("--to", "7.0"), 2, "--to 7.0: no such release"),
        (("--resume",), 5, "results holds no interrupted sweep to resume"),
        (("--save", "a/b"), 2, "--save must be a file name, not a path: a/b"),
        (("--", "argument"), 2, "kept was measured with other arguments after -- than these"),
    ],
)
def test_invalid_extension_is_reported_in_one_line(
    short: Project, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    done = short.sweep("--extend", "kept", *arguments, code=code)
    assert complaint in one_line(done.stderr)
    assert not done.stdout
    assert [path.name for path in short.results.iterdir()] == ["kept.json"]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a sweep of two of its three releases."""
    made = Project(tmp_path_factory.mktemp("short"), "1.0", "1.1", "1.2")
    made.measure("1.0", "1.1", "--rounds", "1")
    return made


def test_edited_scenario_and_a_run_that_is_no_finished_sweep_are_refused(project: Project) -> None:
    kept = project.measure("1.0", "1.1", "--rounds", "1")
    document = json.loads(kept.read_text())
    (project.results / "begun.json").write_text(json.dumps({**document, "finished": False}))
    done = project.sweep("--extend", "begun", code=5)
    assert "begun is not finished\nhint: finish it with perfbench sweep --resume" in one_line(done.stderr)
    plain = {**document, "settings": {**document["settings"], "links": ""}}
    (project.results / "plain.json").write_text(json.dumps(plain))
    done = project.sweep("--extend", "plain", code=2)
    assert "plain is not a sweep over releases or commits" in one_line(done.stderr)
    done = project.sweep("--extend", "nothing", code=5)
    assert "nothing: no such file, and no run of that name in results" in one_line(done.stderr)
    with (project.folder / "engines.py").open("a") as file:
        file.write("# edited\n")
    done = project.sweep("--extend", "kept", "--quiet", code=5)
    assert "scenario engines is not what kept was measured with\nhint: measure a new sweep" in one_line(done.stderr)


def test_sweep_with_a_time_limit_is_extended_with_a_time_limit(project: Project) -> None:
    project.measure("1.0", "1.1", "--max-time", "1")
    done = project.sweep("--extend", "kept", "--rounds", "3", code=2)
    assert "kept was measured with --max-time, and cannot be extended with --rounds" in one_line(done.stderr)
    project.sweep("--extend", "kept", "--max-time", "2", "--save", "longer", "--quiet")
    document = project.document("longer")
    assert (document["settings"]["max_time"], document["earlier"][0]["settings"]["max_time"]) == (2, 1)
