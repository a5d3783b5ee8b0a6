"""Scenario files by name and by topic."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.errors import UsageProblem
from perfbench.runner.scenarios import (
    choose_scenarios,
    expand_topics,
    find_scenario_files,
    find_topics,
    format_scenario_name,
    group_by_topic,
    require_program,
)

NETWORK = ["batches", "connections", "live", "reconnect", "retries", "subscriptions"]


def test_shipped_scenarios_stand_in_five_topics() -> None:
    assert sorted(find_topics()) == ["calculation", "database", "memory", "network", "replay"]
    assert sorted(find_topics()["network"]) == NETWORK


def test_topic_stands_for_its_scenarios_each_of_them_once() -> None:
    assert expand_topics(["connections", "network", "vwap"], []) == [
        "connections",
        *(name for name in NETWORK if name != "connections"),
        "vwap",
    ]


def test_name_of_topic_and_of_its_scenario_is_the_scenario_unless_it_ends_with_a_slash() -> None:
    assert expand_topics(["replay"], []) == ["replay"]
    assert sorted(expand_topics(["replay/"], [])) == ["backtest", "backtest_processes", "replay"]


def test_users_scenario_with_the_name_of_a_topic_is_refused_until_it_is_clear_which_one(tmp_path: Path) -> None:
    own = tmp_path / "network.py"
    own.touch()
    with pytest.raises(UsageProblem) as refused:
        expand_topics(["network"], [tmp_path])
    assert str(refused.value) == f"`network` is a topic and a scenario ({own})"
    assert refused.value.hint == "network/ is the topic, the path of the file the scenario"
    assert expand_topics(["network/"], [tmp_path]) == NETWORK
    assert choose_scenarios([str(own)], [tmp_path]) == [own]


def test_topic_where_one_scenario_is_needed_is_refused_with_its_scenarios() -> None:
    with pytest.raises(UsageProblem, match="`memory` is a topic; one scenario is needed here") as refused:
        choose_scenarios(["memory"], [])
    assert refused.value.hint == "choose one of gc_tuning, memory_logging, restart, ring_buffer, soak"


def test_misspelt_topic_is_suggested() -> None:
    with pytest.raises(UsageProblem) as refused:
        choose_scenarios(["netwrok"], [])
    assert "no scenario `netwrok`" in str(refused.value)
    assert "network" in f"{refused.value}{refused.value.hint}"


def test_users_file_replaces_the_shipped_one_and_is_listed_after_the_topics(tmp_path: Path) -> None:
    own = tmp_path / "vwap.py"
    own.touch()
    files = find_scenario_files([tmp_path])
    assert files["vwap"] == own
    groups = group_by_topic(files)
    assert list(groups)[-1] == ""
    assert groups[""] == [own]
    assert [path.stem for path in groups["calculation"]] == ["caching", "caching_live"]


def test_sub_folders_of_a_users_folder_are_not_searched(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "check.py").touch()
    assert "check" not in find_scenario_files([tmp_path])


# Programs ---------------------------------------------------------------------------------------------------------------


def test_program_is_named_by_its_file_and_its_function(tmp_path: Path) -> None:
    own = tmp_path / "my_backtest.py"
    own.touch()
    chosen = choose_scenarios([f"{own}:run", str(own)], [])
    assert chosen == [Path(f"{own}:run"), own]
    assert list(map(format_scenario_name, chosen)) == ["my_backtest:run", "my_backtest"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("nosuch.py:run", "nosuch.py: no such file"),
        ("mine.py:two words", "mine.py:two words: `two words` is not the name of a function"),
        ("mine.py:", "mine.py:: `` is not the name of a function"),
    ],
)
def test_program_that_is_not_there_is_refused_with_how_to_write_one(name: str, cause: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        choose_scenarios([name], [])
    assert str(refused.value) == cause
    assert refused.value.hint == "write PATH.py:FUNCTION, or PATH.py for a script"


def test_arguments_need_a_program(tmp_path: Path) -> None:
    scenario, own = tmp_path / "ticks.py", tmp_path / "mine.py"
    scenario.write_text("from perfbench import mode\n")
    own.write_text("print('done')\n")
    require_program([scenario], ())
    require_program([scenario, own], ("--fast",))
    with pytest.raises(UsageProblem, match="-- --fast: arguments after -- are those of a program, which ticks is not"):
        require_program([scenario], ("--fast",))
