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

from perfbench.environments import cache, uv, uv_errors
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.spec import COMMIT_PATTERN, GitRepository, LocalCheckout
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout
from perfbench.util import paths

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
    """A wheel built from a snapshot. ``digest`` is that of the sources, ``requires`` its ``Requires-Dist`` lines."""

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
    """The wheel of what the folder or repository contains now; built unless the same content was built before.

    Raises EnvironmentProblem, Unreachable for a repository that cannot be reached.
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
    checkout = _read_checkout(folder)
    if wheel := _find_built_wheel(_digest_files(folder, _list_sources(folder)), python, checkout):
        return wheel
    observe(f"building a snapshot of {source.path}")
    with _make_temporary_folder() as space:
        copy = space / "sources"
        _copy_files(folder, _list_sources(folder), copy)
        # The digest of the copy: an edit while it is made cannot get the name of what was there before.
        return _run_build(copy, _digest_files(copy, _walk_sources(copy)), python, checkout, source.path)


def _build_from_git(source: GitRepository, python: Interpreter, observe: Callable[[str], None]) -> SourceWheel:
    commit = _resolve_remote_commit(source)
    label = f"git+{source.url}" + (f"@{source.revision}" if source.revision else "")
    checkout = Checkout(f"git+{source.url}", commit, dirty=False)
    digest = hashlib.sha256(f"{source.url} {commit} {source.subdirectory}".encode()).hexdigest()
    if commit and (wheel := _find_built_wheel(digest, python, checkout)):
        return wheel
    observe(f"building {label}")
    with _make_temporary_folder() as space:
        clone = space / "sources"
        _run_git("clone", "--quiet", "--no-checkout", source.url, str(clone), about=label)
        _run_git("-C", str(clone), "checkout", "--quiet", commit or source.revision, about=label)
        commit = _run_git("-C", str(clone), "rev-parse", "HEAD", about=label).strip()
        folder = clone / source.subdirectory
        _require_project(folder, label)
        digest = hashlib.sha256(f"{source.url} {commit} {source.subdirectory}".encode()).hexdigest()
        return _run_build(folder, digest, python, replace(checkout, commit=commit), label)


def _resolve_remote_commit(source: GitRepository) -> str:
    """The commit that the revision names in the repository now; empty for one that only a clone can tell."""
    if COMMIT_PATTERN.fullmatch(source.revision):
        return source.revision
    label = f"git+{source.url}"
    refs = [line.split("\t") for line in _run_git("ls-remote", source.url, about=label).splitlines() if "\t" in line]
    commits = {name: commit for commit, name in refs}
    revision = source.revision
    names = [f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}"] if revision else ["HEAD"]
    return next((commits[name] for name in names if name in commits), "")


def _require_project(folder: Path, label: str) -> None:
    if not folder.is_dir():
        raise EnvironmentProblem(f"{label} is not a folder")
    if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise EnvironmentProblem(f"{label} cannot be built: it has neither pyproject.toml nor setup.py")


# Sources -----------------------------------------------------------------------------------------------------------------


def _read_checkout(folder: Path) -> Checkout:
    if not _is_in_git(folder):
        return Checkout(str(folder), "", dirty=False)
    commit = _run_git(
        "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD", about=str(folder), demand=False
    ).strip()
    changes = _run_git("-C", str(folder), "status", "--porcelain", "--", ".", about=str(folder))
    return Checkout(str(folder), commit, dirty=bool(changes.strip()))


def _is_in_git(folder: Path) -> bool:
    return shutil.which("git") is not None and any((place / ".git").exists() for place in (folder, *folder.parents))


def _list_sources(folder: Path) -> list[Path]:
    """The sources, relative: in git those that are tracked or not ignored, as in the working tree; else all but caches."""
    if _is_in_git(folder):
        listed = _run_git(
            "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", about=str(folder)
        )
        found = [Path(name) for name in dict.fromkeys(listed.split("\0")) if name and os.path.lexists(folder / name)]
        if found:
            return [file for path in found for file in _expand_submodule(folder, path)]
    return _walk_sources(folder)


def _expand_submodule(folder: Path, path: Path) -> list[Path]:
    """A file, or the files of a submodule, which git lists as one entry."""
    whole = folder / path
    return [path / file for file in _walk_sources(whole)] if whole.is_dir() and not whole.is_symlink() else [path]


def _walk_sources(folder: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if name not in IGNORED_FOLDERS
            and not (here == folder and name in IGNORED_TOP_FOLDERS)
            and not name.endswith(".egg-info")
            and not (here / name / "pyvenv.cfg").exists()
        )
        found += [(here / name).relative_to(folder) for name in files if not name.endswith(".pyc")]
    return found


def _digest_files(folder: Path, files: list[Path]) -> str:
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


def _copy_files(folder: Path, files: list[Path], target: Path) -> None:
    try:
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / file, target / file, follow_symlinks=False)
    except OSError as error:
        raise EnvironmentProblem(f"{folder} cannot be copied to be built: {error.strerror or error}") from error


@contextmanager
def _make_temporary_folder() -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="perfbench-", ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()
    except OSError as error:
        raise EnvironmentProblem(f"sources cannot be unpacked: {error}") from error


def _run_git(*arguments: str, about: str, demand: bool = True) -> str:
    """What git printed. Raises EnvironmentProblem with its last line if it failed and success is demanded."""
    variables = {
        name: value for name, value in uv.build_variables(0).items() if name not in ("GIT_DIR", "GIT_WORK_TREE")
    }
    said = uv.run_program(["git", *arguments], variables | {"LC_ALL": "C.UTF-8"})
    if said.code and demand:
        if any(mark in said.err for mark in uv_errors.UNREACHABLE_MESSAGES):
            raise uv_errors.IndexUnreachable(f"{about} cannot be reached")
        lines = [line for line in said.err.splitlines() if line.startswith(("fatal:", "error:"))]
        raise EnvironmentProblem(f"{about}: git says {(lines or said.err.splitlines() or ['nothing'])[0]}")
    return said.out


# Wheels ------------------------------------------------------------------------------------------------------------------


def _wheel_folder(digest: str, python: Interpreter) -> Path:
    return paths.environment_cache_folder() / "wheels" / cache.compute_key("wheel", digest, python.path, python.version)


def _find_built_wheel(digest: str, python: Interpreter, checkout: Checkout) -> SourceWheel | None:
    found = sorted(_wheel_folder(digest, python).glob("*.whl"))
    return _describe_wheel(found[0], digest, checkout) if found else None


def _run_build(folder: Path, digest: str, python: Interpreter, checkout: Checkout, label: str) -> SourceWheel:
    out = folder.parent / f"{folder.name}-wheel"
    said = uv.run_uv("build", "--wheel", "--python", python.path, "--out-dir", str(out), str(folder))
    built = sorted(out.glob("*.whl"))
    if said.code or not built:
        log = cache.save_log(f"build-{digest[:12]}", said.out + said.err)
        raise _build_problem(said, label, log)
    if built[0].name.lower().startswith("unknown-"):
        raise EnvironmentProblem(f"{label} cannot be built: its pyproject.toml or setup.py names no package")
    place = _wheel_folder(digest, python)
    try:
        place.mkdir(parents=True, exist_ok=True)
        # Beside its place first: another process may look for it at any time.
        part = place / f".{os.getpid()}.part"
        shutil.copyfile(built[0], part)
        part.replace(place / built[0].name)
    except OSError as error:
        raise EnvironmentProblem(f"{place.parent} cannot be written: {error.strerror}") from error
    return _describe_wheel(place / built[0].name, digest, checkout)


def _build_problem(said: uv.ProcessResult, label: str, log: str) -> EnvironmentProblem:
    problem = uv_errors.build_problem(said.err)
    if not uv_errors.find_failed_build(said.err) or isinstance(problem, uv_errors.IndexUnreachable):
        return problem
    kept = f" (whole log: {log})" if log else ""
    return EnvironmentProblem(f"{label} cannot be built: {uv_errors.find_build_error(said.err)}{kept}")


def _describe_wheel(path: Path, digest: str, checkout: Checkout) -> SourceWheel:
    try:
        with zipfile.ZipFile(path) as archive:
            member = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            headers = HeaderParser().parsestr(archive.read(member).decode("utf-8"))
    except (OSError, StopIteration, zipfile.BadZipFile) as error:
        raise EnvironmentProblem(f"{path} is not a whole wheel: {error}") from error
    requires = tuple(str(line) for line in headers.get_all("Requires-Dist", []))
    name = canonicalize_name(str(headers["Name"]))
    return SourceWheel(name, str(headers["Version"]), digest, str(path), requires, (), checkout)
