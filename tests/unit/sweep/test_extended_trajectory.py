"""A sweep and what extends it as one run: its links, its trajectory, its false-positive rate, and what it says of its parts."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from support.extended_sweeps import (
    MARKETS,
    OTHER_MACHINE,
    SIGMA,
    extend,
    measure,
    plan_of,
    prepare_sweep,
    release_of,
    spec,
    sweep_settings,
)

from perfbench.cli.sweep_output import check_sweep_status
from perfbench.errors import NotMeasured, OutputsDiffer
from perfbench.model import Case, Failure, Run
from perfbench.report import build
from perfbench.report.formats import BINARY_FORMATS, list_formats, load_binary_renderer, load_renderer
from perfbench.report.sweep_result import read_trajectory
from perfbench.report.tables.comparison import SIDE_COLUMNS
from perfbench.report.tables.sweep import build_sweep_table, describe_sweep_parts
from perfbench.runner.extension import build_settings_again, extend_run, list_links, resume_extension
from perfbench.sweep import parts
from perfbench.sweep.steps import SamplingPlan, estimate_paired_step, mark_significant_steps
from perfbench.sweep.subject import read_subject
from perfbench.sweep.trajectory import Trajectory

COSTS = {"1.0": 1.0, "1.1": 0.8, "1.2": 0.8, "1.3": 0.88, "1.4": 0.5, "1.5": 0.5}


def here(_case: Case, release: str) -> float:
    return COSTS[release]


def three_times_slower(case: Case, release: str) -> float:
    return 3 * here(case, release)


def base(*releases: str, **changes: object) -> Run:
    prepared = prepare_sweep(sweep_settings(*releases, **changes), name="kept")
    return measure(prepared, here)


def trajectory(run: Run) -> Trajectory:
    return read_trajectory(run)[0]


def environments(run: Run) -> list[str]:
    return [m.case.environment.removeprefix("horses==") for m in run.measurements]


def names_of(duets: tuple[tuple[str, str], ...]) -> list[tuple[str, ...]]:
    return [tuple(case.partition("==")[2].partition("#")[0] for case in duet) for duet in duets]


# One run of both ----------------------------------------------------------------------------------------------------


def test_extended_sweep_holds_the_old_samples_as_they_were_and_the_new_links() -> None:
    short = base("1.0", "1.1", "1.2")
    longer = extend(short, plan_of(short, "1.0", "1.1", "1.2", "1.3", "1.4"), here, name="longer")
    assert longer.id == "longer"
    assert [longer.measurement(m.case.id) for m in short.measurements] == list(short.measurements)
    assert environments(longer) == ["1.0", "1.1", "1.2", "1.2 (2)", "1.3", "1.4"]
    assert names_of(longer.duets) == [("1.0", "1.1"), ("1.1", "1.2"), ("1.2 (2)", "1.3"), ("1.3", "1.4")]
    assert longer.settings.environments == (tuple(map(spec, ("1.0", "1.1", "1.2", "1.3", "1.4"))),)
    assert [part.run for part in longer.parts] == ["kept", "longer"]
    assert [names_of(part.duets) for part in longer.parts] == [
        [("1.0", "1.1"), ("1.1", "1.2")],
        [("1.2 (2)", "1.3"), ("1.3", "1.4")],
    ]
    assert longer.find_part(longer.measurements[0].case.id).run == "kept"
    assert longer.find_part(longer.measurements[3].case.id).run == "longer"
    assert msgspec.json.decode(msgspec.json.encode(longer), type=Run) == longer
    assert short.parts[0].duets == short.duets


def test_trajectory_is_the_product_of_links_whatever_the_speed_of_each_machine() -> None:
    short = base("1.0", "1.1", "1.2")
    longer = extend(short, plan_of(short, *list(COSTS)[:5]), three_times_slower, machine=OTHER_MACHINE)
    whole = base(*list(COSTS)[:5])
    (line,), (expected,) = trajectory(longer).lines, trajectory(whole).lines
    for point, other in zip(line.points, expected.points, strict=True):
        assert point.relative == pytest.approx(other.relative, rel=0.02)
        assert point.low <= COSTS[point.release] <= point.high
    neighbour, after = line.points[2], line.points[3]
    assert neighbour.seconds == pytest.approx(0.8, rel=0.02)
    assert neighbour.again == pytest.approx(2.4, rel=0.02)
    assert after.seconds == pytest.approx(3 * 0.88, rel=0.02)
    assert [point.again for point in line.points if point is not neighbour] == [None] * 4
    assert after.step is not None
    assert (after.step.before, after.step.pairs, after.step.paired) == ("1.2", 17, True)


def test_sweep_can_be_extended_again_at_both_ends_and_between() -> None:
    first = base("1.1", "1.3")
    second = extend(first, plan_of(first, "1.1", "1.3", "1.4"), here, name="second")
    third = extend(second, plan_of(second, "1.0", "1.1", "1.2", "1.3", "1.4", "1.5"), here, name="third")
    assert environments(third) == ["1.0", "1.1", "1.1 (2)", "1.2", "1.3", "1.3 (2)", "1.3 (3)", "1.4", "1.4 (2)", "1.5"]
    assert [part.run for part in third.parts] == ["kept", "second", "third"]
    assert names_of(third.parts[2].duets) == [
        ("1.0", "1.1 (2)"),
        ("1.1 (2)", "1.2"),
        ("1.2", "1.3 (3)"),
        ("1.4 (2)", "1.5"),
    ]
    (line,) = trajectory(third).lines
    steps = [point.step for point in line.points]
    assert [step and (step.before, step.after) for step in steps] == [None, *itertools.pairwise(COSTS)]
    for point in line.points:
        assert point.relative == pytest.approx(COSTS[point.release], rel=0.03)
    assert names_of(first.duets)[0] in names_of(third.duets)


def test_modes_and_market_files_have_lines_of_their_own() -> None:
    settings = sweep_settings("1.0", "1.1", modes=("light", "full"))

    def cost(case: Case, release: str) -> float:
        return COSTS[release] * {"one": 1.0, "two": 10.0}[case.data] * {"light": 1.0, "full": 5.0}[case.mode]

    short = measure(prepare_sweep(settings, markets=MARKETS, name="kept"), cost)
    longer = extend(short, plan_of(short, "1.0", "1.1", "1.2", "1.3"), cost)
    whole = trajectory(longer)
    assert [line.mode for line in whole.lines] == ["light one", "full one", "light two", "full two"]
    assert [line.points[3].seconds for line in whole.lines] == pytest.approx([0.88, 4.4, 8.8, 44], rel=0.03)
    assert len(whole.steps) == 12
    for line in whole.lines:
        assert line.points[3].relative == pytest.approx(0.88, rel=0.03)
    assert [m.case.data for m in longer.measurements] == ["one"] * 10 + ["two"] * 10


def test_release_that_cannot_be_installed_is_a_row_and_the_link_spans_it() -> None:
    short = base("1.0", "1.1")
    planned = plan_of(short, "1.0", "1.1", "1.2", "1.3")
    longer = extend(short, planned, here, unbuilt={"1.2": "horses==1.2: no compiler"})
    (line,) = trajectory(longer).lines
    assert line.points[2].problem == "horses==1.2: no compiler"
    assert line.points[3].step is not None
    assert line.points[3].step.before == "1.1"
    assert line.points[3].relative == pytest.approx(0.88, rel=0.02)
    again = extend(longer, plan_of(longer, *list(COSTS)[:5]), here)
    assert names_of(again.parts[2].duets) == [("1.3 (2)", "1.4")]


def test_link_between_old_releases_is_not_measured_again_if_nothing_between_them_can_be_installed() -> None:
    short = base("1.0", "1.2")
    planned = plan_of(short, "1.0", "1.1", "1.2", "1.3")
    longer = extend(short, planned, here, unbuilt={"1.1": "no compiler"})
    assert names_of(longer.parts[1].duets) == [("1.2 (2)", "1.3")]
    assert environments(longer) == ["1.0", "1.2", "1.2 (2)", "1.3"]


# What must agree ----------------------------------------------------------------------------------------------------


def test_other_scenario_market_or_a_neighbour_that_is_gone_is_refused() -> None:
    short = base("1.0", "1.1")
    planned = plan_of(short, "1.0", "1.1", "1.2")
    prepared = prepare_sweep(replace(short.settings, environments=planned.groups))
    edited = replace(prepared.run, scenarios=(replace(prepared.run.scenarios[0], sha256="6" * 64),))
    with pytest.raises(NotMeasured, match="scenario replay is not what kept was measured with") as caught:
        extend_run(short, replace(prepared, run=edited), planned.order, None)
    assert caught.value.hint.startswith("measure a new sweep")
    for data in ((replace(MARKETS[0], sha256="9" * 64),), MARKETS, (MARKETS[1],), ()):
        with pytest.raises(NotMeasured, match=r"market file (one|two) is not what kept was measured with") as caught:
            extend_run(short, replace(prepared, run=replace(prepared.run, data=data)), planned.order, None)
        assert caught.value.hint == "name the same files: --data one"
    gone = replace(prepared, run=replace(prepared.run, unbuilt=((spec("1.1"), "it was withdrawn"),)))
    with pytest.raises(NotMeasured, match=r"1\.1 cannot be built again, .* compared with it: it was withdrawn"):
        extend_run(short, gone, planned.order, None)


def test_extension_without_any_release_that_can_be_installed_is_not_measured() -> None:
    short = base("1.0", "1.2")
    planned = plan_of(short, "1.0", "1.1", "1.2")
    with pytest.raises(NotMeasured, match="no compiler"):
        extend(short, planned, here, unbuilt={"1.1": "no compiler"})


def test_interrupted_extension_is_prepared_again_with_its_new_links_only() -> None:
    short = base("1.0", "1.1", "1.2")
    planned = plan_of(short, *list(COSTS)[:5])
    made = replace(short.settings, environments=planned.groups)
    header = extend_run(short, prepare_sweep(made), planned.order, None).run
    again = build_settings_again(header)
    assert again.environments == ((spec("1.2"), spec("1.3")), (spec("1.3"), spec("1.4")))
    resumed = resume_extension(header, prepare_sweep(again))
    tables = [table.duets[0] for table in resumed.tables]
    assert [(before.id, after.id) for before, after in tables] == list(header.parts[1].duets)
    assert sorted(e.name for e in resumed.run.environments) == sorted(e.name for e in header.environments)
    assert list_links(header, header.duets) == [(spec(a), spec(b)) for a, b in itertools.pairwise(list(COSTS)[:5])]


# False marks --------------------------------------------------------------------------------------------------------


def test_unchanged_code_has_a_false_step_in_at_most_one_of_twenty_extended_sweeps() -> None:
    """200 sweeps of 6 steps, extended by 4 and by 3, 17 pairs each; each step at 5 % would alarm in half of them."""
    names = [str(number) for number in range(14)]
    plan = SamplingPlan(rounds=17)
    alarms = naive = 0
    for seed in range(200):
        steps = [
            estimate_paired_step("m", *link, np.random.default_rng((seed, k)).normal(0, SIGMA, 17).tolist(), plan)
            for k, link in enumerate(itertools.pairwise(names))
        ]
        alarms += any(step.significant for step in mark_significant_steps(steps).values())
        naive += any(not step.low <= 1 <= step.high for step in steps)
    assert alarms / 200 <= 0.05
    assert naive / 200 >= 0.3


def test_links_of_all_parts_share_the_error_rate() -> None:
    """8 pairs of one sign have p = 1/128: enough among 6 links, not among 7."""
    short = base("1.0", "1.1", rounds=8)
    assert [step.significant for step in trajectory(short).steps] == [True]
    releases = [f"1.{number}" for number in range(8)]
    same = {**dict.fromkeys(releases, 0.8), "1.0": 1.0}

    def cost(case: Case, release: str) -> float:
        return same[release]

    six = extend(short, plan_of(short, *releases[:7]), cost)
    seven = extend(six, plan_of(six, *releases), cost)
    assert [step.significant for step in trajectory(six).steps] == [True, *[False] * 5]
    assert [step.significant for step in trajectory(seven).steps] == [False] * 7
    table = build_sweep_table(*read_trajectory(seven), "t", "m", "s")
    assert "warning: 8 pairs are too few to mark a step among 7: it takes 9" in table.below
    assert any("over all 7 steps together" in line for line in table.below)


def test_machine_on_which_everything_but_the_anchor_is_slower_makes_no_step() -> None:
    """With an anchor the steps of new releases come from pairs of their own part, also the step from the last old one."""
    flat = dict.fromkeys(COSTS, 1.0)

    def other(case: Case, release: str) -> float:
        return flat[release] * (1.0 if release == "1.0" else 1.5)

    def cost(case: Case, release: str) -> float:
        return flat[release]

    prepared = prepare_sweep(sweep_settings("1.0", "1.1", "1.2", links="anchor", anchor=spec("1.0")), name="kept")
    short = measure(prepared, cost)
    longer = extend(short, plan_of(short, *list(COSTS)[:5]), other, machine=OTHER_MACHINE)
    assert names_of(longer.parts[1].duets) == [("1.0 (2)", "1.2 (2)"), ("1.0 (2)", "1.3"), ("1.0 (2)", "1.4")]
    (line,) = trajectory(longer).lines
    assert not any(step.significant for step in trajectory(longer).steps)
    assert [point.relative for point in line.points] == pytest.approx([1, 1, 1, 1.5, 1.5], rel=0.02)
    assert line.points[2].again == pytest.approx(1.5, rel=0.02)
    assert line.points[3].step is not None
    assert line.points[3].step.ratio == pytest.approx(1.0, abs=0.02)


# What it says -------------------------------------------------------------------------------------------------------


def test_parts_are_named_and_what_differed_between_them_is_a_warning() -> None:
    short = base("1.0", "1.1", "1.2")
    planned = plan_of(short, *list(COSTS)[:5])
    longer = extend(
        short, planned, here, machine=OTHER_MACHINE, python="3.12.3", packages={"requests": "2.32", "new": "1"}
    )
    longer = replace(longer, perfbench="1.1", created="2026-02-03T00:00:00+00:00")
    assert describe_sweep_parts(longer) == (
        "measured in 2 parts (1.0 → … → 1.2 on 2026-01-01; 1.2 → … → 1.4 on 2026-02-03): "
        "the ratios chain link by link, seconds compare within a part only",
        "warning: 1.2 → … → 1.4 measured on another machine (CPU, 2 cores → Other, 4 cores), "
        "on another system (Linux 6.1 → Linux 6.8), with another Python (3.11.7 → 3.12.3), "
        "by another perfbench (1.0 → 1.1): compare ratios, not seconds",
        "warning: horses==1.2 was built again with other packages: new – → 1, requests – → 2.32",
    )
    assert parts.describe_source(longer) == (
        "CPython 3.11.7 · CPU, 2 cores · perfbench 1.0, then CPython 3.12.3 · Other, 4 cores · perfbench 1.1"
    )


def test_part_under_the_same_conditions_has_no_warning_and_a_sweep_in_one_part_nothing_to_say() -> None:
    short = base("1.0", "1.1")
    longer = extend(short, plan_of(short, "1.0", "1.1", "1.2"), here)
    assert list(parts.describe_differences(longer)) == []
    assert parts.describe_parts(longer).startswith("measured in 2 parts (1.0 → 1.1 on 2026-01-01; 1.1 → 1.2 on")
    assert describe_sweep_parts(short) == ()
    anchored = base("1.0", "1.1", links="anchor", anchor=spec("1.0"))
    anchored = extend(anchored, plan_of(anchored, "1.0", "1.1", "1.2"), here)
    assert "1.1 → 1.2 with the anchor 1.0 on 2026-01-01" in parts.describe_parts(anchored)


def test_neighbour_that_is_measured_again_is_a_second_row_of_its_release() -> None:
    short = base("1.0", "1.1")
    longer = extend(short, plan_of(short, "1.0", "1.1", "1.2"), three_times_slower)
    table = build_sweep_table(*read_trajectory(longer), "t", "s", "a", describe_sweep_parts(longer))
    heads = [row[0] for row in table.rows]
    assert heads == ["1.0", "1.1", "1.1 again", "1.2"]
    assert table.rows[1][3] == table.rows[2][3]
    assert float(table.rows[2][1].removesuffix("s")) == pytest.approx(2.4, rel=0.02)
    assert table.rows[2][2] == ""
    assert table.below[-2].startswith("measured in 2 parts")


@pytest.mark.parametrize("name", list_formats())
def test_every_format_has_the_links_of_all_parts(name: str) -> None:
    short = base("1.0", "1.1", modes=("light", "full"))
    planned = plan_of(short, "1.0", "1.1", "1.2")
    longer = extend(short, planned, three_times_slower, machine=OTHER_MACHINE, python="3.12.3")
    report = build.build_report(longer, SIDE_COLUMNS)
    assert [row.mode for table in report.tables for row in table.rows] == [
        "light 1.0 → 1.1",
        "full 1.0 → 1.1",
        "light 1.1 (2) → 1.2",
        "full 1.1 (2) → 1.2",
    ]
    assert any("measured on another machine" in text for table in report.tables for text in table.warnings)
    if name in BINARY_FORMATS:
        assert b"1.1 (2)" in load_binary_renderer(name)(report)
        return
    text = load_renderer(name)(report)
    assert text.strip()
    if name not in ("github-annotations", "bencher", "github-action-benchmark"):
        assert "1.1 (2)" in text


def test_names_of_builds_are_short_also_with_other_requirements() -> None:
    short = base("1.0", "1.1")
    longer = extend(short, plan_of(short, "1.0", "1.1", "1.2"), here)

    def longer_name(text: str) -> str:
        name, space, copy = text.partition(" (")
        return f"{name} python==3.11{space}{copy}"

    report = build.build_report(
        replace(
            longer,
            settings=replace(longer.settings, environments=(tuple(map(longer_name, longer.settings.environments[0])),)),
            measurements=tuple(
                replace(m, case=replace(m.case, environment=longer_name(m.case.environment)))
                for m in longer.measurements
            ),
            duets=tuple(
                tuple(
                    case.replace("#", " python==3.11#")
                    if "(2)" not in case
                    else case.replace(" (2)", " python==3.11 (2)")
                    for case in duet
                )  # type: ignore[misc]
                for duet in longer.duets
            ),
            earlier=(),
        ),
        SIDE_COLUMNS,
    )
    assert [row.mode for row in report.tables[0].rows] == ["light 1.0 → 1.1", "light 1.1 (2) → 1.2"]


def test_status_of_an_extension_is_that_of_its_new_releases() -> None:
    prepared = prepare_sweep(sweep_settings("1.0", "1.1", "1.2"), unbuilt={"1.1": "no compiler"}, name="kept")
    short = measure(prepared, here)
    with pytest.raises(NotMeasured):
        check_sweep_status(short, trajectory(short))
    longer = extend(short, plan_of(short, "1.0", "1.1", "1.2", "1.3"), here)
    check_sweep_status(longer, trajectory(longer))
    again = extend(longer, plan_of(longer, *list(COSTS)[:6]), here, unbuilt={"1.4": "no compiler"})
    with pytest.raises(NotMeasured):
        check_sweep_status(again, trajectory(again))
    failed = replace(
        longer,
        measurements=tuple(
            replace(m, samples=(), failures=(Failure("duet", "crashed"),)) if release_of(m.case) == "1.3" else m
            for m in longer.measurements
        ),
    )
    with pytest.raises(NotMeasured):
        check_sweep_status(failed, trajectory(failed))
    other = replace(
        longer,
        measurements=tuple(
            replace(m, output=replace(m.output, digest="other", blocks=("other",)))
            if m.output and release_of(m.case) == "1.3"
            else m
            for m in longer.measurements
        ),
    )
    with pytest.raises(OutputsDiffer):
        check_sweep_status(other, trajectory(other))
    assert math.isfinite(trajectory(longer).lines[0].points[-1].high)
    assert read_subject(longer).names == ("1.0", "1.1", "1.2", "1.3")
