"""Changes of content between releases are undone as narrowly as can be, on releases of betfairlightweight from 1.10 on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.installation import Installed, digested, shown
from support.scenarios import scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.model import Change
from perfbench.runner import worker_process

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"))


def edited(lines: Path, target: Path, edit: Edit, first: int = 0) -> Path:
    """A copy of a stream file whose messages were edited from this line on."""
    messages = [json.loads(line) for line in lines.read_text().splitlines()]
    for message in messages[first:]:
        edit(message)
    target.write_text("".join(json.dumps(message) + "\n" for message in messages))
    return target


def reverse_runners(message: dict[str, Any]) -> None:
    message["mc"][0].get("rc", []).reverse()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market with SP bets whose runners come in another order than the definition has them."""
    folder = tmp_path_factory.mktemp("market")
    write_market(Recipe(seed=11, runners=8, updates=300, bsp=True, in_play=True, removal=True), folder / "generated")
    return edited(folder / "generated", folder / "reversed", reverse_runners)


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("event") / "event"
    write_market(Recipe(seed=13, runners=4, updates=150, markets=3), path)
    return path


def known_changes(installed: Installed) -> list[Change]:
    path = str(scenario_path("replay"))
    return [
        change
        for change in worker_process.describe_scenario_file(installed.release("2.24.0"), path).scenario.changes
        if not change.trait
    ]


CHANGED = {
    ("1.10.1", "1.10.2"): {"unique id"},
    ("1.10.4", "2.0.1"): {"unique id"},
    ("2.6.0", "2.7.0"): {"raw update"},
    ("2.8.0", "2.9.0"): {"snap"},
    ("2.11.2", "2.12.0"): {"runner order", "runners without prices", "SP sides", "order within the raw update"},
    ("2.12.0", "2.12.1"): {"total matched"},
}


@pytest.mark.parametrize(("before", "after"), CHANGED)
def test_each_announced_change_is_needed_and_all_together_explain_the_difference(
    installed: Installed, market: Path, before: str, after: str
) -> None:
    names = sorted({change.name for change in known_changes(installed) if change.release == after})
    assert set(names) == CHANGED[before, after]
    sets = [names, *([name for name in names if name != left_out] for left_out in names)]
    one, two = (digested(installed.release(version), "lightweight", market, sets) for version in (before, after))
    assert one.digest != two.digest
    assert one.undone[0] == two.undone[0]
    for left_out, a, b in zip(names, one.undone[1:], two.undone[1:], strict=True):
        assert a != b, f"{left_out} explains nothing"


@pytest.mark.parametrize("mode", ["lightweight", "full"])
def test_the_oldest_and_the_newest_release_agree_with_all_changes_undone(
    installed: Installed, market: Path, event: Path, mode: str
) -> None:
    names = [change.name for change in known_changes(installed) if change.package == "betfairlightweight"]
    for path in (market, event):
        one, two = (digested(installed.release(version), mode, path, [names]) for version in ("1.10.0", "2.24.0"))
        assert one.digest != two.digest
        assert one.undone == two.undone


@pytest.mark.parametrize("flumine", ["1.15.4", "1.17.8", "2.13.11"])
def test_the_patch_of_older_releases_of_flumine_can_be_applied(
    installed: Installed, market: Path, flumine: str
) -> None:
    where = installed.release("2.12.0", flumine)
    patched = digested(where, "patched", market)
    assert patched.digest == digested(where, "full", market).digest
    assert {package.name: package.version for package in patched.packages}["flumine"] == flumine


def of_runners(message: dict[str, Any], field: str) -> list[Any]:
    return [runner[field] for runner in message["mc"][0].get("rc", []) if runner.get(field)]


def sp_stake(message: dict[str, Any]) -> None:
    for prices in of_runners(message, "spb"):
        prices[-1][-1] = 77.77


def price(message: dict[str, Any]) -> None:
    for prices in of_runners(message, "atb"):
        prices[-1][0] = 999


def total(message: dict[str, Any]) -> None:
    message["mc"][0]["tv"] = 123.45


def other_runners_prices(message: dict[str, Any]) -> None:
    """Two runners swap their prices: the same books in another order, to which an undo that is too wide would be blind."""
    runners = message["mc"][0].get("rc", [])
    if len(runners) > 1:
        runners[0]["id"], runners[1]["id"] = runners[1]["id"], runners[0]["id"]


@pytest.mark.parametrize("edit", [sp_stake, price, total, other_runners_prices])
def test_undoing_does_not_hide_another_difference(
    installed: Installed, market: Path, tmp_path: Path, edit: Edit
) -> None:
    names = [change.name for change in known_changes(installed) if change.release in ("2.12.0", "2.12.1")]
    other = edited(market, tmp_path / "other", edit, first=3)
    assert other.read_text() != market.read_text()
    one = digested(installed.release("2.11.2"), "lightweight", market, [names])
    two = digested(installed.release("2.24.0"), "lightweight", other, [names])
    assert one.undone == digested(installed.release("2.24.0"), "lightweight", market, [names]).undone != two.undone


def test_the_sp_sides_of_the_newer_release_are_swapped_back_and_the_older_one_is_left_as_it_is(
    installed: Installed, market: Path
) -> None:
    def sp(version: str, *undone: str) -> dict[int, Any]:
        (book,) = shown(installed.release(version), "lightweight", market, 299, undone)
        return {runner["selectionid"]: runner["sp"] for runner in book["runners"]}

    old, new = sp("2.11.2"), sp("2.24.0")
    assert sp("2.24.0", "SP sides") == old == sp("2.11.2", "SP sides") != new
    for runner, prices in new.items():
        assert sorted(prices["layliabilitytaken"]) == old[runner]["backstaketaken"]
        assert prices["backstaketaken"] == old[runner]["layliabilitytaken"]


def test_the_claims_of_2_12_0_are_beside_the_scenario(installed: Installed) -> None:
    found = worker_process.describe_scenario_file(installed.release("2.24.0"), str(scenario_path("replay")))
    old, new = "@betfairlightweight==2.11.2", "@betfairlightweight==2.12.0"
    assert {(claim.before, claim.after): round(claim.ratio, 3) for claim in found.scenario.claims} == {
        ("lightweight" + old, "lightweight" + new): 2.288,
        ("full" + old, "full" + new): 3.389,
        ("patched" + old, "patched" + new): 2.776,
        ("lightweight" + old, "patched" + new): 1.371,
    }
