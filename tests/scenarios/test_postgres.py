"""The PostgreSQL server of the scenarios: a real one that nobody else can reach and that leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

HOLDS = """
import sys, time
from perfbench.kit import postgres
{change}
with postgres.server({url!r}) as conninfo:
    print(conninfo, flush=True)
    sys.stdin.read()
"""
INSTALLED = shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
real = pytest.mark.skipif(not INSTALLED, reason="apt-get install postgresql")


def script(change: str = "", url: str = "") -> list[str]:
    return [sys.executable, "-c", HOLDS.format(change=change, url=url)]


def environment(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def holding(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path, psutil.Process]]:
    """A process that has a server, the server's folder, and the server itself."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        script(), stdin=pipe, stdout=pipe, text=True, env=environment(folder), start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            said = dict(pair.split("=", 1) for pair in process.stdout.readline().split())
            place = Path(said["host"])
            yield process, place, psutil.Process(int((place / "data" / "postmaster.pid").read_text().split()[0]))
        finally:
            process.kill()


def gone(folder: Path, server: psutil.Process, within: float = 20) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        over = not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
        if over and not folder.exists():
            return True
        time.sleep(0.05)
    return False


@real
def test_the_server_listens_on_a_socket_in_a_folder_of_its_own_and_on_no_port(tmp_path: Path) -> None:
    with holding(tmp_path) as (_, folder, server):
        assert (folder / ".s.PGSQL.5432").is_socket()
        assert folder.stat().st_mode & 0o077 == 0
        assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 103
        assert not [c for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        settings = (folder / "data" / "postgresql.conf").read_text()
        assert not any(line.startswith("fsync") for line in settings.splitlines())
        assert "-F" not in server.cmdline()
        assert server.uids().effective != 0


@real
def test_server_and_its_files_are_removed_when_the_setup_ends(tmp_path: Path) -> None:
    with holding(tmp_path) as (process, folder, server):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
        assert gone(folder, server, within=1)


@real
def test_server_and_its_files_are_removed_when_the_process_group_is_killed(tmp_path: Path) -> None:
    with holding(tmp_path) as (process, folder, server):
        os.killpg(process.pid, signal.SIGKILL)  # as the host ends a worker
        process.wait()
        assert gone(folder, server)


@real
def test_socket_path_stays_short_in_a_deep_temporary_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    with holding(deep) as (_, folder, _server):
        assert deep not in folder.parents
        assert (folder / ".s.PGSQL.5432").is_socket()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "postgres.PLACES = postgres.SEARCHED = (); postgres.shutil.which = lambda name: None",
            "NotAvailable: PostgreSQL: no initdb found: apt-get install postgresql, or --set postgres=postgresql://…",
        ),
        pytest.param(
            "postgres.SOCKET_OPTIONS = ('-c', 'no_such_setting=1')",
            "NotAvailable: PostgreSQL did not start: ",
            marks=real,
        ),
    ],
    ids=["not installed", "does not start"],
)
def test_a_server_that_is_not_there_or_does_not_start_is_not_available(tmp_path: Path, change: str, line: str) -> None:
    done = subprocess.run(
        script(change), capture_output=True, encoding="utf-8", env=environment(tmp_path), timeout=60, check=False
    )
    assert done.returncode == 1
    assert line in done.stderr
    assert not list(tmp_path.iterdir())


def test_newest_of_several_installed_releases_is_chosen_by_number(tmp_path: Path) -> None:
    for name in ("9.6", "15", "16"):
        folder = tmp_path / name / "bin"
        folder.mkdir(parents=True)
        for program in ("initdb", "postgres") if name != "16" else ("initdb",):
            (folder / program).touch(mode=0o755)
    change = (
        f"postgres.PLACES = ({str(tmp_path / '*' / 'bin')!r},); postgres.SEARCHED = ();"
        "postgres.shutil.which = lambda name: None; print(postgres.programs_folder()); sys.exit()"
    )
    done = subprocess.run(script(change), capture_output=True, text=True, env=environment(tmp_path), check=False)
    assert done.stdout.strip() == str(tmp_path / "15" / "bin"), done.stderr
