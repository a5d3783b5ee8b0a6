"""Whether data are a corpus, and what a run, a gate, a shard or a cluster refuses on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import corpora
from support.runs import scenario, settings

from perfbench.errors import ExitCode, UsageProblem
from perfbench.model import SHARDED_DRAWS, Budget, GatePolicy, Metric, Scenario, Settings
from perfbench.runner.survey.batches import SurveyPlan
from perfbench.runner.survey.choose import (
    MAX_TABLES,
    PEEKED_MEMBERS,
    build_stand_in,
    derive_shard_seed,
    find_corpus,
    name_corpus,
)

REPLAY = scenario("before", "after", uses_market=True)


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., str]:
    """Writes a folder of this many plain markets and other files."""

    def write(count: int, others: int = 0) -> str:
        members = {corpora.name(n): corpora.market(n) for n in range(1, count + 1)}
        members |= {f"note-{n}.txt": b"three races\n" for n in range(others)}
        return str(corpora.write_tree(tmp_path / "archive", members))

    return write


def choose(tmp_path: Path, *data: str, made: Scenario = REPLAY, **changes: object) -> SurveyPlan | None:
    workspace = tmp_path / "workspace"
    workspace.mkdir(exist_ok=True)
    return find_corpus(settings(data=data, **changes), [made], workspace, lambda _line: None)


def refusal(tmp_path: Path, *data: str, made: Scenario = REPLAY, **changes: object) -> tuple[str, ...]:
    with pytest.raises(UsageProblem) as caught:
        choose(tmp_path, *data, made=made, **changes)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.lines


# What is a corpus -----------------------------------------------------------------------------------------------------


def test_more_than_three_market_files_are_a_corpus(archive: Callable[..., str], tmp_path: Path) -> None:
    plan = choose(tmp_path, archive(MAX_TABLES + 1))
    assert plan is not None
    assert plan.corpus.members == MAX_TABLES + 1
    assert plan.corpus.name == "archive (4 files)"
    assert plan.seed == 7


def test_up_to_three_have_a_table_each(archive: Callable[..., str], tmp_path: Path) -> None:
    assert choose(tmp_path, archive(MAX_TABLES)) is None


def test_notes_beside_three_markets_make_no_corpus(archive: Callable[..., str], tmp_path: Path) -> None:
    assert choose(tmp_path, archive(MAX_TABLES, PEEKED_MEMBERS - MAX_TABLES)) is None
    assert not any((tmp_path / "workspace").iterdir()), "what was looked into is removed"


def test_long_listing_is_not_looked_into(archive: Callable[..., str], tmp_path: Path) -> None:
    assert choose(tmp_path, archive(MAX_TABLES, PEEKED_MEMBERS)) is not None


def test_list_file_of_few_markets_is_a_corpus(archive: Callable[..., str], tmp_path: Path) -> None:
    folder = archive(2)
    (tmp_path / "list.txt").write_text("".join(f"{folder}/{corpora.name(n)}\n" for n in (1, 2)))
    plan = choose(tmp_path, f"@{tmp_path / 'list.txt'}")
    assert plan is not None
    assert plan.corpus.members == 2


def test_each_and_no_data_are_no_corpus(archive: Callable[..., str], tmp_path: Path) -> None:
    assert choose(tmp_path, archive(5), each=True) is None
    assert choose(tmp_path) is None


def test_nothing_to_list_is_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("missing-1\nmissing-2\n")
    assert choose(tmp_path, f"@{tmp_path / 'list.txt'}") is None


def test_markets_are_replayed_one_by_one_where_a_mode_reports_metrics_of_its_own(
    archive: Callable[..., str], tmp_path: Path
) -> None:
    folder = archive(6)
    together, alone = (
        choose(tmp_path, folder),
        choose(tmp_path, folder, made=replace(REPLAY, metrics=(Metric("ms", name="pause_ms"),))),
    )
    assert together is not None
    assert alone is not None
    assert len(together.batches) == 1
    assert len(alone.batches) == 6


def test_stand_in_for_a_market_has_the_size_and_digest_of_the_corpus(
    archive: Callable[..., str], tmp_path: Path
) -> None:
    plan = choose(tmp_path, archive(5))
    assert plan is not None
    market = build_stand_in(plan.corpus)
    assert (market.name, market.path, market.updates) == (plan.corpus.name, "", 0)
    assert (market.sha256, market.size_bytes, market.markets) == (plan.corpus.digest, plan.corpus.packed_bytes, 5)


@pytest.mark.parametrize(
    ("specs", "name"),
    [
        (["/archives/2025_08.tar"], "2025_08.tar (2,000 files)"),
        (["archives/greyhounds/"], "greyhounds (2,000 files)"),
        (["/one", "/two", "/three"], "one + 2 more (2,000 files)"),
        (["https://me:secret@host/data/august.tar?key=secret"], "august.tar"),
        (["/"], "/ (2,000 files)"),
    ],
)
def test_corpus_is_named_after_its_first_source(specs: list[str], name: str) -> None:
    assert name_corpus(specs, 2000).startswith(name)
    assert "secret" not in name_corpus(specs, 2000)


# What is refused ------------------------------------------------------------------------------------------------------


def test_instructions_of_a_corpus_are_not_counted(archive: Callable[..., str], tmp_path: Path) -> None:
    assert refusal(tmp_path, archive(5), count=True) == (
        "--count counts the first lines of a market, not a corpus",
        "hint: choose a file, or add --each",
    )


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        (Budget("memory", 0.05), "memory"),
        (Budget("peak", 1e9), "peak"),
        (Budget("count", 0.002), "count"),
        (Budget("number", 20.0, metric="pause_ms"), "pause_ms"),
        (Budget("change", 0.1, metric="pause_ms"), "pause_ms"),
    ],
)
def test_gate_has_no_budget_of_one_market_on_a_corpus(
    budget: Budget, name: str, archive: Callable[..., str], tmp_path: Path
) -> None:
    assert refusal(tmp_path, archive(5), gate=GatePolicy(budgets=(budget,))) == (
        f"--budget {name} limits one market, not a corpus",
        "hint: choose a file, or add --each",
    )


def test_gate_may_limit_the_ratio_of_modes_on_a_corpus(archive: Callable[..., str], tmp_path: Path) -> None:
    policy = GatePolicy(budgets=(Budget("ratio", 1.8, "after", "before"),))
    assert choose(tmp_path, archive(5), gate=policy) is not None


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"shard": (1, 3)}, "--shard divides the draws of a corpus"),
        ({"cluster": "tcp://host:8786"}, "--cluster measures the draws of a corpus"),
    ],
)
@pytest.mark.parametrize("why", ["few files", "each", "no data"])
def test_shard_and_cluster_need_a_corpus(
    why: str, changes: dict[str, object], cause: str, archive: Callable[..., str], tmp_path: Path
) -> None:
    data = [] if why == "no data" else [archive(2 if why == "few files" else 5)]
    found = refusal(tmp_path, *data, each=why == "each", **changes)  # type: ignore[arg-type]
    assert found == (cause, "hint: name more than three market files, without --each")


@pytest.mark.parametrize(
    ("changes", "option"), [({"shard": (1, 3)}, "--shard"), ({"cluster": "tcp://host:8786"}, "--cluster")]
)
def test_scenario_without_markets_has_no_draws_to_divide(
    changes: dict[str, object], option: str, archive: Callable[..., str], tmp_path: Path
) -> None:
    found = refusal(tmp_path, archive(5), made=scenario("plain", name="memory_only"), **changes)
    assert found == (
        f"{option}: memory_only replays no market files",
        "hint: measure it in a run of its own",
    )


# Shards ---------------------------------------------------------------------------------------------------------------


def shard_seed(made: Scenario = REPLAY, digest: str = "digest", **changes: object) -> int:
    wanted: Settings = settings(shard=(1, 3), **changes)
    return derive_shard_seed(wanted, digest, [made])


def test_all_shards_of_a_survey_have_one_seed_that_nobody_types() -> None:
    seeds = {derive_shard_seed(settings(shard=(part, 3), seed=part), "digest", [REPLAY]) for part in (1, 2, 3)}
    assert seeds == {shard_seed()}
    assert 0 <= shard_seed() < 2**32


def test_other_surveys_have_other_seeds() -> None:
    others = [
        shard_seed(digest="another"),
        shard_seed(replace(REPLAY, sha256="another")),
        shard_seed(modes=("before",)),
        shard_seed(rounds=10),
        shard_seed(quick=True),
        derive_shard_seed(settings(shard=(1, 4)), "digest", [REPLAY]),
    ]
    assert len({shard_seed(), *others}) == len(others) + 1


def test_plan_of_a_shard_has_the_derived_seed(archive: Callable[..., str], tmp_path: Path) -> None:
    folder = archive(6)
    plans = [choose(tmp_path, folder, shard=(part, 2), seed=part) for part in (1, 2)]
    assert plans[0] is not None
    assert plans[1] is not None
    assert plans[0].seed == plans[1].seed != 1
    assert plans[0].corpus.draws == plans[1].corpus.draws
    assert len(plans[0].corpus.draws) <= SHARDED_DRAWS
