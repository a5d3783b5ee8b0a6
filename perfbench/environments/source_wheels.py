"""Wheels built from checkouts and git repositories: a snapshot of the sources, cached by a digest of its content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from perfbench.environments import cache, git, sources, uv, uv_errors
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.process import ProcessResult
from perfbench.environments.spec import COMMIT_PATTERN, GitRepository, LocalCheckout
from perfbench.environments.variables import list_build_settings
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout
from perfbench.util import paths
from perfbench.util.activity import doing
from perfbench.util.files import build_cache_problem, open_atomically

HISTORY_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
HISTORY_PATTERN = re.compile(
    r"setuptools[-_]scm|scm_version|vcs[-_]versioning|hatch[-_]vcs|flit[-_]scm|versioneer|versioningit|dunamai|miniver|\bpbr\b"
    r"|dynamic[-_]versioning|git[-_]versioning|source\s*=\s*[\"'](?:scm|vcs)[\"']|git[\"', ]+(?:describe|rev-parse)",
    re.IGNORECASE,
)
"""In the files of a project: its version is computed from commits and tags."""

HISTORY_HINT = (
    "its version comes from git: measure a checkout, git+file://…@COMMIT, or set SETUPTOOLS_SCM_PRETEND_VERSION"
)


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
    history = git.identify_history(folder) if checkout.commit and _needs_history(folder) else ""
    files = sources.list_sources(folder)
    if wheel := _find_built_wheel(_digest_snapshot(folder, files, history), python, checkout):
        return wheel
    observe(f"building a snapshot of {source.path}")
    if large := sources.describe_large_sources(folder, files):
        observe(f"{source.path}: {large}")
    with sources.make_temporary_folder() as workspace:
        copy = workspace / "sources"
        if history:
            copy = git.clone_history(folder, copy)
        sources.copy_files(folder, files, copy)
        # The digest of the copy: what is edited while it is made cannot be cached under the digest of the content before.
        return _run_build(copy, _digest_snapshot(copy, files, history), python, checkout, source.path)


def _needs_history(folder: Path) -> bool:
    texts = (
        (folder / name).read_bytes().decode("utf-8", "replace") for name in HISTORY_FILES if (folder / name).is_file()
    )
    return any(HISTORY_PATTERN.search(text) for text in texts)


def _digest_snapshot(folder: Path, files: Sequence[Path], history: str) -> str:
    return _add_build_settings(sources.digest_files(folder, files) + history)


def _add_build_settings(digest: str) -> str:
    """The digest of sources together with the settings of compilers and backends: with others they give another wheel."""
    return hashlib.sha256(repr((digest, list_build_settings())).encode("utf-8", "surrogateescape")).hexdigest()


def _build_from_git(source: GitRepository, python: Interpreter, observe: Callable[[str], None]) -> SourceWheel:
    pinned = COMMIT_PATTERN.fullmatch(source.revision)
    commit = source.revision if pinned else git.resolve_remote_commit(source.url, source.revision)
    label = f"git+{source.url}" + (f"@{source.revision}" if source.revision else "")
    checkout = Checkout(f"git+{source.url}", commit, dirty=False)
    if commit and (wheel := _find_built_wheel(_digest_commit(source, commit), python, checkout)):
        return wheel
    observe(f"building {label}")
    with sources.make_temporary_folder() as workspace:
        clone = workspace / "sources"
        commit = git.clone_repository(source.url, commit or source.revision, clone, label)
        folder = clone / source.subdirectory
        _require_project(folder, label)
        return _run_build(folder, _digest_commit(source, commit), python, replace(checkout, commit=commit), label)


def _digest_commit(source: GitRepository, commit: str) -> str:
    return _add_build_settings(f"{source.url} {commit} {source.subdirectory}")


def _require_project(folder: Path, label: str) -> None:
    if not folder.is_dir():
        reason = "" if folder.exists() else ": there is no such path"
        raise EnvironmentProblem(f"{label} is not a folder{reason}", hint="name the folder of a checkout")
    if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise EnvironmentProblem(f"cannot build {label}: it has neither pyproject.toml nor setup.py")


# Wheels ------------------------------------------------------------------------------------------------------------------


def _wheel_folder(digest: str, python: Interpreter) -> Path:
    return paths.environment_cache_folder() / "wheels" / cache.compute_key("wheel", digest, python.path, python.version)


def _find_built_wheel(digest: str, python: Interpreter, checkout: Checkout) -> SourceWheel | None:
    wheels = sorted(_wheel_folder(digest, python).glob("*.whl"))
    return _describe_wheel(wheels[0], digest, checkout) if wheels else None


def _run_build(folder: Path, digest: str, python: Interpreter, checkout: Checkout, label: str) -> SourceWheel:
    out = folder.parent / f"{folder.name}-wheel"
    with doing(f"building {label}"):
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
    hint = HISTORY_HINT if HISTORY_PATTERN.search(result.err) and "version" in result.err else ""
    return EnvironmentProblem(f"cannot build {label}: {uv_errors.find_build_error(result.err)}{full_log}", hint=hint)


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
