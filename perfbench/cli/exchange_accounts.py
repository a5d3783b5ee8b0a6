"""Accounts and application keys of the exchange, from options and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perfbench.cli import option_types
from perfbench.errors import UsageProblem
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.network.listening_socket import is_loopback, resolve_host
from perfbench.util.files import build_read_problem

DELAYED_SUFFIX = ":delayed"
MAX_USERS_BYTES = 1 << 20


def read_users(users: list[str] | None, file: Path | None) -> dict[str, str] | None:
    """Return the passwords by name of ``--user`` and of the lines of ``--users``; None if there are none.

    Blank lines and lines that begin with # are skipped. Raises UsageProblem.
    """
    passwords = option_types.parse_users(users) or {}
    if file is not None:
        passwords = {**_read_users_file(file), **passwords}
    return passwords or None


def _read_users_file(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_USERS_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise build_read_problem(UsageProblem, f"--users {path}", error) from error
    except UnicodeDecodeError as error:
        raise UsageProblem(f"--users {path}: not UTF-8 text", hint="write one NAME:PASSWORD a line") from error
    passwords: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, password = line.partition(":")
        if not (name and password):
            raise UsageProblem(f"--users {path}, line {number}: not a name and a password", hint="write NAME:PASSWORD")
        if passwords.get(name, password) != password:
            raise UsageProblem(f"--users {path}, line {number}: another password of {name}", hint="name each user once")
        passwords[name] = password
    if not passwords:
        raise UsageProblem(f"--users {path}: names nobody", hint="write one NAME:PASSWORD a line, or leave --users out")
    return passwords


def parse_app_keys(keys: Sequence[str] | None) -> AppKeys:
    """Return the application keys of ``--app-key KEY`` and ``--app-key KEY:delayed``. Raises UsageProblem."""
    live: set[str] = set()
    delayed: set[str] = set()
    for text in keys or ():
        key = text.removesuffix(DELAYED_SUFFIX)
        if not key or ":" in key:
            raise UsageProblem(f"--app-key {text}: not an application key", hint=f"write KEY or KEY{DELAYED_SUFFIX}")
        (delayed if text.endswith(DELAYED_SUFFIX) else live).add(key)
    if both := sorted(live & delayed):
        raise UsageProblem(f"--app-key {both[0]}: both live and delayed", hint="name each key once")
    return AppKeys(frozenset(live), frozenset(delayed))


def check_access(host: str, users: dict[str, str] | None, *, insecure: bool, has_api: bool) -> None:
    """Check that not everybody on the network may log in by mistake. Raises UsageProblem.

    :param has_api: clients can log in; without the API every session is accepted.
    """
    if users and not has_api:
        raise UsageProblem("--user: nobody can log in with --no-api", hint="leave one of them out")
    if not insecure and not users and not is_loopback(resolve_host(host)):
        raise UsageProblem(
            f"--host {host}: anyone who can reach this address could log in",
            hint="name who may with --user or --users, or add --insecure",
        )
