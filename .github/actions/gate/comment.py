"""Post the comment of a gate on its pull request, or update the one that an earlier run of the same gate posted.

The comment is found again by its first line, a hidden marker with the name of the gate (``names.py``), and by its author. Where no
comment can be posted, as with the read-only token of a pull request from a fork, a line of the job summary says so. The verdict of
the gate is never changed by what happens here: the step ends well.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_CHARACTERS = 65_536
MARKER = "<!-- perfbench: {} -->"
RENDERED_MARKER = "<!-- perfbench -->"
STAMP = re.compile(r"^<!-- run (\d+)\.(\d+) -->$", re.MULTILINE)
DETAILS_OPEN, DETAILS_CLOSE = "<details>", "</details>"
BOT = "Bot"
API_VERSION = "2022-11-28"
PAGE_SIZE, MAX_PAGES = 100, 50
TIMEOUT_SECONDS = 30
WAITS = (1.0, 4.0, 16.0)
"""Seconds before each further attempt of a request that failed for a moment."""

MAX_WAIT = 60.0


class CommentRefused(Exception):
    """No comment can be posted, for the reason in its text."""


@dataclass(frozen=True)
class Gate:
    """What is known of this gate: its names, its run, and how it ended."""

    key: str
    run_id: int
    attempt: int
    run_url: str
    artifact: str
    verdict: str
    exit_code: str


class Api:
    """The part of GitHub's REST API that a comment needs (docs.github.com/rest/issues/comments).

    Its methods raise CommentRefused.
    """

    def __init__(self, url: str, repository: str, token: str, waits: tuple[float, ...]) -> None:
        self._root = f"{url}/repos/{repository}/issues"
        self._url, self._token, self._waits = url, token, waits

    def find_login(self) -> str:
        """The login of the token's owner; empty for the token of a job or an app, which may not ask."""
        try:
            owner, _ = self._send("GET", f"{self._url}/user")
        except CommentRefused:
            return ""
        return str(owner["login"])

    def list_comments(self, number: int) -> Iterator[dict[str, Any]]:
        """The comments of a pull request, oldest first."""
        url = f"{self._root}/{number}/comments?per_page={PAGE_SIZE}"
        for _ in range(MAX_PAGES):
            comments, following = self._send("GET", url)
            yield from comments
            if not following:
                return
            url = following

    def create(self, number: int, body: str) -> str:
        """Post a comment; its address."""
        return str(self._send("POST", f"{self._root}/{number}/comments", {"body": body})[0]["html_url"])

    def update(self, comment: int, body: str) -> str:
        """Replace the text of a comment; its address."""
        return str(self._send("PATCH", f"{self._root}/comments/{comment}", {"body": body})[0]["html_url"])

    def _send(self, method: str, url: str, content: object = None) -> tuple[Any, str]:
        """The answer, and the address of its next page."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "User-Agent": "perfbench-gate",
            "X-GitHub-Api-Version": API_VERSION,
        }
        data = None if content is None else json.dumps(content).encode()
        for wait in (*self._waits, None):
            request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the runner names the URL
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
                    return json.load(answer), _find_next_page(answer.headers.get("Link", ""))
            except urllib.error.HTTPError as error:
                reason, delay = _read_error(error), _read_delay(error)
            except (OSError, ValueError) as error:  # no connection, a time-out, or no JSON
                reason, delay = f"{method} {url}: {error}", 0.0
            if delay is None or wait is None:
                raise CommentRefused(reason)
            time.sleep(min(max(wait, delay), MAX_WAIT))
        raise AssertionError("the last attempt returns or raises")


def _find_next_page(link: str) -> str:
    found = re.search(r'<([^>]+)>; rel="next"', link)
    return found.group(1) if found else ""


def _read_error(error: urllib.error.HTTPError) -> str:
    try:
        message = str(json.load(error)["message"])
    except (OSError, ValueError, KeyError, TypeError):
        message = str(error.reason)
    return f"HTTP status {error.code}: {' '.join(message.split())[:200]}"


def _read_delay(error: urllib.error.HTTPError) -> float | None:
    """Seconds that the server asks to wait; None for an error that waiting does not cure."""
    asked = error.headers.get("Retry-After", "")
    if error.code in (429, 500, 502, 503, 504) or asked:
        return float(asked) if asked.isdigit() else 0.0
    return None


def find_number(event: Mapping[str, Any]) -> int | None:
    """The number of the pull request that an event is of; None if it is of none."""
    pull = event.get("pull_request")
    if not pull and "pull_request" in (issue := event.get("issue") or {}):
        pull = issue
    return int(pull["number"]) if pull else None


def build_body(gate: Gate, rendered: str) -> str:
    """The text of the comment: marker, run, what the gate rendered, and the way to everything else.

    :param rendered: empty if the gate wrote no comment: then it did not get far enough, and the comment says so instead of keeping
        the verdict of an earlier commit.
    """
    head = f"{MARKER.format(gate.key)}\n<!-- run {gate.run_id}.{gate.attempt} -->\n"
    foot = f"\n<sub>`{gate.key}` · [run {gate.run_id}]({gate.run_url}), artifact `{gate.artifact}`</sub>\n"
    text = rendered.removeprefix(RENDERED_MARKER).lstrip("\n")
    if not text:
        text = (
            f"### perfbench gate: {gate.verdict or 'not measured'}\n\nIt ended with exit code {gate.exit_code or '–'} "
        )
        text += f"and without a report; [its log]({gate.run_url}) has the reason.\n"
    return head + shorten(text, MAX_CHARACTERS - len(head) - len(foot)) + foot


def shorten(text: str, limit: int) -> str:
    """The text in at most so many characters, cut after a line; folded details that the cut leaves open are closed."""
    if len(text) <= limit:
        return text
    note = f"\n\n…, shortened to the {MAX_CHARACTERS:,} characters of a comment\n"
    kept = text[: limit - len(note) - len(DETAILS_CLOSE) - 2].rpartition("\n")[0]
    is_open = kept.count(DETAILS_OPEN) > kept.count(DETAILS_CLOSE)
    return kept + (f"\n\n{DETAILS_CLOSE}" if is_open else "") + note


def publish(api: Api, number: int, gate: Gate, body: str) -> str:
    """Post the comment or update an earlier one; a line about it. Raises CommentRefused."""
    first_line = MARKER.format(gate.key)
    login = api.find_login()
    for comment in api.list_comments(number):
        text = str(comment.get("body") or "")
        if text.splitlines()[:1] != [first_line] or not _is_own(comment.get("user") or {}, login):
            continue
        if (stamp := STAMP.search(text)) and (int(stamp[1]), int(stamp[2])) > (gate.run_id, gate.attempt):
            return f"the comment is of a later run, {stamp[1]}: left as it is"
        return f"updated {api.update(int(comment['id']), body)}"
    return f"posted {api.create(number, body)}"


def _is_own(author: Mapping[str, Any], login: str) -> bool:
    """Whether the token may be the author's; anybody can write the marker, and only the comment of a gate is replaced."""
    return author.get("login") == login if login else author.get("type") == BOT


def main(variables: Mapping[str, str], waits: tuple[float, ...] = WAITS) -> None:
    """Post or update the comment of the gate that these variables describe, and say what was done."""
    event = json.loads(Path(variables["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number = find_number(event)
    if number is None:
        print("no comment: this run is not of a pull request")
        return
    repository, run_id = variables["GITHUB_REPOSITORY"], variables["GITHUB_RUN_ID"]
    gate = Gate(
        key=variables["KEY"],
        run_id=int(run_id),
        attempt=int(variables.get("GITHUB_RUN_ATTEMPT", "1")),
        run_url=f"{variables['GITHUB_SERVER_URL']}/{repository}/actions/runs/{run_id}",
        artifact=variables["ARTIFACT"],
        verdict=variables.get("VERDICT", ""),
        exit_code=variables.get("EXIT_CODE", ""),
    )
    file = Path(variables["REPORTS"], "comment.md")
    body = build_body(gate, file.read_text(encoding="utf-8") if file.is_file() else "")
    try:
        if not variables.get("TOKEN"):
            raise CommentRefused("there is no token")
        api = Api(variables["GITHUB_API_URL"], repository, variables["TOKEN"], waits)
        print(publish(api, number, gate, body))
    except CommentRefused as refused:
        reason = f"no comment on pull request {number} ({refused})"
        print(f"::notice title=perfbench::{reason.replace('%', '%25')}")
        with open(variables["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as summary:
            summary.write(
                f"\n{reason}. Posting one takes `permissions: pull-requests: write`, which pull requests from forks do not get; "
                f"this summary says the same.\n"
            )


if __name__ == "__main__":
    main(os.environ)
