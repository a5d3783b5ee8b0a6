"""A document that survives restarts of a program, in a file that is replaced atomically.

It is written to a temporary file, synced, and renamed; a checksum detects a damaged file. A temporary file that a killed
program left is overwritten by the next one. The folder is synced too: otherwise a power failure may restore the old file after
its successor was used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import Any, Optional


class TornState(Exception):
    """A file of state that is not what was saved."""


def save(path: str, document: Any) -> None:
    """Replace the saved document (plain values). Raises OSError; the old one then still exists."""
    unfinished = path + ".new"
    text = _text(document)
    try:
        with open(unfinished, "wb") as file:
            file.write(b'{"checksum":"%s","document":%s}\n' % (_checksum(text), text))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise
    _sync_folder(os.path.dirname(path) or ".")


def load(path: str) -> Optional[Any]:
    """The saved document; None if there is none. Raises TornState if it is damaged."""
    try:
        with open(path, "rb") as file:
            saved = json.loads(file.read())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise TornState("{} is not JSON: {}".format(path, error)) from error
    if not isinstance(saved, dict) or saved.keys() != {"checksum", "document"}:
        raise TornState("{} has no checksum and document".format(path))
    if saved["checksum"].encode() != _checksum(_text(saved["document"])):
        raise TornState("{} does not match its checksum".format(path))
    return saved["document"]


def _text(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def _sync_folder(folder: str) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
