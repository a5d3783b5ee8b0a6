"""A package index in a folder and a git checkout, as fixtures."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

VERSIONS = ("1.9.1", "2.9.2", "2.10.0", "2.10.1", "2.10.2", "2.11.0", "2.11.2", "2.12.0", "2.12.1", "3.0.0")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index in a folder, which pip's configuration names; nothing else of the user's configuration counts."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "simple"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", folder.as_uri())
    publish(folder, "horses", *reversed(VERSIONS), "3.0.0rc1", "3.1.0.dev2")
    return folder


def publish(index: Path, name: str, *versions: str, attributes: str = "") -> None:
    (index / name).mkdir(parents=True)
    links = [f'<a {attributes} href="{name}-{version}.tar.gz">{name}-{version}.tar.gz</a>' for version in versions]
    (index / name / "index.html").write_text("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>")


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *settings, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "my checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    return folder
