"""Wheels built from checkouts and git repositories: a snapshot of the sources, cached by a digest of its content."""

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

from perfbench.environments import cache, git, uv, uv_errors
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.process import ProcessResult
from perfbench.environments.spec import COMMIT_PATTERN, GitRepository, LocalCheckout
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout
from perfbench.util import paths
from perfbench.util.files import build_cache_problem, build_read_problem, open_atomically

IGNORED_FOLDERS = frozenset(
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
IGNORED_TOP_FOLDERS = frozenset(("build", "dist", "env"))


@dataclass(frozen=True, slots=True)
class SourceWheel:
    """A wheel built from a snapshot. ``digest`` is the digest of the sources, ``requires`` its ``Requires-Dist`` lines."""

    name: str
    version: str
    digest: str
    path: str
    requires: tuple[str, ...]
    extras: tuple[str, ...]
    checkout: Checkout


def build_wheel(
    source: LocalCheckout | GitRepository, python: Interpreter, observe: Callable[[str], None]
) -> SourceWheel:
    """Build the wheel of the current content of a folder or repository, unless the same content was built before.

    Raises EnvironmentProblem, IndexUnreachable for a repository that cannot be reached.
    """
    wheel = (
        _build_from_folder(source, python, observe)
        if isinstance(source, LocalCheckout)
        else _build_from_git(source, python, observe)
    )
    return replace(wheel, extras=source.extras)


def _build_from_folder(source: LocalCheckout, python: Interpreter, observe: Callable[[str], None]) -> SourceWheel:
    folder = Path(os.path.expanduser(source.path)).resolve()
    _require_project(folder, source.path)
    checkout = git.read_checkout(folder)
    if wheel := _find_built_wheel(_digest_files(folder, _list_sources(folder)), python, checkout):
        return wheel
    observe(f"building a snapshot of {source.path}")
    with _make_temporary_folder() as workspace:
        copy = workspace / "sources"
        _copy_files(folder, _list_sources(folder), copy)
        # The digest of the copy: what is edited while it is made cannot be cached under the digest of the content before.
        return _run_build(copy, _digest_files(copy, _walk_sources(copy)), python, checkout, source.path)


def _build_from_git(source: GitRepository, python: Interpreter, observe: Callable[[str], None]) -> SourceWheel:
    pinned = COMMIT_PATTERN.fullmatch(source.revision)
    commit = source.revision if pinned else git.resolve_remote_commit(source.url, source.revision)
    label = f"git+{source.url}" + (f"@{source.revision}" if source.revision else "")
    checkout = Checkout(f"git+{source.url}", commit, dirty=False)
    if commit and (wheel := _find_built_wheel(_digest_commit(source, commit), python, checkout)):
        return wheel
    observe(f"building {label}")
    with _make_temporary_folder() as workspace:
        clone = workspace / "sources"
        commit = git.clone_repository(source.url, commit or source.revision, clone, label)
        folder = clone / source.subdirectory
        _require_project(folder, label)
        return _run_build(folder, _digest_commit(source, commit), python, replace(checkout, commit=commit), label)


def _digest_commit(source: GitRepository, commit: str) -> str:
    return hashlib.sha256(f"{source.url} {commit} {source.subdirectory}".encode()).hexdigest()


def _require_project(folder: Path, label: str) -> None:
    if not folder.is_dir():
        raise EnvironmentProblem(f"{label} is not a folder")
    if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise EnvironmentProblem(f"cannot build {label}: it has neither pyproject.toml nor setup.py")


# Sources -----------------------------------------------------------------------------------------------------------------


def _list_sources(folder: Path) -> list[Path]:
    """The sources, relative to the folder: in git those that are tracked or not ignored; else all but caches."""
    if git.is_in_git(folder) and (paths_in_git := git.list_unignored_files(folder)):
        return [file for path in paths_in_git for file in _expand_submodule(folder, path)]
    return _walk_sources(folder)


def _expand_submodule(folder: Path, path: Path) -> list[Path]:
    """A file, or the files of a submodule, which git lists as one entry."""
    full = folder / path
    return [path / file for file in _walk_sources(full)] if full.is_dir() and not full.is_symlink() else [path]


def _walk_sources(folder: Path) -> list[Path]:
    sources = []
    for top, folders, files in os.walk(folder):
        parent = Path(top)
        folders[:] = sorted(
            name
            for name in folders
            if name not in IGNORED_FOLDERS
            and not (parent == folder and name in IGNORED_TOP_FOLDERS)
            and not name.endswith(".egg-info")
            and not (parent / name / "pyvenv.cfg").exists()
        )
        sources += [(parent / name).relative_to(folder) for name in files if not name.endswith(".pyc")]
    return sources


def _digest_files(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    try:
        for file in sorted(files):
            path = folder / file
            content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            executable = bool(path.lstat().st_mode & 0o100)
            digest.update(b"%s\0%d %d\0" % (os.fsencode(file.as_posix()), executable, len(content)))
            digest.update(content)
    except OSError as error:
        raise build_read_problem(EnvironmentProblem, error.filename or folder, error) from error
    return digest.hexdigest()


def _copy_files(folder: Path, files: list[Path], target: Path) -> None:
    try:
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / file, target / file, follow_symlinks=False)
    except OSError as error:
        raise EnvironmentProblem(f"cannot copy {folder}: {error.strerror or error}") from error


@contextmanager
def _make_temporary_folder() -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="perfbench-", ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()
    except OSError as error:
        raise EnvironmentProblem(f"cannot unpack sources: {error}") from error


# Wheels ------------------------------------------------------------------------------------------------------------------


def _wheel_folder(digest: str, python: Interpreter) -> Path:
    return paths.environment_cache_folder() / "wheels" / cache.compute_key("wheel", digest, python.path, python.version)


def _find_built_wheel(digest: str, python: Interpreter, checkout: Checkout) -> SourceWheel | None:
    wheels = sorted(_wheel_folder(digest, python).glob("*.whl"))
    return _describe_wheel(wheels[0], digest, checkout) if wheels else None


def _run_build(folder: Path, digest: str, python: Interpreter, checkout: Checkout, label: str) -> SourceWheel:
    out = folder.parent / f"{folder.name}-wheel"
    result = uv.run_uv("build", "--wheel", "--python", python.path, "--out-dir", str(out), str(folder))
    built = sorted(out.glob("*.whl"))
    if result.code or not built:
        log = cache.save_log(f"build-{digest[:12]}", result.out + result.err)
        raise _build_problem(result, label, log)
    if built[0].name.lower().startswith("unknown-"):
        raise EnvironmentProblem(f"cannot build {label}: its pyproject.toml or setup.py does not name a package")
    target = _wheel_folder(digest, python) / built[0].name
    try:
        # Another process may look for it at any time.
        with open_atomically(target) as file, built[0].open("rb") as wheel:
            shutil.copyfileobj(wheel, file)
    except OSError as error:
        raise build_cache_problem(EnvironmentProblem, target.parent, error) from error
    return _describe_wheel(target, digest, checkout)


def _build_problem(result: ProcessResult, label: str, log: str) -> EnvironmentProblem:
    problem = uv_errors.build_problem(result.err)
    if not uv_errors.find_failed_build(result.err) or isinstance(problem, uv_errors.IndexUnreachable):
        return problem
    full_log = f" (full log: {log})" if log else ""
    return EnvironmentProblem(f"cannot build {label}: {uv_errors.find_build_error(result.err)}{full_log}")


def _describe_wheel(path: Path, digest: str, checkout: Checkout) -> SourceWheel:
    try:
        with zipfile.ZipFile(path) as archive:
            member = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            headers = HeaderParser().parsestr(archive.read(member).decode("utf-8"))
    except (OSError, StopIteration, zipfile.BadZipFile) as error:
        raise EnvironmentProblem(f"{path} is not a valid wheel: {error}") from error
    requires = tuple(str(line) for line in headers.get_all("Requires-Dist", []))
    name = canonicalize_name(str(headers["Name"]))
    return SourceWheel(name, str(headers["Version"]), digest, str(path), requires, (), checkout)
