"""An exchange in its own process, as a user starts it, and a client with control over every byte that it sends."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
from betfairlightweight import APIClient
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream

from support import stream_schema
from support.command_line import variables

TIMEOUT_SECONDS = 30
"""Seconds after which a test gives up."""


APIS: dict[int, dict[str, Any]] = {}
"""Announcements of exchanges by the port of the stream."""


def log_in(opened: dict[str, Any], user: str = "me", password: str = "secret") -> str:
    """Log in by password and return the session token; any token for an exchange without an API."""
    if not opened.get("api_port"):
        return "token"
    answer = requests.post(
        f"https://127.0.0.1:{opened['api_port']}/api/login",
        {"username": user, "password": password},
        headers={"X-Application": "key"},
        verify=opened["authority"],
        timeout=TIMEOUT_SECONDS,
    )
    token: str = answer.json()["token"]
    assert token, answer.text
    return token


class Served:
    """A running exchange: its announcement (``opened``) and, once it is closed, its report (``statement``)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.communicate()[1])
        self.opened: dict[str, Any] = json.loads(line)
        self.port: int = self.opened["port"]
        APIS[self.port] = self.opened
        self.statement: dict[str, Any] = {}

    def close(self) -> None:
        """End it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        report, complaints = self.process.communicate(timeout=TIMEOUT_SECONDS)
        assert (self.process.returncode, complaints) == (0, ""), complaints
        self.statement = json.loads(report)


@contextmanager
def serving(*options: object, folder: Path, **more: str) -> Iterator[Served]:
    """``perfbench exchange --json …`` with ``more`` variables; closed at the end unless it was before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "exchange", "--json", *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=folder,
        env=variables(folder, **more),
    )
    try:
        served = Served(process)
        yield served
        if process.poll() is None:
            served.close()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def trader(served: Served, user: str = "me", password: str = "secret", **options: Any) -> Iterator[APIClient]:
    """An unchanged client of betfairlightweight that looks at this exchange; it keeps its connection."""
    opened = served.opened
    where = f"https://127.0.0.1:{opened['api_port']}"
    BaseClient.API_URLS["perfbench"] = f"{where}/exchange/"
    BaseClient.IDENTITY_URLS["perfbench"] = f"{where}/api/"
    BaseClient.IDENTITY_CERT_URLS["perfbench"] = f"https://127.0.0.1:{opened['cert_port']}/api/"
    BetfairStream._BetfairStream__port = served.port
    BetfairStream.HOSTS["perfbench"] = "127.0.0.1"
    with requests.Session() as session:
        session.verify = opened["authority"]
        session.trust_env = False
        yield APIClient(user, password, app_key="key", locale="perfbench", session=session, **options)


@cache
def create_context() -> ssl.SSLContext:
    """A context that takes any certificate; made once, which takes longer than a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    """A connection to the stream, without any library in between. ``heard``: bytes that came."""

    def __init__(self, port: int) -> None:
        self.socket = create_context().wrap_socket(socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS))
        self.lines = self.socket.makefile("rb")
        self.heard = 0
        self.port = port
        self.greeting = self.hear()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Without a word."""
        self.lines.close()
        self.socket.close()

    def say(self, message: dict[str, Any] | bytes) -> None:
        """Send a message, or bytes as they are."""
        self.socket.sendall(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\r\n")

    def hear(self) -> dict[str, Any]:
        """The next message; empty at the end of the connection."""
        try:
            line = self.lines.readline()
        except ConnectionError:
            return {}
        assert not line or line.endswith(b"\r\n")
        self.heard += len(line)
        message: dict[str, Any] = json.loads(line) if line else {}
        if message:
            stream_schema.check(message)
        return message

    def asked(self, message: dict[str, Any] | bytes) -> dict[str, Any]:
        """The answer to a message."""
        self.say(message)
        return self.hear()

    def authenticate(self) -> dict[str, Any]:
        """As anybody."""
        opened = APIS.setdefault(self.port, {})
        opened["session"] = session = opened.get("session") or log_in(opened)  # one login for all: they are limited
        return self.asked({"op": "authentication", "id": 1, "appKey": "key", "session": session})

    def subscribe(self, number: int = 2, **fields: Any) -> dict[str, Any]:
        """The first message of a subscription to markets."""
        status = self.asked({"op": "marketSubscription", "id": number, **fields})
        assert status["statusCode"] == "SUCCESS", status
        return self.hear()

    def changes(self) -> dict[str, Any]:
        """The next message with changes, heartbeats left out; empty at the end."""
        while (message := self.hear()).get("ct") == "HEARTBEAT":
            pass
        return message


def subscribed(port: int, **fields: Any) -> tuple[Client, dict[str, Any]]:
    """A client that has subscribed, and the first message that it got."""
    client = Client(port)
    assert client.authenticate()["statusCode"] == "SUCCESS"
    return client, client.subscribe(**fields)


def closed(message: dict[str, Any]) -> bool:
    """Whether a message says that a market is closed."""
    return any(change.get("marketDefinition", {}).get("status") == "CLOSED" for change in message.get("mc", ()))


def merged(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The market that a client builds from these messages: an independent and slow reading of the protocol."""
    definition: dict[str, Any] = {}
    runners: dict[int, dict[str, Any]] = {}
    for message in messages:
        for change in message.get("mc", ()):
            if change.get("img"):
                definition, runners = {}, {}
            definition = change.get("marketDefinition", definition)
            for changed in change.get("rc", ()):
                runner = runners.setdefault(changed["id"], {})
                for key, value in changed.items():
                    if not isinstance(value, list):
                        runner[key] = value
                    elif not value:
                        runner[key] = {}
                    else:
                        ladder = {**runner.get(key, {}), **{entry[0]: entry[1:] for entry in value}}
                        runner[key] = {at: rest for at, rest in ladder.items() if rest[-1]}
    stripped = {of: {key: value for key, value in runner.items() if value != {}} for of, runner in runners.items()}
    return {"definition": definition, "runners": stripped}
