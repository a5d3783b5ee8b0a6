"""The scripts of the GitHub action: names that differ wherever anything differs, and comments that fit."""

from __future__ import annotations

import importlib.util
import string
import sys
from itertools import combinations
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import HERE
from support.github_api import FakeGitHub, serve_github

FOLDER = HERE.parent / ".github" / "actions" / "gate"
MAX = 65_536


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"perfbench_action_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


names, comment = load("names"), load("comment")

MATRICES: list[dict[str, Any]] = [
    {},
    {"python": "3.1"},
    {"python": "3.10"},
    {"python": 3.1},
    {"python": "3.10", "os": "ubuntu-24.04"},
    {"python": "3.10", "os": "ubuntu/24.04"},
    {"python": "3.10", "os": "ubuntu 24.04"},
    {"python": "3.10,os=ubuntu-24.04"},
    {"python": ["3.10", "3.11"]},
    {"python": {"version": "3.10"}},
    {"python": "3.10", "include": None},
    {"python": "3.10", "include": "null"},
    {"python": "3.10--"},
    {"python": "-->"},
    {"python": "x" * 300},
    {"python": "x" * 301},
]


def test_different_jobs_have_different_names() -> None:
    made = [names.format_name(["gate"], matrix) for matrix in MATRICES]
    same = [(a, b) for (a, first), (b, second) in combinations(zip(MATRICES, made, strict=True), 2) if first == second]
    assert same == [
        ({"python": "3.1"}, {"python": 3.1}),
        ({"python": "3.10", "include": None}, {"python": "3.10", "include": "null"}),
    ]
    assert (
        names.format_name(["ci", "gate"], {"python": "3.10", "os": "ubuntu-24.04"})
        == "ci,gate,os=ubuntu-24.04,python=3.10"
    )
    assert names.format_name(["gate", "2"], {}) != names.format_name(["gate"], {})


TEXT = st.text(max_size=40)


@given(st.lists(TEXT, min_size=1, max_size=3), st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.booleans())))
def test_a_name_fits_an_artifact_and_a_hidden_marker(words: list[str], matrix: dict[str, Any]) -> None:
    name = names.format_name(words, matrix)
    assert 0 < len(name) <= names.MAX_LENGTH
    assert set(name) <= set(string.ascii_letters + string.digits + ".,_=+-")
    assert "--" not in name


def gate(**more: Any) -> Any:
    known = {"key": "ci,gate", "run_id": 7, "attempt": 1, "run_url": "https://github.com/me/x/actions/runs/7"}
    return comment.Gate(**{**known, "artifact": "perfbench-gate", "verdict": "passed", "exit_code": "0", **more})


@pytest.mark.parametrize("length", [0, 100, MAX - 400, MAX - 100, MAX, 3 * MAX])
@pytest.mark.parametrize("line", ["| a row |\n", "x" * 1000 + "\n", "é" * 50 + "<details>\n", "</details>\n"])
def test_a_comment_is_never_longer_than_a_comment_may_be(length: int, line: str) -> None:
    body = comment.build_body(gate(key="k" * 120), "<!-- perfbench -->\n" + line * (length // len(line)))
    assert len(body) <= MAX
    assert body.startswith(f"<!-- perfbench: {'k' * 120} -->\n<!-- run 7.1 -->\n")


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({}, None),
        ({"ref": "refs/heads/main"}, None),
        ({"pull_request": {"number": 7}}, 7),
        ({"pull_request": None, "issue": {"number": 3}}, None),
        ({"issue": {"number": 3, "pull_request": {"url": "…"}}}, 3),
    ],
)
def test_the_pull_request_of_an_event(event: dict[str, Any], number: int | None) -> None:
    assert comment.find_number(event) == number


@pytest.fixture
def github() -> Any:
    with serve_github() as served:
        yield served


def test_waits_are_those_that_the_server_asks_for(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(comment.time, "sleep", waited.append)
    github.faults = [(500, {}), (429, {"Retry-After": "30"}), (403, {"Retry-After": "3600"})]
    api = comment.Api(github.url, "me/my-strategy", "write", comment.WAITS)
    assert list(api.list_comments(7)) == []
    assert waited == [1.0, 30.0, 60.0]


def test_a_server_that_stays_silent_is_given_up(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comment.time, "sleep", lambda _seconds: None)
    github.faults = [(503, {})] * 9
    api = comment.Api(github.url, "me/my-strategy", "write", comment.WAITS)
    with pytest.raises(comment.CommentRefused, match="HTTP status 503"):
        list(api.list_comments(7))
    assert len(github.requests) == 1 + len(comment.WAITS)
    api = comment.Api("http://127.0.0.1:9", "me/my-strategy", "write", comment.WAITS)
    with pytest.raises(comment.CommentRefused, match="refused"):
        api.create(7, "text")


def test_a_wrong_token_is_reported_at_once(github: FakeGitHub) -> None:
    api = comment.Api(github.url, "me/my-strategy", "stolen", comment.WAITS)
    with pytest.raises(comment.CommentRefused, match="HTTP status 401: Bad credentials"):
        api.create(7, "text")
    assert len(github.requests) == 1
