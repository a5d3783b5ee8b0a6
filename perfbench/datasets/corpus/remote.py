"""Files behind URLs through fsspec, an extra: opened and listed, with errors that show no credentials."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any, TypeVar, cast

from perfbench.datasets.corpus.redaction import has_credentials, is_url, join_url, redact_text, redact_url
from perfbench.errors import DataProblem
from perfbench.util.extras import describe_missing, format_install_command, has_extra
from perfbench.util.formatting import make_printable

__all__ = ["has_credentials", "is_url", "join_url", "redact_url"]

MAX_REASON = 200
BLOCK_BYTES = 1 << 20
"""Bytes of a request: the headers of small members are in one block, and between those of large ones little is read."""

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
"""Seconds without a byte after which a server is given up."""

MAX_REQUESTS = 16
MAX_TRIES = 2
"""Attempts of a request to S3; a server that is silent is waited for in each."""

MIN_RATE = 20_000
"""Bytes per second of a download, below which it is given up after ``GRACE_SECONDS``."""

GRACE_SECONDS = 30.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object below a prefix: its path from there, and its size in bytes, None if the server does not tell."""

    path: str
    size: int | None


class RemoteFile(io.RawIOBase):
    """An open object, whose errors are DataProblem without credentials. A download below ``MIN_RATE`` is given up."""

    def __init__(self, file: IO[bytes], label: str) -> None:
        super().__init__()
        self._file = file
        self._label = label
        self._seconds = 0.0
        self._received = 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read at any place."""
        return bool(self._file.seekable())

    def tell(self) -> int:
        """The position."""
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position. Raises DataProblem."""
        return int(_call(self._label, lambda: self._file.seek(offset, whence)))

    def read(self, size: int = -1) -> bytes:
        """This many bytes, fewer only at the end. Raises DataProblem."""
        if size < 0:
            return self._read_part(size)
        parts, missing = [], size
        while missing and (part := self._read_part(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _read_part(self, size: int) -> bytes:
        """What the server has sent, at most this many bytes."""
        start = time.monotonic()
        part: bytes = _call(self._label, lambda: self._file.read(size))
        self._seconds += time.monotonic() - start
        self._received += len(part)
        if self._seconds > GRACE_SECONDS + self._received / MIN_RATE:
            raise DataProblem(
                f"{self._label} is sent too slowly ({self._received:,} bytes in {self._seconds:.0f} s)",
                hint="download it first",
            )
        return part

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer. Raises DataProblem."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close it."""
        if not self.closed:
            self._file.close()
        super().close()


def open_url(url: str) -> IO[bytes]:
    """An object to be read at any place, by requests of ranges. Raises DataProblem."""
    return _open(url, block_size=BLOCK_BYTES)


def open_url_forwards(url: str) -> IO[bytes]:
    """An object to be read from its beginning, in one request where the protocol can. Raises DataProblem."""
    return _open(url, **({"block_size": 0} if url.startswith("http") else {"block_size": BLOCK_BYTES}))


def _open(url: str, **options: Any) -> IO[bytes]:
    files, path = _connect(url)
    label = redact_url(url)
    return cast("IO[bytes]", RemoteFile(_call(label, lambda: files.open(path, "rb", **options)), label))


def measure_url(url: str) -> int | None:
    """The size of an object in bytes; None if the server does not tell. Raises DataProblem."""
    files, path = _connect(url)
    size: int | None = _call(redact_url(url), lambda: files.size(path))
    return size


def measure_urls(urls: Iterable[str]) -> dict[str, int | DataProblem | None]:
    """The sizes of many objects, or their problems; ``MAX_REQUESTS`` are asked for at a time."""

    def measure(url: str) -> int | DataProblem | None:
        try:
            return measure_url(url)
        except DataProblem as problem:
            return problem

    listed = list(urls)
    with ThreadPoolExecutor(MAX_REQUESTS) as pool:
        return dict(zip(listed, pool.map(measure, listed), strict=True))


def is_prefix(url: str) -> bool:
    """Whether a URL names a folder and no object. Raises DataProblem."""
    if url.endswith("/"):
        return True
    if url.startswith("http"):
        return False
    files, path = _connect(url)
    return bool(_call(redact_url(url), lambda: files.isdir(path)))


def list_objects(url: str) -> Iterator[RemoteObject]:
    """The objects below a prefix, in the order of the server. Raises DataProblem."""
    files, path = _connect(url)
    top = path.rstrip("/")
    listed: dict[str, dict[str, Any]] = _call(redact_url(url), lambda: files.find(top, detail=True))
    while listed:
        name, status = listed.popitem()
        yield RemoteObject(name.removeprefix(top).lstrip("/"), status.get("size"))


def explain_missing() -> tuple[str, str]:
    """Why no URL can be read here, and what to do about it; empty texts if they can."""
    if has_extra("remote", "fsspec"):
        return "", ""
    return describe_missing("a URL", ("fsspec",)), format_install_command("remote")


def _import_fsspec(label: str) -> Any:
    """The core of fsspec. Raises DataProblem without the extra ``remote``."""
    if not has_extra("remote", "fsspec"):
        cause, hint = explain_missing()
        raise DataProblem(f"{label}: {cause}", hint=hint)
    import fsspec.core  # noqa: PLC0415 - an extra

    return fsspec


def _connect(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it. Raises DataProblem."""
    label = redact_url(url)
    fsspec = _import_fsspec(label)
    protocol = url.partition("://")[0].lower()
    options: dict[str, Any] = {"use_listings_cache": False}
    if protocol in ("http", "https"):
        options |= {"client_kwargs": {"timeout": _build_timeout(label)}}
    elif protocol in ("s3", "s3a"):
        options |= {
            "config_kwargs": {
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": SILENT_SECONDS,
                "retries": {"max_attempts": MAX_TRIES - 1},
            }
        }
    elif protocol == "memory":
        options = {}
    try:
        files, path = fsspec.core.url_to_fs(url, **options)
    except ImportError:
        is_brought = protocol in ("s3", "s3a", "http", "https")
        hint = format_install_command("remote") if is_brought else "install the package of fsspec for it"
        raise DataProblem(f"{label}: a package for {protocol}:// is missing", hint=hint) from None
    except Exception as error:
        raise _explain(label, error) from None
    if hasattr(files, "retries"):
        files.retries = MAX_TRIES
    return files, path


def _get_s3_status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return status if isinstance(status, int) else None


def _build_timeout(label: str) -> Any:
    """Raises DataProblem without aiohttp."""
    if not has_extra("remote", "aiohttp"):
        raise DataProblem(f"{label}: aiohttp is not installed", hint=format_install_command("remote"))
    import aiohttp  # noqa: PLC0415 - takes long to import

    return aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)


def _call(label: str, call: Callable[[], Answer]) -> Answer:
    """The answer of a library. Raises DataProblem for any error: libraries of protocols raise their own of every kind."""
    try:
        return call()
    except Exception as error:
        raise _explain(label, error) from None


def _explain(label: str, error: Exception) -> DataProblem:
    """The problem of an object, without the URL of the error, which may authorise."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # that of HTTP, of which fsspec says only that there is no file
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError) or status == 404 or _get_s3_status(error) == 404:
        return DataProblem(f"{label} does not exist", hint="correct the URL")
    if isinstance(error, PermissionError) or status in (401, 403):
        return DataProblem(
            f"{label}: access is denied", hint="check the credentials and the URL; a signed one may have expired"
        )
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)) or "Timeout" in type(error).__name__:
        return DataProblem(f"{label} does not answer in time", hint="try again, or download it first")
    if status is not None:
        return DataProblem(f"{label} is answered with HTTP status {status}", hint="try again, or download it first")
    reason = " ".join(redact_text(str(error)).split())[:MAX_REASON].rstrip(".") or type(error).__name__
    return DataProblem(f"{label} cannot be read ({make_printable(reason)})", hint="check the URL and the connection")
