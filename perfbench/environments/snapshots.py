"""Checkouts and git repositories: a snapshot of the sources, told by its content, and the wheel that is built from it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from perfbench import bundle
from perfbench.environments import keeping, reasons, uv
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.specs import WHOLE_COMMIT, Folder, Repository
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout

NOT_SOURCES = frozenset(
    (
        ".git",
        ".hg",
        ".svn",
        ".tox",
        ".nox",
        ".venv",
        "venv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "__pycache__",
        "node_modules",
        ".eggs",
    )
)
NOT_SOURCES_AT_TOP = frozenset(("build", "dist", "env"))


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel built from a snapshot. ``digest`` is that of the sources, ``requires`` its ``Requires-Dist`` lines."""

    name: str
    version: str
    digest: str
    path: str
    requires: tuple[str, ...]
    extras: tuple[str, ...]
    checkout: Checkout


def wheel_of(source: Folder | Repository, python: Interpreter, observe: Callable[[str], None]) -> Wheel:
    """The wheel of what the folder or repository contains now; built unless the same content was built before.

    Raises EnvironmentProblem, Unreachable for a repository that cannot be reached.
    """
    wheel = _of_folder(source, python, observe) if isinstance(source, Folder) else _of_git(source, python, observe)
    return replace(wheel, extras=source.extras)


def _of_folder(source: Folder, python: Interpreter, observe: Callable[[str], None]) -> Wheel:
    folder = Path(os.path.expanduser(source.path)).resolve()
    _demand_project(folder, source.path)
    checkout = _checkout(folder)
    if wheel := _kept(_digest(folder, _files(folder)), python, checkout):
        return wheel
    observe(f"building a snapshot of {source.path}")
    with _temporary() as space:
        copy = space / "sources"
        _copy(folder, _files(folder), copy)
        # The digest of the copy: an edit while it is made cannot get the name of what was there before.
        return _build(copy, _digest(copy, _walk(copy)), python, checkout, source.path)


def _of_git(source: Repository, python: Interpreter, observe: Callable[[str], None]) -> Wheel:
    commit = _commit_of(source)
    label = f"git+{source.url}" + (f"@{source.revision}" if source.revision else "")
    checkout = Checkout(f"git+{source.url}", commit, dirty=False)
    digest = hashlib.sha256(f"{source.url} {commit} {source.subdirectory}".encode()).hexdigest()
    if commit and (wheel := _kept(digest, python, checkout)):
        return wheel
    observe(f"building {label}")
    with _temporary() as space:
        clone = space / "sources"
        _git("clone", "--quiet", "--no-checkout", source.url, str(clone), about=label)
        _git("-C", str(clone), "checkout", "--quiet", commit or source.revision, about=label)
        commit = _git("-C", str(clone), "rev-parse", "HEAD", about=label).strip()
        folder = clone / source.subdirectory
        _demand_project(folder, label)
        digest = hashlib.sha256(f"{source.url} {commit} {source.subdirectory}".encode()).hexdigest()
        return _build(folder, digest, python, replace(checkout, commit=commit), label)


def _commit_of(source: Repository) -> str:
    """The commit that the revision names in the repository now; empty for one that only a clone can tell."""
    if WHOLE_COMMIT.fullmatch(source.revision):
        return source.revision
    label = f"git+{source.url}"
    refs = [line.split("\t") for line in _git("ls-remote", source.url, about=label).splitlines() if "\t" in line]
    commits = {name: commit for commit, name in refs}
    revision = source.revision
    names = [f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}"] if revision else ["HEAD"]
    return next((commits[name] for name in names if name in commits), "")


def _demand_project(folder: Path, label: str) -> None:
    if not folder.is_dir():
        raise EnvironmentProblem(f"{label} is not a folder")
    if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise EnvironmentProblem(f"{label} cannot be built: it has neither pyproject.toml nor setup.py")


# Sources -----------------------------------------------------------------------------------------------------------------


def _checkout(folder: Path) -> Checkout:
    if not _is_in_git(folder):
        return Checkout(str(folder), "", dirty=False)
    commit = _git(
        "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD", about=str(folder), demand=False
    ).strip()
    changes = _git("-C", str(folder), "status", "--porcelain", "--", ".", about=str(folder))
    return Checkout(str(folder), commit, dirty=bool(changes.strip()))


def _is_in_git(folder: Path) -> bool:
    return shutil.which("git") is not None and any((place / ".git").exists() for place in (folder, *folder.parents))


def _files(folder: Path) -> list[Path]:
    """The sources, relative: in git those that are tracked or not ignored, as in the working tree; else all but caches."""
    if _is_in_git(folder):
        listed = _git(
            "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", about=str(folder)
        )
        found = [Path(name) for name in dict.fromkeys(listed.split("\0")) if name and os.path.lexists(folder / name)]
        if found:
            return [file for path in found for file in _inside(folder, path)]
    return _walk(folder)


def _inside(folder: Path, path: Path) -> list[Path]:
    """A file, or the files of a submodule, which git lists as one entry."""
    whole = folder / path
    return [path / file for file in _walk(whole)] if whole.is_dir() and not whole.is_symlink() else [path]


def _walk(folder: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if name not in NOT_SOURCES
            and not (here == folder and name in NOT_SOURCES_AT_TOP)
            and not name.endswith(".egg-info")
            and not (here / name / "pyvenv.cfg").exists()
        )
        found += [(here / name).relative_to(folder) for name in files if not name.endswith(".pyc")]
    return found


def _digest(folder: Path, files: list[Path]) -> str:
    whole = hashlib.sha256()
    try:
        for file in sorted(files):
            path = folder / file
            content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            executable = bool(path.lstat().st_mode & 0o100)
            whole.update(b"%s\0%d %d\0" % (os.fsencode(file.as_posix()), executable, len(content)))
            whole.update(content)
    except OSError as error:
        raise EnvironmentProblem(f"{folder} cannot be read: {error}") from error
    return whole.hexdigest()


def _copy(folder: Path, files: list[Path], target: Path) -> None:
    try:
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / file, target / file, follow_symlinks=False)
    except OSError as error:
        raise EnvironmentProblem(f"{folder} cannot be copied to be built: {error.strerror or error}") from error


@contextmanager
def _temporary() -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="perfbench-", ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()
    except OSError as error:
        raise EnvironmentProblem(f"sources cannot be unpacked: {error}") from error


def _git(*arguments: str, about: str, demand: bool = True) -> str:
    """What git printed. Raises EnvironmentProblem with its last line if it failed and success is demanded."""
    variables = {name: value for name, value in uv.settings(0).items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    said = uv.program(["git", *arguments], variables | {"LC_ALL": "C.UTF-8"})
    if said.code and demand:
        if any(mark in said.err for mark in reasons.UNREACHABLE):
            raise reasons.Unreachable(f"{about} cannot be reached")
        lines = [line for line in said.err.splitlines() if line.startswith(("fatal:", "error:"))]
        raise EnvironmentProblem(f"{about}: git says {(lines or said.err.splitlines() or ['nothing'])[0]}")
    return said.out


# Wheels ------------------------------------------------------------------------------------------------------------------


def _place(digest: str, python: Interpreter) -> Path:
    return bundle.environment_cache() / "wheels" / keeping.key_of("wheel", digest, python.path, python.version)


def _kept(digest: str, python: Interpreter, checkout: Checkout) -> Wheel | None:
    found = sorted(_place(digest, python).glob("*.whl"))
    return _described(found[0], digest, checkout) if found else None


def _build(folder: Path, digest: str, python: Interpreter, checkout: Checkout, label: str) -> Wheel:
    out = folder.parent / f"{folder.name}-wheel"
    said = uv.call("build", "--wheel", "--python", python.path, "--out-dir", str(out), str(folder))
    built = sorted(out.glob("*.whl"))
    if said.code or not built:
        log = keeping.keep_log(f"build-{digest[:12]}", said.out + said.err)
        raise _failure(said, label, log)
    if built[0].name.lower().startswith("unknown-"):
        raise EnvironmentProblem(f"{label} cannot be built: its pyproject.toml or setup.py names no package")
    place = _place(digest, python)
    try:
        place.mkdir(parents=True, exist_ok=True)
        # Beside its place first: another process may look for it at any time.
        part = place / f".{os.getpid()}.part"
        shutil.copyfile(built[0], part)
        part.replace(place / built[0].name)
    except OSError as error:
        raise EnvironmentProblem(f"{place.parent} cannot be written: {error.strerror}") from error
    return _described(place / built[0].name, digest, checkout)


def _failure(said: uv.Said, label: str, log: str) -> EnvironmentProblem:
    problem = reasons.problem(said.err)
    if not reasons.failed_build(said.err) or isinstance(problem, reasons.Unreachable):
        return problem
    kept = f" (whole log: {log})" if log else ""
    return EnvironmentProblem(f"{label} cannot be built: {reasons.last_line_of_build(said.err)}{kept}")


def _described(path: Path, digest: str, checkout: Checkout) -> Wheel:
    try:
        with zipfile.ZipFile(path) as archive:
            member = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            headers = HeaderParser().parsestr(archive.read(member).decode("utf-8"))
    except (OSError, StopIteration, zipfile.BadZipFile) as error:
        raise EnvironmentProblem(f"{path} is not a whole wheel: {error}") from error
    requires = tuple(str(line) for line in headers.get_all("Requires-Dist", []))
    name = canonicalize_name(str(headers["Name"]))
    return Wheel(name, str(headers["Version"]), digest, str(path), requires, (), checkout)
