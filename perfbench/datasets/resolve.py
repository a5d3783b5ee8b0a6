"""Resolve ``--data`` (file, folder, archive, known name) to market files that can be replayed."""

from __future__ import annotations

import os
from pathlib import Path

from perfbench.datasets.archives import is_hidden, make_readable
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.manifest import KnownFile, is_available, list_known_files, load_manifest, locate_file
from perfbench.datasets.spec_content import Observer, Source, SpecContent, ignore
from perfbench.errors import DataProblem
from perfbench.model import Market
from perfbench.util.files import build_read_problem
from perfbench.util.suggest import suggest_name


def choose_default_market() -> str:
    """The name of the market that is measured without ``--data``: the real one if it was pulled, else a sample."""
    manifest = load_manifest()
    pulled = next((file for file in manifest.files if file.name == manifest.default), None)
    return manifest.default if pulled is not None and is_available(pulled) else manifest.fallback


def describe_default_market() -> str:
    """A note that the bundled sample is measured instead of the real file; empty if the real one is available."""
    manifest = load_manifest()
    if choose_default_market() == manifest.default:
        return ""
    return f"measuring the bundled {manifest.fallback}; run `perfbench data pull` to get {manifest.default}"


def open_markets(spec: str, workspace: Path, observe: Observer = ignore) -> tuple[list[Market], list[DataProblem]]:
    """The market files of a spec, ready to be replayed, and the problems of the others. See ``describe_markets``."""
    described, problems = describe_markets(spec, workspace, observe)
    return [description.market for description in described], problems


def describe_markets(
    spec: str, workspace: Path, observe: Observer = ignore
) -> tuple[list[MarketDescription], list[DataProblem]]:
    """The descriptions of the market files of a spec, and the problems of the others.

    :param spec: a path, or a known name; an existing path takes precedence.
    :param workspace: folder for the content of compressed files and archives.
    :param observe: receives a line about the files of folders and archives that are no recordings of markets.
    """
    content = SpecContent(workspace, observe)
    label = make_readable(spec)
    try:
        sources = _resolve_files(spec)
        for source in sources:
            content.add(source)
        content.finish(label, in_folder=sources[0].in_folder)
    except DataProblem as problem:
        content.problems.append(problem)
    return content.described, content.problems


def _resolve_files(spec: str) -> list[Source]:
    path, entry = locate_spec(spec)
    if entry is not None:
        return [Source(path, entry.name, entry)]
    if path.is_dir():
        return [
            Source(file, make_readable(file.name), in_folder=True) for file in _list_folder(path, make_readable(spec))
        ]
    return [Source(path, make_readable(path.name))]


def locate_spec(spec: str) -> tuple[Path, KnownFile | None]:
    """The path of a spec, and its entry in the manifest if it is a known name. Raises DataProblem if there is nothing."""
    if spec == "-":
        raise DataProblem("standard input is no market file", hint="write its content to a file first")
    label = make_readable(spec)
    try:
        path = Path(spec).expanduser()
        exists = os.path.lexists(path)
        if exists:
            path.stat()
    except OSError as error:
        raise build_read_problem(DataProblem, label, error) from error
    except (ValueError, RuntimeError) as error:
        raise DataProblem(f"{label!r} is not a path: {error}", hint="correct the path") from error
    if exists:
        return path, None
    entry = _find_known(spec)
    return locate_file(entry), entry


def _find_known(spec: str) -> KnownFile:
    files = list_known_files()
    label = make_readable(spec)
    if os.sep in spec:
        raise DataProblem(f"{label}: no such file", hint="correct the path")
    chosen = [file for file in files if spec == file.name] or [f for f in files if spec == f.name.rpartition("-")[2]]
    if len(chosen) != 1:
        raise DataProblem(
            f"{label}: no such file, and no known name{suggest_name(spec, (file.name for file in files))}",
            hint="correct the path, or choose a name of `perfbench data list`",
        )
    if not is_available(chosen[0]):
        remedy = "reinstall perfbench" if chosen[0].bundled else "run `perfbench data pull`"
        raise DataProblem(f"{chosen[0].name} is not available", hint=remedy)
    return chosen[0]


def _list_folder(folder: Path, label: str) -> list[Path]:
    """The files below a folder, sorted, without hidden ones. Raises DataProblem if there is none."""

    def raise_problem(error: OSError) -> None:
        raise build_read_problem(DataProblem, make_readable(str(error.filename)), error)

    files_below = []
    for top, folders, files in os.walk(folder, onerror=raise_problem):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        files_below += [Path(top, name) for name in sorted(files) if not is_hidden(name)]
    if not files_below:
        raise DataProblem(f"{label} is a folder without market files", hint="choose another folder")
    return files_below
