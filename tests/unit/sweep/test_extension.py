"""What a sweep is extended by, on a made-up index and in a checkout, and which links are measured for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.extended_sweeps import measure, prepare_sweep, spec, sweep_settings
from support.releases import VERSIONS, checkout, commit  # noqa: F401 - fixtures
from support.runs import run

from perfbench.environments import package_index
from perfbench.errors import NotMeasured, UsageProblem
from perfbench.model import Run
from perfbench.sweep.extension import (
    RequestedRange,
    choose_rounds,
    plan_extension,
    require_extensible,
)
from perfbench.sweep.subject import resolve_commits


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index has the releases of ``horses`` of the other tests, and nothing is asked over a network."""
    monkeypatch.setattr(package_index, "list_releases", lambda _name: VERSIONS)


def swept(*releases: str, **changes: object) -> Run:
    return measure(prepare_sweep(sweep_settings(*releases, **changes), name="kept"), lambda _case, _release: 1.0)


def names(specs: tuple[str, ...]) -> list[str]:
    return [text.removeprefix("horses==") for text in specs]


# Releases -----------------------------------------------------------------------------------------------------------


def test_releases_after_the_last_one_are_added_and_linked_to_it() -> None:
    planned = plan_extension(swept("2.11.2", "2.12.0"), RequestedRange())
    assert names(planned.order) == ["2.11.2", "2.12.0", "2.12.1", "3.0.0"]
    assert names(planned.added) == ["2.12.1", "3.0.0"]
    assert planned.groups == ((spec("2.12.0"), spec("2.12.1"), spec("3.0.0")),)
    assert planned.last == "3.0.0"


def test_last_release_to_add_can_be_named_in_any_notation() -> None:
    planned = plan_extension(swept("2.10.0", "2.10.1"), RequestedRange(last="2.11"))
    assert names(planned.added) == ["2.10.2", "2.11.0"]


def test_only_the_last_release_of_each_minor_series_is_added_on_request() -> None:
    planned = plan_extension(swept("2.9.2", "2.10.0"), RequestedRange(every="minor"))
    assert names(planned.added) == ["2.10.2", "2.11.2", "2.12.1", "3.0.0"]


def test_releases_that_were_left_out_are_added_only_if_they_are_named() -> None:
    base = swept("2.10.0", "2.11.2", "3.0.0")
    assert plan_extension(base, RequestedRange()).added == ()
    planned = plan_extension(base, RequestedRange(first="2.10.2", last="2.12.0"))
    assert names(planned.order) == ["2.10.0", "2.10.2", "2.11.0", "2.11.2", "2.12.0", "3.0.0"]
    assert [names(group) for group in planned.groups] == [
        ["2.10.0", "2.10.2", "2.11.0", "2.11.2", "2.12.0", "3.0.0"],
    ]
    single = plan_extension(base, RequestedRange(first="2.12.0", last="2.12.0"))
    assert [names(group) for group in single.groups] == [["2.11.2", "2.12.0", "3.0.0"]]


def test_older_releases_are_linked_to_the_first_one() -> None:
    planned = plan_extension(swept("2.10.1", "2.10.2"), RequestedRange(first="2.9.2", last="2.10.2"))
    assert [names(group) for group in planned.groups] == [["2.9.2", "2.10.0", "2.10.1"]]
    assert planned.last == "2.10.2"


def test_links_at_both_ends_are_two_groups() -> None:
    planned = plan_extension(swept("2.10.0", "2.10.1", "2.10.2"), RequestedRange(first="2.9.2", last="2.11.0"))
    assert [names(group) for group in planned.groups] == [["2.9.2", "2.10.0"], ["2.10.2", "2.11.0"]]


def test_release_that_could_not_be_installed_is_passed_over_and_not_tried_again() -> None:
    prepared = prepare_sweep(
        sweep_settings("2.10.0", "2.10.1", "2.12.0"), unbuilt={"2.12.0": "no compiler"}, name="kept"
    )
    planned = plan_extension(measure(prepared, lambda _case, _release: 1.0), RequestedRange(last="2.12.1"))
    assert names(planned.added) == ["2.12.1"]
    assert [names(group) for group in planned.groups] == [["2.10.1", "2.12.1"]]


def test_anchor_and_the_neighbours_of_new_releases_are_measured_with_them() -> None:
    base = swept("2.10.0", "2.10.1", "2.10.2", links="anchor", anchor=spec("2.10.0"))
    planned = plan_extension(base, RequestedRange(last="2.11.2"))
    assert [names(group) for group in planned.groups] == [["2.10.0", "2.10.2", "2.11.0", "2.11.2"]]


def test_sweep_with_the_newest_release_has_nothing_new() -> None:
    planned = plan_extension(swept("2.12.1", "3.0.0"), RequestedRange())
    assert (planned.added, planned.groups, planned.last) == ((), (), "3.0.0")
    named = plan_extension(swept("2.12.0", "2.12.1"), RequestedRange(last="2.12.1"))
    assert (named.added, named.last) == ((), "2.12.1")


def test_last_release_may_have_been_withdrawn_from_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    base = swept("2.12.0", "2.12.1")
    monkeypatch.setattr(package_index, "list_releases", lambda _name: ("2.11.2", "2.12.0", "3.0.0"))
    assert names(plan_extension(base, RequestedRange()).added) == ["3.0.0"]


def test_new_releases_have_the_extras_and_other_requirements_of_the_sweep() -> None:
    base = swept("2.12.0", "2.12.1")
    specs = tuple(f"horses[speed]=={release} flumine==2.0 python==3.11" for release in ("2.12.0", "2.12.1"))
    base = replace(base, settings=replace(base.settings, environments=(specs,)))
    planned = plan_extension(base, RequestedRange(subject="Horses[speed]"))
    assert planned.added == ("horses[speed]==3.0.0 flumine==2.0 python==3.11",)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (RequestedRange(subject="zebras"), "kept is a sweep of horses, not of zebras"),
        (RequestedRange(subject="horses[speed]"), r"kept is a sweep of horses, not of horses\[speed\]"),
        (RequestedRange(subject="./horses"), "./horses: not the name of a package"),
        (RequestedRange(last="2.10.0"), "--to 2.10.0: kept goes up to 2.12.0"),
        (RequestedRange(last="9.9"), "--to 9.9: no such release"),
        (RequestedRange(first="x"), "--from x: not a version"),
        (RequestedRange(first="3.0.0", last="2.12.1"), "--from 3.0.0 must be older than --to 2.12.1"),
    ],
)
def test_invalid_range_is_refused(wanted: RequestedRange, complaint: str) -> None:
    with pytest.raises(UsageProblem, match=complaint):
        plan_extension(swept("2.11.2", "2.12.0"), wanted)


def test_run_that_is_no_finished_sweep_is_refused() -> None:
    with pytest.raises(UsageProblem, match="mine is not a sweep over releases or commits"):
        require_extensible(run([]), "mine")
    with pytest.raises(NotMeasured, match="mine is not finished") as caught:
        require_extensible(replace(swept("2.12.0", "2.12.1"), finished=False), "mine")
    assert "perfbench sweep --resume" in caught.value.hint
    here = swept("2.12.0", "2.12.1")
    here = replace(here, settings=replace(here.settings, environments=(("here", "./checkout"),)))
    with pytest.raises(UsageProblem, match="kept cannot be extended: here is not a release of a package"):
        plan_extension(here, RequestedRange())


def test_sweep_of_which_nothing_could_be_installed_cannot_be_extended() -> None:
    base = swept("2.12.0", "2.12.1")
    base = replace(base, unbuilt=((spec("2.12.0"), "no"), (spec("2.12.1"), "no")))
    with pytest.raises(NotMeasured, match="no release of kept could be measured"):
        plan_extension(base, RequestedRange())


@pytest.mark.parametrize(("rounds", "releases", "chosen"), [(17, 4, 17), (8, 4, 8), (3, 4, 7), (None, 4, None)])
def test_new_links_get_the_pairs_of_the_sweep_or_more_where_a_step_could_not_be_marked(
    rounds: int | None, releases: int, chosen: int | None
) -> None:
    base = swept("2.12.0", "2.12.1", rounds=rounds)
    planned = plan_extension(base, RequestedRange())
    assert len(planned.order) == releases - 1
    assert choose_rounds(base, planned) == chosen


# Commits ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(checkout: Path) -> tuple[Path, list[str], Callable[[int, int], Run]]:
    """A checkout with four commits, and a function that makes a sweep over some of them."""
    commits = [commit(checkout, str(number)) for number in range(4)]

    def sweep(first: int, last: int) -> Run:
        specs = resolve_commits(checkout, commits[first], commits[last], ("python==3.11",)).specs
        return replace(run([], environments=(specs,), links="neighbours", rounds=17), id="kept")

    return checkout, commits, sweep


History = tuple[Path, list[str], Callable[[int, int], Run]]


def hashes(specs: tuple[str, ...]) -> list[str]:
    return [text.split()[0].rpartition("@")[2] for text in specs]


def test_commits_after_the_last_one_up_to_head_are_added(history: History) -> None:
    _, commits, sweep = history
    planned = plan_extension(sweep(0, 1), RequestedRange())
    assert hashes(planned.order) == commits
    assert [hashes(group) for group in planned.groups] == [commits[1:]]
    assert all(text.endswith(" python==3.11") for text in planned.added)
    assert (planned.last, planned.moved) == (commits[3][:12], ())


def test_commits_can_be_named_and_may_be_older(history: History) -> None:
    _, commits, sweep = history
    assert hashes(plan_extension(sweep(0, 1), RequestedRange(last=commits[2])).added) == [commits[2]]
    planned = plan_extension(sweep(2, 3), RequestedRange(first="HEAD~3", last="HEAD~1"))
    assert hashes(planned.order) == commits
    assert [hashes(group) for group in planned.groups] == [commits[:3]]


def test_sweep_up_to_head_has_nothing_new(history: History) -> None:
    _, commits, sweep = history
    planned = plan_extension(sweep(1, 3), RequestedRange())
    assert (planned.added, planned.last) == ((), commits[3][:12])


def test_checkout_that_was_moved_is_named_and_its_earlier_commits_are_built_from_there(history: History) -> None:
    folder, commits, sweep = history
    base = sweep(0, 1)
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    with pytest.raises(UsageProblem, match="there is no such checkout here") as caught:
        plan_extension(base, RequestedRange())
    assert caught.value.hint == "name its folder: perfbench sweep FOLDER"
    planned = plan_extension(base, RequestedRange(subject=str(elsewhere)))
    assert planned.order[:2] == base.settings.environments[0]
    assert dict(planned.moved)[planned.order[1]] == planned.order[1].replace("my%20checkout", "elsewhere")
    assert "elsewhere@" + commits[2] in planned.added[0]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (RequestedRange(last="nowhere"), "nowhere: .* has no such commit"),
        (RequestedRange(last="HEAD~3"), "the last commit of kept, is not among the ancestors of HEAD~3"),
        (RequestedRange(first="HEAD~3", last="HEAD~2"), "not on one line with the commits of kept"),
        (RequestedRange(subject="nothing"), "kept is a sweep over commits, and nothing is not a folder"),
        (RequestedRange(subject="."), "not a git checkout"),
    ],
)
def test_commits_that_do_not_join_the_sweep_are_refused(
    history: History, wanted: RequestedRange, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, sweep = history
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblem, match=complaint):
        plan_extension(sweep(2, 3) if wanted.first else sweep(1, 2), wanted)
