"""A mock of the part of GitHub's REST API that comments on pull requests need, over HTTP on this machine.

It is no GitHub: it answers as docs.github.com/rest/issues/comments describes. Tokens are ``write`` (of a job that may comment),
``read`` (of a job of a pull request from a fork) and ``owner`` (of a person, who may ask for their own login).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOGINS = {"write": "github-actions[bot]", "read": "github-actions[bot]", "owner": "me"}
MAX_CHARACTERS = 65_536
NOT_ACCESSIBLE = "Resource not accessible by integration"


@dataclass
class FakeGitHub:
    """The comments, by the number of their pull request; ``requests`` were asked, ``faults`` are answered first."""

    url: str = ""
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    page_size: int = 100
    identifiers: Iterator[int] = field(default_factory=lambda: count(1000))

    def add(self, number: int, body: str, login: str = "github-actions[bot]") -> dict[str, Any]:
        """Store a comment of this author."""
        identifier = next(self.identifiers)
        comment = {
            "id": identifier,
            "body": body,
            "user": {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"},
            "html_url": f"https://github.com/me/my-strategy/pull/{number}#issuecomment-{identifier}",
        }
        self.comments.setdefault(number, []).append(comment)
        return comment

    def bodies(self, number: int) -> list[str]:
        return [comment["body"] for comment in self.comments.get(number, [])]


@contextmanager
def serve_github() -> Iterator[FakeGitHub]:
    """A mock that listens until the end of the block."""
    github = FakeGitHub()
    handler = type("Handler", (_Handler,), {"github": github})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    github: FakeGitHub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        del format, args

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_GET  # noqa: N815 - the names of the base class

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = json.loads(self.rfile.read(length)) if length else None
        address = urlsplit(self.path)
        self.github.requests.append(f"{self.command} {address.path}")
        if self.github.faults:
            status, headers = self.github.faults.pop(0)
            self._send(status, {"message": f"fault {status}"}, headers)
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in LOGINS:
            self._send(401, {"message": "Bad credentials"})
        elif not self.headers.get("User-Agent") or "github" not in self.headers.get("Accept", ""):
            self._send(403, {"message": "Request forbidden by administrative rules"})
        elif self.command == "GET" and address.path == "/user":
            if token == "owner":
                self._send(200, {"login": LOGINS[token], "type": "User"})
            else:
                self._send(403, {"message": NOT_ACCESSIBLE})
        elif found := re.fullmatch(r"/repos/me/my-strategy/issues/(\d+)/comments", address.path):
            self._of_pull_request(int(found[1]), token, content, parse_qs(address.query))
        elif found := re.fullmatch(r"/repos/me/my-strategy/issues/comments/(\d+)", address.path):
            self._change(int(found[1]), token, content)
        else:
            self._send(404, {"message": "Not Found"})

    def _of_pull_request(self, number: int, token: str, content: Any, query: dict[str, list[str]]) -> None:
        if self.command == "GET":
            size = min(int(query.get("per_page", ["30"])[0]), self.github.page_size)
            page = int(query.get("page", ["1"])[0])
            stored = self.github.comments.get(number, [])
            following = f"{self.github.url}{urlsplit(self.path).path}?per_page={size}&page={page + 1}"
            more = {"Link": f'<{following}>; rel="next"'} if len(stored) > page * size else {}
            self._send(200, stored[(page - 1) * size : page * size], more)
        elif token == "read":
            self._send(403, {"message": NOT_ACCESSIBLE})
        elif len(content["body"]) > MAX_CHARACTERS:
            self._send(422, {"message": f"Body is too long (maximum is {MAX_CHARACTERS} characters)"})
        else:
            self._send(201, self.github.add(number, content["body"], LOGINS[token]))

    def _change(self, identifier: int, token: str, content: Any) -> None:
        every = [comment for comments in self.github.comments.values() for comment in comments]
        found = [comment for comment in every if comment["id"] == identifier]
        if token == "read":
            self._send(403, {"message": NOT_ACCESSIBLE})
        elif not found:
            self._send(404, {"message": "Not Found"})
        elif len(content["body"]) > MAX_CHARACTERS:
            self._send(422, {"message": f"Body is too long (maximum is {MAX_CHARACTERS} characters)"})
        else:
            found[0]["body"] = content["body"]
            self._send(200, found[0])

    def _send(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
