"""A PostgreSQL server for a set-up: a private one for its duration, or a temporary schema on a given server.

The private server is a real one, with the defaults of its release (fsync on). It listens on a Unix socket in a folder that only
its user may enter, never on the network. When the process that started it ends, even by ``kill -9``, a small shell sees its
pipe close, stops the server and removes the folder.
"""

from __future__ import annotations

import glob
import importlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from perfbench import NotAvailable

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
SEARCHED = ("/usr/local/pgsql/bin", "/opt/local/lib/postgresql*/bin")
MISSING = "PostgreSQL: no initdb found: apt-get install postgresql, or --set postgres=postgresql://…"

LONGEST_SOCKET_PATH = 103
"""Bytes: macOS has 104 for the path of a socket and its final zero, Linux 108."""

SOCKET = ".s.PGSQL.5432"
SOCKET_OPTIONS = ("-p", "5432", "-c", "listen_addresses=")
STARTED_WITHIN = 60.0

# The process id is the first line of postmaster.pid. SIGQUIT is PostgreSQL's immediate shutdown: it frees its shared memory, which
# SIGKILL would not. Until a killed initdb has ended, it may still add files to the folder: so remove it again.
WATCH = """
read _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
tries=0
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
until rm -rf "$1" 2>/dev/null && [ ! -e "$1" ] || [ $tries -ge 200 ]; do sleep 0.1; tries=$((tries + 1)); done
"""


@contextmanager
def server(url: str = "") -> Iterator[str]:
    """A conninfo for psycopg or libpq: an empty database, or an empty schema if a URL is given.

    :param url: of a server to use instead of a private one. Everything is done in a new schema, which is dropped afterwards (a
        killed process leaves it behind, as ``perfbench_…``). Passwords belong in ``~/.pgpass``, because parameters are saved.

    Raises NotAvailable if there is no PostgreSQL here, it does not start, or the URL has a password.
    """
    with schema_of_our_own(url) if url else server_of_our_own() as conninfo:
        yield conninfo


@contextmanager
def schema_of_our_own(url: str) -> Iterator[str]:
    """A new schema on this server as the only one in the search path. Raises NotAvailable if the server cannot be reached."""
    psycopg, conninfo, sql = map(importlib.import_module, ("psycopg", "psycopg.conninfo", "psycopg.sql"))

    name = "perfbench_" + uuid.uuid4().hex[:16]
    schema = sql.Identifier(name)
    try:
        given = conninfo.conninfo_to_dict(url)
        if given.get("password"):
            raise NotAvailable("PostgreSQL: the URL has a password, and parameters are saved: put it into ~/.pgpass")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    except psycopg.Error as error:
        raise NotAvailable(
            "PostgreSQL: cannot use the server of --set postgres: {}".format(first_line(error))
        ) from error
    try:
        options = "{} -c search_path={}".format(given.get("options", ""), name).strip()
        yield conninfo.make_conninfo(url, options=options)
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


@contextmanager
def server_of_our_own() -> Iterator[str]:
    """A fresh server on a socket in a temporary folder. Raises NotAvailable if it is not installed or does not start."""
    programs = programs_folder()
    user = other_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=reachable_folder(user)))
    watch = subprocess.Popen(["/bin/sh", "-c", WATCH, "watch", str(folder)], stdin=subprocess.PIPE, **apart(None))
    running: Optional["subprocess.Popen[bytes]"] = None
    try:
        if user is not None:
            os.chown(str(folder), user.pw_uid, user.pw_gid)
        initialise(programs, folder, user)
        running = start(programs, folder, user)
        wait_until_ready(running, folder)
        yield "host={} port=5432 user=perfbench dbname=postgres".format(folder)
    finally:
        watch.stdin.close()  # type: ignore[union-attr]
        if running is not None:
            running.wait()
        watch.wait()


def programs_folder() -> Path:
    """The folder of initdb and postgres: of the PATH, else of the newest release in the usual places. Raises NotAvailable."""
    on_path = shutil.which("initdb")
    if on_path and os.access(str(Path(on_path).resolve().parent / "postgres"), os.X_OK):
        return Path(on_path).resolve().parent
    folders = [Path(folder) for place in (*PLACES, *SEARCHED) for folder in glob.glob(place)]
    whole = [
        folder for folder in folders if all(os.access(str(folder / name), os.X_OK) for name in ("initdb", "postgres"))
    ]
    if not whole:
        raise NotAvailable(MISSING)
    return max(whole, key=release)


def release(folder: Path) -> List[int]:
    """The numbers in the name of the folder above, as they order releases: 9.6 before 15."""
    return [int(digits) for digits in re.findall(r"\d+", folder.parent.name)]


def other_user() -> Optional[pwd.struct_passwd]:
    """The user to run PostgreSQL as, because it refuses root; None if this process is not root. Raises NotAvailable."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NotAvailable("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def reachable_folder(user: Optional[pwd.struct_passwd]) -> str:
    """The folder for temporary files, or /tmp if a socket path would be too long there or the other user has no access."""
    folder = Path(tempfile.gettempdir()).resolve()
    short = len(os.fsencode(str(folder / "pg-12345678" / SOCKET))) <= LONGEST_SOCKET_PATH
    open_to_all = all(above.stat().st_mode & 0o001 for above in (folder, *folder.parents))
    return str(folder) if short and (user is None or open_to_all) else "/tmp"  # noqa: S108 - mkdtemp makes it safe


def apart(user: Optional[pwd.struct_passwd]) -> Dict[str, Any]:
    """Arguments of Popen: in a session of its own, so that killing a worker's process group spares it; as this user."""

    def become() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)

    silent = subprocess.DEVNULL
    become_user: Callable[[], None] = become
    return {"stdout": silent, "stderr": silent, "start_new_session": True, "cwd": "/", "preexec_fn": become_user}


def initialise(programs: Path, folder: Path, user: Optional[pwd.struct_passwd]) -> None:
    """Make the files of an empty server. Raises NotAvailable with initdb's last words if that fails."""
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "perfbench", "-A", "trust", "--no-sync"]
    options = {**apart(user), "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run([*command, "-E", "UTF8", "--locale=C"], **options, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise NotAvailable("PostgreSQL: initdb failed: {}".format(last_line(done.stdout)))


def start(programs: Path, folder: Path, user: Optional[pwd.struct_passwd]) -> "subprocess.Popen[bytes]":
    """Start the server as a child of this process, with its log in the folder."""
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *SOCKET_OPTIONS]
    with open(str(folder / "log"), "wb") as log:
        options = {**apart(user), "stdout": log, "stderr": log}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)


def wait_until_ready(running: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Wait until postmaster.pid contains ready, as pg_ctl does. Raises NotAvailable if the server ends, or after a minute."""
    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline and running.poll() is None:
        try:
            status = (folder / "data" / "postmaster.pid").read_text().split("\n")[7]
        except (OSError, IndexError):
            status = ""
        if status.strip() == "ready":
            return
        time.sleep(0.02)
    raise NotAvailable("PostgreSQL did not start: {}".format(last_line((folder / "log").read_bytes())))


def last_line(output: bytes) -> str:
    """The last non-empty line, for a one-line message."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def first_line(error: BaseException) -> str:
    """The first line of the text of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
