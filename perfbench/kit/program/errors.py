"""Errors of a program as one line: what was raised, where in the user's own files, and at which update."""

from __future__ import annotations

import os
import re
import traceback
from typing import Iterator, List, Optional, Tuple

from perfbench.kit.program.refusals import build_refusal
from perfbench.kit.program.refused_writes import find_refused_file
from perfbench.worker.bytecode import INSTALLED_FOLDERS
from perfbench.worker.scenario_api import ProgramError

REMOTE_FRAME = re.compile(r'^ *File "(.+)", line (\d+), in ', re.MULTILINE)
"""A frame in the text that multiprocessing and concurrent.futures attach to the error of another process."""

INLINE_METADATA_HINT = "{}, name it in the environment spec, or in a `# /// script` header of the program, PEP 723"
EXTRAS = {"flumine": "pip install 'betfair-perfbench[flumine]'"}
"""What installs a package of a program beside perfbench, if it is no more than its name."""


def describe_error(error: BaseException, folder: str, update: Optional[int] = None) -> ProgramError:
    """The error of a program in one line.

    :param folder: the program's own; the last frame there is shown, else the last of all.
    :param update: the number of the update, from 1, at which a simulation failed.
    """
    missing = _find_missing_package(error, folder)
    if missing:
        return ProgramError(
            "needs the package `{}`, which this environment lacks".format(missing),
            INLINE_METADATA_HINT.format(EXTRAS.get(missing, "install it")),
        )
    text = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    where = _describe_place(error, folder) + ("" if update is None else ", update {:,}".format(update))
    refused = find_refused_file(error)
    if refused:
        return build_refusal(refused, where)
    return ProgramError("{}{}{}".format(type(error).__name__, ": " + text if text else "", where))


def _find_missing_package(error: BaseException, folder: str) -> str:
    """The top-level name of a module that could not be imported and is none of the program's own; empty for other errors."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    name = error.name.partition(".")[0]
    own = os.path.join(folder, name)
    return "" if os.path.isdir(own) or os.path.isfile(own + ".py") else name


def _describe_place(error: BaseException, folder: str) -> str:
    place = _find_place(error, folder)
    return " at {}:{}".format(_shorten(place[0]), place[1]) if place else ""


def _find_place(error: BaseException, folder: str) -> Optional[Tuple[str, int]]:
    """File and line where an error was raised: the last in the program's folder, else the last of all."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames = list(_iterate_frames(error))
    own = [frame for frame in frames if _is_own(frame[0], folder)]
    shown = own or frames
    return shown[-1] if shown else None


def _iterate_frames(error: BaseException) -> Iterator[Tuple[str, int]]:
    """The frames of an error, and after them those of the process in which it was raised."""
    yield from ((frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__))
    cause = error.__cause__
    if cause is not None and type(cause).__name__ in ("RemoteTraceback", "_RemoteTraceback"):
        yield from ((file, int(line)) for file, line in REMOTE_FRAME.findall(str(cause)))


def _is_own(file: str, folder: str) -> bool:
    path = os.path.abspath(file)
    return path.startswith(folder + os.sep) and INSTALLED_FOLDERS.isdisjoint(path.split(os.sep))


def _shorten(file: str) -> str:
    """The last two parts of a path."""
    parts: List[str] = file.replace("\\", "/").split("/")
    return "/".join(parts[-2:])
