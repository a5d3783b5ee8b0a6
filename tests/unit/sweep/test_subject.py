"""What a sweep goes through, on a package index of files, and a whole search with made-up pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.releases import checkout, commit, index  # noqa: F401 - fixtures
from support.sweeps import COSTS, FIXED, sweep

from perfbench.errors import UsageProblem
from perfbench.sweep.bisection import BisectEnd, BisectStep, CandidateResult, ComparisonRequest
from perfbench.sweep.steps import count_pairs_needed
from perfbench.sweep.subject import (
    SweepSubject,
    choose_rounds,
    evaluate_candidate,
    require_anchor,
    resolve_commits,
    resolve_releases,
    run_bisection,
)

SPECS = {name: f"horses=={name}" for name in COSTS}


def test_each_release_is_an_environment_with_the_extras_and_the_other_requirements(index: Path) -> None:
    swept = resolve_releases("horses[speed]", "2.11.0", "2.12.0", "release", ("flumine==2.0", "python==3.8"))
    assert swept.names == ("2.11.0", "2.11.2", "2.12.0")
    assert swept.specs[1] == "horses[speed]==2.11.2 flumine==2.0 python==3.8"
    assert resolve_releases("horses", "2.11.0", "2.12.0", "minor", ()).specs == (
        "horses==2.11.0",
        "horses==2.11.2",
        "horses==2.12.0",
    )


@pytest.mark.parametrize("package", ["horses==2.0", "horses>2", "horses @ https://example.org/x.whl"])
def test_a_package_with_a_version_is_refused(package: str) -> None:
    with pytest.raises(UsageProblem, match="write the name only, and the releases as --from and --to"):
        resolve_releases(package, "1", "2", "release", ())


def test_something_that_is_neither_a_package_nor_a_folder_is_refused() -> None:
    with pytest.raises(UsageProblem, match="neither the name of a package nor a folder"):
        resolve_releases("../nowhere", "1", "2", "release", ())


def test_each_commit_is_an_environment(checkout: Path) -> None:
    first, second = commit(checkout, "one"), commit(checkout, "two")
    swept = resolve_commits(checkout, first, "main", ("python==3.11",))
    assert swept.names == (first[:12], second[:12])
    assert swept.specs[1].endswith(f"my%20checkout@{second} python==3.11")


def test_an_anchor_must_be_among_what_is_swept() -> None:
    swept = SweepSubject("horses", ("2.10.0", "2.11.0"), ("", ""))
    require_anchor(swept, "2.10.0")
    require_anchor(swept, None)
    with pytest.raises(UsageProblem, match=r"--anchor 2\.12\.0: not among what is swept; did you mean"):
        require_anchor(swept, "2.12.0")


@pytest.mark.parametrize(("releases", "modes", "rounds"), [(2, 1, 17), (37, 2, 17), (3000, 9, 24)])
def test_default_rounds_suffice_for_a_significant_step(releases: int, modes: int, rounds: int) -> None:
    names = tuple(map(str, range(releases)))
    assert choose_rounds(SweepSubject("horses", names, names), modes) == rounds
    assert rounds >= count_pairs_needed((releases - 1) * modes)


def test_a_search_finds_the_release_that_became_slower() -> None:
    names = ("2.12.0", "2.19.1", "2.20.0", "2.23.2")
    costs = {"2.12.0": 1.0, "2.19.1": 1.0, "2.20.0": 1.13, "2.23.2": 1.12}
    heard: list[tuple[str, str, int]] = []

    def compare(asked: ComparisonRequest) -> CandidateResult:
        pairs = sweep(
            {asked.anchor: costs[asked.anchor], asked.candidate: costs[asked.candidate]}, modes=("light", "full")
        )
        return evaluate_candidate(asked, "full", pairs, SPECS, FIXED)

    def observe(judged: BisectStep, number: int) -> None:
        heard.append((judged.result.candidate, judged.status, number))

    outcome = run_bisection(names, compare, observe)
    assert (outcome.end, outcome.last_good, outcome.suspects) == (BisectEnd.FOUND, "2.19.1", ("2.20.0",))
    assert outcome.step == pytest.approx(1.13, rel=0.02)
    assert heard == [("2.23.2", "bad", 1), ("2.19.1", "good", 2), ("2.20.0", "bad", 3)]


def test_a_candidate_without_pairs_is_answered_with_its_reason() -> None:
    asked = ComparisonRequest("2.10.0", "2.10.1")
    both = sweep({"2.10.0": 1.0, "2.10.1": 0.8})
    assert evaluate_candidate(asked, "light", both, SPECS, FIXED).ratio == pytest.approx(0.8, rel=0.02)
    assert evaluate_candidate(asked, "light", both[:1], SPECS, FIXED).failure == "2.10.0 → 2.10.1: not measured"
    assert evaluate_candidate(asked, "other", both, SPECS, FIXED).failure == "not measured"
