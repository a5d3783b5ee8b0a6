"""``--shard`` and ``perfbench merge``: shards joined in any order are the run that one machine would have made."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from support.command_line import one_line, perfbench
from support.surveys import count_pairs, find_places, load_document, strip_measured, survey_options, write_markets

from perfbench.report import build
from perfbench.report.formats import terminal
from perfbench.results import storage

ROUNDS = 7
NAMES = ("s1", "s2", "s3")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three shards of a survey, measured one after the other."""
    folder = tmp_path_factory.mktemp("shards")
    markets = write_markets(folder / "markets", 9)
    for part in (1, 2, 3):
        done = run(folder, markets, "--shard", f"{part}/3", "--save", f"s{part}")
        assert done.returncode == 0, done.stderr
        assert f"shard {part}/3: " in done.stdout
        assert "without a ratio of the corpus; `perfbench merge` joins the shards" in done.stdout
    return folder


@pytest.fixture
def folder(shards: Path, tmp_path: Path) -> Path:
    """A copy of the shards, to be changed."""
    shutil.copytree(shards / "results", tmp_path / "results")
    return tmp_path


def run(folder: Path, markets: Path, *options: str, rounds: int = ROUNDS) -> Any:
    return perfbench("run", *survey_options(markets, "--rounds", str(rounds), *options), folder=folder)


def change(folder: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit a saved run."""
    path = folder / "results" / f"{name}.json"
    document = load_document(path)
    edit(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_merged_shards_are_byte_identical_in_any_order(folder: Path) -> None:
    tables, documents = set(), set()
    for order in permutations(NAMES):
        done = perfbench("merge", *order, "--save", "whole", folder=folder)
        assert done.returncode == 0, done.stderr
        path = folder / "results" / "whole.json"
        tables.add(done.stdout)
        documents.add(path.read_bytes())
        path.unlink()
    assert len(tables) == len(documents) == 1
    assert "2.0x" in tables.pop()


def test_merged_shards_have_the_plan_and_the_table_of_the_run_without_shards(
    folder: Path, shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perfbench("merge", *NAMES, "--save", "whole", folder=folder)
    merged = load_document(folder / "results" / "whole.json")
    seed = merged["settings"]["seed"]

    class Chosen:
        def randrange(self, _most: int) -> int:
            return int(seed)

    monkeypatch.setattr(random, "SystemRandom", Chosen)
    done = run(folder, shards / "markets", "--save", "one")
    assert done.returncode == 0, done.stderr
    one = load_document(folder / "results" / "one.json")
    assert count_pairs(merged) == count_pairs(one)
    assert set(count_pairs(one).values()) == {1}
    assert merged["corpus"]["draws"] == one["corpus"]["draws"]
    shown = perfbench("show", "whole", folder=folder)
    assert strip_measured(shown.stdout) == strip_measured(done.stdout)


def test_each_draw_is_measured_by_one_shard_and_no_pair_is_split(folder: Path) -> None:
    owners: dict[str, str] = {}
    for name in NAMES:
        for _, _, pair in count_pairs(load_document(folder / "results" / f"{name}.json")):
            assert owners.setdefault(pair, name) == name
    perfbench("merge", *NAMES, "--save", "whole", folder=folder)
    merged = load_document(folder / "results" / "whole.json")
    assert {pair for _, _, pair in count_pairs(merged)} == owners.keys()
    assert all(len(places) == 1 for places in find_places(merged).values())


def test_missing_shards_are_named(folder: Path) -> None:
    done = perfbench("merge", "s2", folder=folder)
    assert done.returncode == 5
    assert one_line(done.stderr) == (
        "perfbench: shards are missing: 1/3, 3/3\n"
        "hint: name their runs too, or measure them with --shard and the same options"
    )
    assert not list((folder / "results").glob("2*.json"))


def test_same_shard_twice_is_refused(folder: Path) -> None:
    shutil.copy(folder / "results" / "s2.json", folder / "results" / "again.json")
    done = perfbench("merge", "s1", "s2", "again", "s3", folder=folder)
    assert done.returncode == 2
    assert one_line(done.stderr) == ("perfbench: again and s2 are both shard 2/3\nhint: leave one of them out")


def test_run_that_is_no_shard_is_refused(folder: Path) -> None:
    perfbench("merge", *NAMES, "--save", "whole", folder=folder)
    done = perfbench("merge", "whole", "s1", folder=folder)
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("perfbench: whole is not the run of a shard")


def set_digest(document: dict[str, Any]) -> None:
    document["corpus"]["digest"] = "0" * 64


def set_rounds(document: dict[str, Any]) -> None:
    document["settings"]["rounds"] = 8


def set_scenario(document: dict[str, Any]) -> None:
    document["scenarios"][0]["sha256"] = "0" * 64


def set_seed(document: dict[str, Any]) -> None:
    document["settings"]["seed"] += 1


def set_python(document: dict[str, Any]) -> None:
    document["environments"][0]["version"] = "3.8.0"


def set_import(document: dict[str, Any]) -> None:
    for measurement in document["measurements"]:
        measurement["packages"] = [{"name": "betfairlightweight", "version": "2.0", "file": ""}]


def set_perfbench(document: dict[str, Any]) -> None:
    document["perfbench"] = "0.0.1"


def set_parts(document: dict[str, Any]) -> None:
    document["settings"]["shard"] = [2, 4]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (set_digest, "s2 was measured with another corpus than s1"),
        (set_rounds, "s2 was measured with another --rounds than s1"),
        (set_scenario, "s2 was measured with other scenarios than s1"),
        (set_seed, "s2 was measured with another plan than s1"),
        (set_python, "s2 was measured with another Python or other packages than s1"),
        (set_import, "s2 was measured with another Python or other packages than s1"),
        (set_perfbench, "s2 was measured with another perfbench than s1"),
        (set_parts, "s1 is one of 3 shards, s2 one of 4"),
    ],
)
def test_shards_of_other_surveys_are_refused(folder: Path, edit: Callable[[dict[str, Any]], None], reason: str) -> None:
    change(folder, "s2", edit)
    done = perfbench("merge", *NAMES, folder=folder)
    assert done.returncode == 2
    assert one_line(done.stderr).startswith(f"perfbench: {reason}")


def test_two_shards_with_samples_of_one_batch_are_refused(folder: Path) -> None:
    first = load_document(folder / "results" / "s1.json")
    change(folder, "s2", lambda document: document.update(measurements=first["measurements"], corpus=first["corpus"]))
    done = perfbench("merge", *NAMES, folder=folder)
    assert done.returncode == 2
    assert "s1 and s2 both measured 1.9" in one_line(done.stderr)


def unfinished(folder: Path, name: str, lines: int) -> None:
    """Turn a saved shard into the journal that it would have been after so many results."""
    document = load_document(folder / "results" / f"{name}.json")
    results = list(list_results(document))
    document = {**document, "finished": False}
    document["corpus"] = {**document["corpus"], "opened": []}
    document["measurements"] = [
        {**m, "samples": [], "output": None, "packages": []}
        for m in document["measurements"]
        if m["case"]["data"] == document["corpus"]["name"]
    ]
    lines_of = [json.dumps(entry) for entry in (document, *results[:lines])]
    (folder / "results" / f"{name}.journal").write_text("\n".join([*lines_of, ""]), encoding="utf-8")
    (folder / "results" / f"{name}.json").unlink()


def list_results(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The results of a saved run, in the order of its cases."""
    for opened in document["corpus"]["opened"]:
        yield {"trial": f"open {opened['batch']}", "case": "", "opened": opened}
    for measurement in document["measurements"]:
        case = measurement["case"]
        case_id = f"{case['scenario']}/{case['mode']}@{case['environment']}#{case['data']}"
        if measurement["output"]:
            yield {"trial": f"check 0 {case_id}", "case": case_id, "output": measurement["output"]}
        for sample in measurement["samples"]:
            yield {
                "trial": sample["pair"], "case": case_id, "sample": sample, "packages": measurement["packages"],
            }  # fmt: skip


def test_unfinished_shard_is_joined_and_named(folder: Path) -> None:
    unfinished(folder, "s2", 9)
    done = perfbench("merge", *NAMES, "--save", "whole", folder=folder)
    assert done.returncode == 5
    assert "! shard 2/3 is not finished: resume it, and join again" in done.stdout
    assert load_document(folder / "results" / "whole.json")["finished"] is False


def test_results_in_any_order_give_the_same_table(folder: Path) -> None:
    """The journal of a cluster has its draws in the order in which they were finished."""
    perfbench("merge", *NAMES, "--save", "whole", folder=folder)
    unfinished(folder, "whole", 10_000)
    path = folder / "results" / "whole.journal"
    first, *results = path.read_text(encoding="utf-8").splitlines()
    chance = random.Random(5)
    tables = set()
    for _ in range(8):
        path.write_text("\n".join([first, *results, ""]), encoding="utf-8")
        report = build.build_report(storage.load_run(path), ())
        tables.add(terminal.render(report, width=200, color=False))
        chance.shuffle(results)
    assert len(tables) == 1
    assert "2.0x" in tables.pop()


def test_shards_of_different_machines_are_told_apart(folder: Path) -> None:
    def move(document: dict[str, Any]) -> None:
        document["machine"]["cpu"] = "Another CPU"

    change(folder, "s2", move)
    done = perfbench("merge", *NAMES, "--save", "whole", folder=folder)
    assert done.returncode == 0, done.stderr
    document = load_document(folder / "results" / "whole.json")
    names = [machine["name"] for machine in document["corpus"]["machines"]]
    assert len(names) == 2
    assert "Another CPU" in names
    assert all(len(places) == 1 for places in find_places(document).values())
    assert "Another CPU (Another CPU" in done.stdout


def test_seed_of_shards_comes_from_the_corpus_and_the_options(folder: Path, shards: Path, tmp_path: Path) -> None:
    seeds = {load_document(folder / "results" / f"{name}.json")["settings"]["seed"] for name in NAMES}
    assert len(seeds) == 1
    other = write_markets(tmp_path / "markets", 10)
    run(tmp_path, other, "--shard", "1/3", "--save", "other")
    assert load_document(tmp_path / "results" / "other.json")["settings"]["seed"] not in seeds


def test_shard_of_few_files_is_refused(tmp_path: Path) -> None:
    markets = write_markets(tmp_path / "markets", 2)
    done = run(tmp_path, markets, "--shard", "1/2")
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("perfbench: --shard divides the draws of a corpus")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/2/3"])
def test_malformed_shard_is_refused(tmp_path: Path, text: str) -> None:
    done = run(tmp_path, tmp_path, "--shard", text)
    assert done.returncode == 2
    assert "not a part" in one_line(done.stderr)
