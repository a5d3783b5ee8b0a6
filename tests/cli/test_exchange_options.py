"""Who may log in to the exchange, and with which application key."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import one_line, perfbench

from perfbench.cli.exchange_accounts import parse_app_keys, read_users
from perfbench.errors import UsageProblem
from perfbench.exchange.app_keys import AppKeys


def test_users_come_from_options_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_bytes(b"\xef\xbb\xbf# who may trade\r\n\r\nann:secret: with colon\r\nb\xc3\xb6b:p\xc3\xa4ss\r\n")
    assert read_users(["ann:other"], path) == {"ann": "other", "böb": "päss"}
    assert read_users(None, path) == {"ann": "secret: with colon", "böb": "päss"}
    assert read_users(None, None) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "names nobody"),
        (b"# nobody\n", "names nobody"),
        (b"ann\n", "line 1: not a name and a password"),
        (b"ann:secret\n:secret\n", "line 2: not a name and a password"),
        (b"ann:\xff\n", "not UTF-8 text"),
        (b"ann:secret\nann:secret 2\n", "line 2: another password of ann"),
    ],
)
def test_invalid_file_of_users_is_an_error_of_usage(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "users"
    path.write_bytes(content)
    with pytest.raises(UsageProblem, match=text) as problem:
        read_users(None, path)
    assert problem.value.hint
    assert b"secret" not in str(problem.value).encode(), "passwords are not repeated"


def test_missing_file_of_users_is_an_error_of_usage(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UsageProblem, match="cannot be read"):
            read_users(None, path)


def test_app_keys_are_live_or_delayed() -> None:
    keys = parse_app_keys(["a", "b:delayed"])
    assert keys == AppKeys(frozenset({"a"}), frozenset({"b"}))
    assert [keys.is_valid(key) for key in ("a", "b", "c", "")] == [True, True, False, False]
    assert [keys.is_delayed(key) for key in ("a", "b", "c")] == [False, True, False]
    anything = parse_app_keys(None)
    assert [anything.is_valid(key) for key in ("c", "")] == [True, False]
    assert not anything.is_delayed("c")


@pytest.mark.parametrize("values", [[":delayed"], ["a:live"], ["a", "a:delayed"]])
def test_invalid_app_key_is_an_error_of_usage(values: list[str]) -> None:
    with pytest.raises(UsageProblem, match="--app-key"):
        parse_app_keys(values)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--host", "0.0.0.0"), "--host 0.0.0.0: anyone who can reach this address could log in"),
        (("--host", "::"), "--host ::: anyone who can reach this address could log in"),
        (("--host", "0.0.0.0", "--no-api"), "--host 0.0.0.0: anyone who can reach this address could log in"),
        (("--host", "no such host"), "--host no such host: not an address of this machine"),
        (("--user", "ann:secret", "--no-api"), "--user: nobody can log in with --no-api"),
        (("--user", "ann:secret", "--user", "ann:other"), "--user ann: has two passwords"),
        (("--users", "nowhere"), "--users nowhere cannot be read"),
        (("--app-key", ":delayed"), "--app-key :delayed: not an application key"),
    ],
    ids=str,
)
def test_exchange_that_would_admit_everybody_or_nobody_does_not_start(
    options: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    done = perfbench("exchange", *options, folder=tmp_path)
    assert done.returncode == 2
    line = one_line(done.stderr)
    assert text in line
    assert "hint: " in line
