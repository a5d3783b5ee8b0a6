"""Dates of releases: from the times that a package index states, real uv on an index of files, and none where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.package_index import Index

from perfbench.environments.release_dates import find_release_date, parse_first_upload

LOCK = """
lock-version = "1.0"
[[packages]]
name = "horses"
version = "1.0"
{sdist}
wheels = [
    {{ url = "https://example.com/horses-1.0-cp313.whl", upload-time = 2026-10-09T00:10:00Z, hashes = {{}} }},
    {{ url = "https://example.com/horses-1.0-cp312.whl", upload-time = 2026-10-08T23:50:00Z, hashes = {{}} }},
]
"""


def test_date_is_that_of_the_first_file() -> None:
    assert parse_first_upload(LOCK.format(sdist="")) == "2026-10-08"
    sdist = 'sdist = { url = "https://example.com/horses-1.0.tar.gz", upload-time = 2026-10-07T12:00:00Z, hashes = {} }'
    assert parse_first_upload(LOCK.format(sdist=sdist)) == "2026-10-07"


def test_index_without_times_gives_no_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index(tmp_path / "index")
    index.wheel("horses", "1.0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    assert find_release_date("horses", "1.0", sys.executable) == ""
    assert find_release_date("horses", "2.0", sys.executable) == ""


def test_unreachable_index_gives_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    assert find_release_date("horses", "1.0", sys.executable) == ""
