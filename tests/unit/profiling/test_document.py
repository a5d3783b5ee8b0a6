"""What is told of saved profiles beside their numbers: doubts, owners, callbacks, slow updates. On made-up ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import profiles as made_up_profiles
from support import runs as made_up_runs

from perfbench.datasets.updates import UpdatePosition
from perfbench.model import Case, Owner
from perfbench.profiling import compare, document, ownership, slow_updates, trust_warnings
from perfbench.profiling.document import ProfileDocument
from perfbench.profiling.model import Profile

CASE = Case("replay", "full", "here", "market")

STACKS = {
    "lib/a.py:read > json/decoder.py:decode": 0.3,
    "lib/a.py:read": 0.1,
    "lib/a.py:run > my.py:Mine.check > lib/tools.py:price": 0.2,
    "lib/a.py:run > my.py:Mine.check": 0.2,
    "lib/a.py:run > my.py:Mine.process > lib/orders.py:place": 0.1,
    "lib/a.py:run": 0.1,
}
OWNERS = (
    Owner("the user's strategy", ("user:*",)),
    Owner("decoding", ("json/*",)),
    Owner("orders", ("lib/orders.py:*",)),
)


@pytest.fixture
def found() -> Profile:
    kinds = {"my.py": "user", "json": "standard"}
    return made_up_profiles.profile(STACKS, kinds=kinds)


def test_every_second_has_one_owner_and_all_of_them_are_the_whole(found: Profile) -> None:
    shares = {part.owner: part.share for part in ownership.compute_owner_shares(found, OWNERS)}
    assert shares == pytest.approx(
        {"the user's strategy": 0.4, "decoding": 0.3, "orders": 0.1, "interpreter and the rest": 0.2}
    )


def test_a_callback_has_what_its_own_code_took_and_what_it_took_with_all_that_it_called(found: Profile) -> None:
    check, process = ownership.find_callbacks(found, OWNERS)
    assert (check.key, process.key) == ("my.py:Mine.check", "my.py:Mine.process")
    assert [check.alone, check.inclusive] == pytest.approx([0.4, 0.4])
    assert [process.alone, process.inclusive] == pytest.approx([0.0, 0.1])


def test_callbacks_require_code_of_the_user(found: Profile) -> None:
    assert ownership.find_callbacks(found, OWNERS[1:]) == ()


def with_pass(found: Profile, **changed: float | None) -> Profile:
    (one,) = found.passes
    return replace(found, passes=(replace(one, **changed),))  # type: ignore[arg-type]


def test_sides_of_a_comparison_are_one_mode_in_two_environments() -> None:
    assert document.is_same_mode(CASE, replace(CASE, environment="there"))
    assert not document.is_same_mode(CASE, replace(CASE, mode="lightweight"))
    assert not document.is_same_mode(CASE, replace(CASE, mode="lightweight", environment="there"))


def test_comparisons_of_one_environment_are_none_although_its_modes_are_paired() -> None:
    modes = [made_up_runs.measurement(mode, [1.0], baseline=mode == "full") for mode in ("full", "lightweight")]
    ids = tuple(measurement.case.id for measurement in modes)
    run = replace(made_up_runs.run(modes), duets=((ids[0], ids[1]),))
    assert document.pair_measurements(run) == ()
    assert compare.diff_sides(ProfileDocument(1, run)) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"samples": 12}, "only 12 samples"),
        (
            {"wall_seconds": 1.5},
            "profiled passes took 1.50 times their CPU seconds: the machine was busy, or they waited",
        ),
        (
            {"wall_seconds": 1.5, "queue_seconds": 0.25},
            "the machine was busy: profiled passes waited 0.250s for a core",
        ),
        ({"capped": 0.3}, "0.300s of a pass, in which its threads waited, were left out"),
        (
            {"unseen_seconds": 0.4},
            "0.400s of CPU in a pass were in other threads, which pyinstrument does not look into",
        ),
    ],
)
def test_unreliable_profile_has_warnings(found: Profile, changed: dict[str, float], said: str) -> None:
    assert trust_warnings.find_profile_warnings([found]) == ()
    (line,) = trust_warnings.find_profile_warnings([with_pass(found, **changed)])
    assert said in line


def test_pass_that_waits_gets_no_warning_of_a_busy_machine(found: Profile) -> None:
    assert trust_warnings.find_profile_warnings([with_pass(found, wall_seconds=9.0, queue_seconds=0.01)]) == ()


@pytest.mark.parametrize("queued", [None, 0.01])
def test_pass_that_waits_for_child_processes_says_so_and_nothing_of_a_busy_machine(
    found: Profile, queued: float | None
) -> None:
    waiting = with_pass(found, wall_seconds=9.0, child_seconds=0.75, queue_seconds=queued)
    (line,) = trust_warnings.find_profile_warnings([waiting])
    assert line.endswith("0.750s of CPU in a pass were in child processes, which pyinstrument does not look into")


def test_process_paused_by_py_spy_gets_no_warning_of_a_busy_machine(found: Profile) -> None:
    assert trust_warnings.find_profile_warnings([replace(with_pass(found, wall_seconds=1.5), profiler="pyspy")]) == ()


def test_different_pythons_or_profilers_on_the_sides_give_a_warning(found: Profile) -> None:
    lines = trust_warnings.find_profile_warnings([found, replace(found, python="3.8.18", profiler="cprofile")])
    assert lines[0].startswith("not the same Python on each side (3.11.2 and 3.8.18)")
    assert lines[1].startswith("not the same profiler")


def test_a_difference_is_the_median_before_and_the_paired_ratio_on_top() -> None:
    """What happened to both sides of a pair is in neither: 1, 2, 4 … seconds before, and a tenth more after."""
    before = [1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 2.0]
    found = compare.estimate_paired_difference(
        made_up_runs.measurement("full", before), made_up_runs.measurement("full", [1.1 * value for value in before])
    )
    assert [found.before, found.after, found.seconds] == pytest.approx([2.0, 2.2, 0.2])
    assert found.low == pytest.approx(0.2)
    assert found.clear


def test_a_difference_of_few_pairs_has_no_interval() -> None:
    found = compare.estimate_paired_difference(
        made_up_runs.measurement("full", [1.0] * 5), made_up_runs.measurement("full", [1.2] * 5)
    )
    assert found.seconds == pytest.approx(0.2)
    assert not found.clear


PLACES = tuple(
    UpdatePosition(
        line=2 + n,
        publish_time=1000 * n,
        markets=("1.1", "1.2") if n == 7 else ("1.1",),
        size_bytes=10,
        runners=1,
        definition=False,
    )
    for n in range(200)
)


def test_a_slow_update_is_one_that_is_slow_in_every_pass() -> None:
    """What the machine did to one pass is no spike."""
    passes = [[1000] * 200 for _ in range(3)]
    for one in passes:
        one[7] = 50_000
    passes[1][100] = 9_000_000
    told = slow_updates.find_slow_updates(CASE, passes, PLACES)
    assert told is not None
    assert [slow.number for slow in told.slowest][:1] == [7]
    assert told.slowest[0].place.line == 9
    assert told.slowest[0].seconds == pytest.approx(50e-6)
    assert told.typical == pytest.approx(1e-6)
    assert len(told.slowest) == 2


def test_an_update_of_two_markets_counts_for_both_by_half() -> None:
    told = slow_updates.find_slow_updates(CASE, [[1000] * 200], PLACES)
    assert told is not None
    assert {one.market: one.updates for one in told.markets} == {"1.1": 200, "1.2": 1}
    assert sum(one.seconds for one in told.markets) == pytest.approx(told.seconds)


def test_passes_of_another_number_of_updates_give_no_difference() -> None:
    assert slow_updates.find_slow_updates(CASE, [[1000] * 199], PLACES) is None
