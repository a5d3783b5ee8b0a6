"""A document that a program keeps through restarts, in a file that is old or new and never torn.

Written to another file, which reaches the disk before it takes the old one's place; a checksum tells whether it is whole. What a
killed program left of that other file is overwritten by the next one. The folder reaches the disk too: else a power cut may bring
the old file back after its successor was relied on.
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
    """Put a document (plain values) in the place of the saved one. Raises OSError, and then the old one is still there."""
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
    """The saved document; None if there is none. Raises TornState if it is not whole."""
    try:
        with open(path, "rb") as file:
            saved = json.loads(file.read())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise TornState("{} is no JSON: {}".format(path, error)) from error
    if not isinstance(saved, dict) or saved.keys() != {"checksum", "document"}:
        raise TornState("{} has no checksum and document".format(path))
    if saved["checksum"].encode() != _checksum(_text(saved["document"])):
        raise TornState("{} has another content than was saved".format(path))
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
