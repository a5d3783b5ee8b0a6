"""Markets that are cut where even the fewest passes over all of them exceed the time limit; passes are made up, files real."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from support.runs import offer, program, scenario, settings

from perfbench.datasets.inspection import inspect_market
from perfbench.model import CaseGroup, Environment, Market, Result, Sample, Scenario, Settings, Trial
from perfbench.runner import machine, output_check, plan, probe
from perfbench.runner.market_length import MIN_LINES, PROBE_LINES, Cut, cut_to_limit
from perfbench.runner.time_limit import TimeLimit

SAMPLES = Path(__file__).parents[3] / "sample_data"
STARTUP = 0.5
PER_MEGABYTE = {"base": 2.0, "slow": 20.0}
CHECK_FACTOR = 10.0


class Passes:
    """Passes and check passes that take what the bytes of their market ask for, on a clock that only they advance."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made: list[tuple[str, str]] = []
        self.failing: set[str] = set()

    def execute(self, trial: Trial, table: CaseGroup, *_: object) -> Iterator[Result]:
        (case,) = trial.cases
        self.made.append(("pass", case.mode))
        seconds = expect_pass(case.mode, table.market)
        self.now += STARTUP + seconds
        if case.mode in self.failing:
            yield Result(trial.id, case.id)
            return
        metrics = {"cpu_seconds": seconds, "wall_seconds": seconds, "startup_seconds": STARTUP}
        yield Result(trial.id, case.id, sample=Sample("alone", -1, 0, trial.id, 1, metrics))

    def check(self, checks: Sequence[Trial], table: CaseGroup, *_: object) -> list[Result]:
        for trial in checks:
            mode = trial.cases[0].mode
            self.made.append(("check", mode))
            self.now += (STARTUP + CHECK_FACTOR * expect_pass(mode, table.market)) / 2
        return []


def expect_pass(mode: str, market: Market | None) -> float:
    assert market is not None
    return PER_MEGABYTE[mode] * Path(market.path).stat().st_size / 1e6


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    made = Passes()
    monkeypatch.setattr(probe, "execute_trial", made.execute)
    monkeypatch.setattr(output_check, "run_check_passes", made.check)
    monkeypatch.setattr(machine, "choose_cores", lambda: (None, None))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return made


def sample_market(name: str = "sample-win") -> Market:
    return inspect_market(SAMPLES / name, name).market


def groups(
    made: Scenario, markets: Sequence[Market], wanted: Settings, *, environments: Sequence[str] = ("here",)
) -> list[CaseGroup]:
    places = [Environment(name, "python") for name in environments]
    return plan.plan_groups([[offer(made, place) for place in places]], markets, wanted)


def cut(
    passes: Passes, tables: Sequence[CaseGroup], wanted: Settings, seconds: float, folder: Path, said: list[str]
) -> tuple[list[CaseGroup], tuple[Cut, ...]]:
    limit = TimeLimit(seconds, lambda: passes.now)
    return cut_to_limit(tables, wanted, folder, limit, said.append)


def expect_seconds(modes: Sequence[str], market: Market, rounds: int) -> float:
    """What memory passes, check passes two at a time, and so many rounds take, as the passes above do."""
    each = {mode: expect_pass(mode, market) for mode in modes}
    memory = sum(STARTUP + seconds for seconds in each.values())
    checks = sum(STARTUP + CHECK_FACTOR * seconds for seconds in each.values()) / 2
    base, *others = modes
    return memory + checks + rounds * sum(STARTUP + 2 * max(each[base], each[other]) for other in others)


REPLAYS = scenario("base", "slow", uses_market=True)


def test_market_is_whole_where_one_round_of_everything_fits(passes: Passes, tmp_path: Path) -> None:
    market, said = sample_market(), list[str]()
    enough = 1.3 * expect_seconds(["base", "slow"], market, 1)
    tables = groups(REPLAYS, [market], settings())
    assert cut(passes, tables, settings(), enough, tmp_path, said) == (tables, ())
    assert said == []


def test_market_that_is_too_long_is_cut_so_that_every_pair_has_an_interval(passes: Passes, tmp_path: Path) -> None:
    market, said = sample_market(), list[str]()
    tables = groups(REPLAYS, [market], settings())
    limit = 0.7 * expect_seconds(["base", "slow"], market, 1)
    (table,), ((name, lines),) = cut(passes, tables, settings(), limit, tmp_path, said)
    assert (name, table.market and table.market.name) == ("sample-win", f"sample-win:{lines}")
    assert MIN_LINES < lines < 8000
    assert table.market is not None
    assert Path(table.market.path).read_bytes() == b"".join(read_lines(market)[:lines])
    assert passes.now + expect_seconds(["base", "slow"], table.market, 6) == pytest.approx(limit, rel=0.2)
    assert expect_seconds(["base", "slow"], table.market, 6) < limit - passes.now
    assert {case.data for case in table.cases} == {table.market.name}
    assert table.market.doubts[-1].startswith(f"only its first {lines:,} lines")
    (line,) = said
    assert line.startswith(f"sample-win: its first {lines:,} lines are measured")


def read_lines(market: Market) -> list[bytes]:
    return Path(market.path).read_bytes().splitlines(keepends=True)


def test_start_ups_that_take_all_the_time_leave_the_fewest_lines(passes: Passes, tmp_path: Path) -> None:
    tables = groups(REPLAYS, [sample_market()], settings())
    _, cuts = cut(passes, tables, settings(), 1.0, tmp_path, [])
    assert cuts == (("sample-win", MIN_LINES),)


def test_only_the_market_that_is_too_long_for_its_share_is_cut(passes: Passes, tmp_path: Path) -> None:
    markets = [sample_market("sample-event"), sample_market()]
    assert Path(markets[0].path).stat().st_size * 4 < Path(markets[1].path).stat().st_size
    tables = groups(REPLAYS, markets, settings())
    seconds = 1.2 * expect_seconds(["base", "slow"], markets[1], 1)
    both, cuts = cut(passes, tables, settings(), seconds, tmp_path, [])
    assert [name for name, _ in cuts] == ["sample-win"]
    assert [table.market.name for table in both if table.market] == ["sample-event", f"sample-win:{cuts[0][1]}"]


def test_two_long_markets_are_cut_each_to_its_own_length_and_probed_once(passes: Passes, tmp_path: Path) -> None:
    markets = [sample_market(), sample_market("sample-match-odds")]
    tables = groups(REPLAYS, markets, settings())
    _, cuts = cut(passes, tables, settings(), 200.0, tmp_path, [])
    assert [name for name, _ in cuts] == ["sample-win", "sample-match-odds"]
    sizes = [
        sum(map(len, itertools.islice(read_lines(market), lines)))
        for market, (_, lines) in zip(markets, cuts, strict=True)
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert sorted(passes.made) == [("check", "base"), ("check", "slow"), ("pass", "base"), ("pass", "slow")]


def test_side_that_fails_does_not_decide_the_length(passes: Passes, tmp_path: Path) -> None:
    passes.failing.add("slow")
    market = sample_market()
    tables = groups(REPLAYS, [market], settings())
    enough = 1.3 * expect_seconds(["base", "slow"], market, 1)
    assert cut(passes, tables, settings(), enough, tmp_path, [])[1] == ()


@pytest.mark.parametrize(
    ("seconds", "made"),
    [(float("inf"), lambda: REPLAYS), (1.0, lambda: scenario("base", "slow")), (1.0, lambda: program("base", uses_market=True))],
    ids=["no limit", "no market", "a program, which replays whole markets"],
)  # fmt: skip
def test_nothing_is_probed_or_cut_without(
    passes: Passes, tmp_path: Path, seconds: float, made: Callable[[], Scenario]
) -> None:
    tables = groups(made(), [sample_market()], settings(data=("sample-win",)))
    assert cut(passes, tables, settings(), seconds, tmp_path, []) == (tables, ())
    assert passes.made == []


def test_short_market_is_not_probed(passes: Passes, tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"".join(read_lines(sample_market())[:PROBE_LINES]))
    tables = groups(REPLAYS, [inspect_market(path, "short").market], settings())
    assert cut(passes, tables, settings(), 0.1, tmp_path, []) == (tables, ())
    assert passes.made == []


@pytest.mark.parametrize("decided", [(), (("sample-win", 4000),)])
def test_length_that_was_decided_before_stays(passes: Passes, tmp_path: Path, decided: tuple[Cut, ...]) -> None:
    tables = groups(REPLAYS, [sample_market()], settings())
    (table,), cuts = cut(passes, tables, settings(cuts=decided), 0.1, tmp_path, [])
    assert cuts == decided
    assert table.market is not None
    assert table.market.name == ("sample-win:4000" if decided else "sample-win")
    assert passes.made == []


def test_links_of_a_sweep_share_probes_and_have_one_length(passes: Passes, tmp_path: Path) -> None:
    wanted = settings(links="neighbours")
    tables = groups(scenario("base", uses_market=True), [sample_market()], wanted, environments=["1", "2", "3"])
    assert len(tables) == 2
    linked, cuts = cut(passes, tables, wanted, 100.0, tmp_path, [])
    assert len(cuts) == 1
    assert len({table.market for table in linked}) == 1
    assert [kind for kind, _ in passes.made].count("pass") == 3


def test_probes_end_after_a_tenth_of_the_time(passes: Passes, tmp_path: Path) -> None:
    wanted = settings(links="neighbours")
    releases = [str(number) for number in range(20)]
    tables = groups(scenario("slow", uses_market=True), [sample_market()], wanted, environments=releases)
    cut(passes, tables, wanted, 60.0, tmp_path, [])
    one_group = 2 * (STARTUP + 20.0 * 0.4) * (1 + CHECK_FACTOR)
    assert passes.now < 0.1 * 60.0 + one_group
    assert [kind for kind, _ in passes.made].count("pass") < 20
