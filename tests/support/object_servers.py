"""Servers of files on this machine: an S3 by moto, and HTTP with and without ranges, slow, truncating, signed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BUCKET = "archive"
KEY_ID, SECRET = "AKIAPERFBENCHTEST", "sEcReT/with+slash0123456789abcdef"


@dataclass(slots=True)
class FileServer:
    """What an HTTP server does, and the requests that it had as method, path and range.

    ``ranges``: parts are sent. ``truncated`` files end after half of what was announced; ``stalled`` ones are silent after
    their first bytes until ``release`` is set; ``signature``: the value that a query must have. Without ``head``
    only GET is allowed; ``together``: a request waits for others.
    """

    files: Mapping[str, bytes]
    ranges: bool = True
    announce: bool = True
    truncated: frozenset[str] = frozenset()
    stalled: frozenset[str] = frozenset()
    statuses: Mapping[str, int] = field(default_factory=dict)
    signature: str = ""
    head: bool = True
    together: threading.Barrier | None = None
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers of the server that its subclass has."""

    behaviour: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        address = urlsplit(self.path)
        name = address.path.lstrip("/")
        asked_range = self.headers.get("Range", "")
        self.behaviour.requests.append((self.command, name, asked_range))
        signed = not self.behaviour.signature or parse_qs(address.query).get("X-Amz-Signature") == [
            self.behaviour.signature
        ]
        if self.behaviour.together:
            self.behaviour.together.wait(10)
        signed = signed and (self.behaviour.head or self.command == "GET")
        status = self.behaviour.statuses.get(name, 200 if name in self.behaviour.files else 404) if signed else 403
        if status != 200:
            self.send_error(status)
            return
        content = self.behaviour.files[name]
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked_range) if self.behaviour.ranges else None
        if part:
            first, last = int(part[1]), min(int(part[2] or len(content) - 1), len(content) - 1)
            if first >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            content = content[first : last + 1]
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes" if self.behaviour.ranges else "none")
        if self.behaviour.announce:
            self.send_header("Content-Length", str(len(content)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if name in self.behaviour.stalled:
            self.wfile.write(content[:10])
            self.wfile.flush()
            self.behaviour.release.wait(30)
            self.close_connection = True
        elif name in self.behaviour.truncated:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(content)


@contextmanager
def serve_files(server: FileServer) -> Iterator[FileServer]:
    """The server on a port of this machine, with its ``url``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"behaviour": server})) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{listening.server_address[1]}"
        try:
            yield server
        finally:
            server.release.set()
            listening.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """An S3 with a bucket, and a client of it; ``variables`` are those that other clients need."""

    endpoint: str
    client: Any

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def put(self, files: Mapping[str, bytes]) -> None:
        """Store objects."""
        for key, content in files.items():
            self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def serve_objects() -> Iterator[ObjectStore]:
    """An S3 by moto on a port of this machine."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=BUCKET)
        yield ObjectStore(endpoint, client)
        client.close()
    finally:
        server.stop()
