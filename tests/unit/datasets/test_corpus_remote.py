"""URLs of a corpus: what is one, and how it is shown without what authorises."""

from __future__ import annotations

import io

import pytest

from perfbench.datasets.corpus.members import Source
from perfbench.datasets.corpus.redaction import redact_text
from perfbench.datasets.corpus.remote import RemoteFile, has_credentials, is_url, join_url, redact_url
from perfbench.errors import DataProblem


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("s3://bucket/2025/", True),
        ("https://host/file.tar", True),
        ("memory://x", True),
        ("git+https://host/x", True),
        ("2025.tar", False),
        ("./a://b", False),
        ("C://x", False),
        ("://x", False),
        ("@urls.txt", False),
    ],
)
def test_url_is_told_from_a_path(spec: str, expected: bool) -> None:
    assert is_url(spec) is expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/2025/1.2.bz2", "s3://bucket/2025/1.2.bz2"),
        ("https://host:8080/a@b/file.tar", "https://host:8080/a@b/file.tar"),
        ("https://user:pa55word@host/file.tar", "https://host/file.tar"),
        ("https://token@host/file.tar", "https://host/file.tar"),
        ("https://user:p@ss@host/file.tar", "https://host/file.tar"),
        ("https://host/file.tar?X-Amz-Signature=abc&X-Amz-Credential=def", "https://host/file.tar?…"),
        ("https://host/file.tar#access_token=abc", "https://host/file.tar?…"),
        ("https://host?sig=a/b@c", "https://host?…"),
        ("s3://KEY:sec/ret+/x@bucket/file.tar", "s3://bucket/file.tar"),
        ("s3://bucket/a@b.tar", "s3://bucket/a@b.tar"),
        ("ftp://user:a/b@host/x", "ftp://host/x"),
        ("https://host/\x1b[31m", "https://host/\\x1b[31m"),
    ],
)
def test_url_is_shown_without_user_password_query_and_fragment(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert has_credentials(url) is (redact_url(url) != url and "\x1b" not in url)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("404, url='https://u:p@host/x?X-Amz-Signature=abc'", "404, url='https://host/x?…'"),
        ("/x?X-Amz-Signature=abc&a=1", "/x?X-Amz-Signature=…&a=1"),
        ("Authorization: AWS4 Credential=AKIA/2025, Signature=abc", "Authorization: AWS4 Credential=…, Signature=…"),
        ("aws_secret_access_key: abc", "aws_secret_access_key: …"),
        ("the key is wrong", "the key is wrong"),
        ("signed with PRIVATE", "signed with …"),
    ],
)
def test_text_of_a_library_is_shown_without_what_authorises(
    monkeypatch: pytest.MonkeyPatch, text: str, shown: str
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "PRIVATE")
    assert redact_text(text) == shown


def test_location_of_a_source_is_not_in_its_representation() -> None:
    assert "secret" not in repr(Source("file", "https://host/x?token=secret", "x"))


def test_member_of_a_prefix_has_its_url() -> None:
    assert join_url("s3://bucket/a/", "b/c") == join_url("s3://bucket/a", "b/c") == "s3://bucket/a/b/c"
    assert join_url("https://host/x?sig=1", "") == "https://host/x?sig=1"


class HalfFile(io.BytesIO):
    """A file that gives one byte at a time, as a network may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, size) if size is not None and size >= 0 else 1)


def test_short_reads_of_a_server_are_completed() -> None:
    file = RemoteFile(HalfFile(b"abcdef"), "x")
    assert file.read(4) == b"abcd"
    assert file.read(4) == b"ef"
    assert file.read(4) == b""
    assert file.seek(2) == file.tell() == 2
    assert file.seekable()
    assert io.BufferedReader(RemoteFile(HalfFile(b"abc"), "x")).peek(3) == b"abc"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (FileNotFoundError("https://u:p@h/x"), "URL does not exist"),
        (PermissionError("Forbidden"), "URL: access is denied"),
        (TimeoutError(), "URL does not answer in time"),
        (type("ReadTimeoutError", (Exception,), {})("x"), "URL does not answer in time"),
        (
            OSError("Could not connect to https://u:p@h/x?sig=1"),
            "URL cannot be read (Could not connect to https://h/x?…)",
        ),
        (ValueError(), "URL cannot be read (ValueError)"),
        (
            type("ClientError", (Exception,), {"response": {"ResponseMetadata": {"HTTPStatusCode": 404}}})("x"),
            "URL does not exist",
        ),
        (type("ResponseError", (Exception,), {"status": 502})("x"), "URL is answered with HTTP status 502"),
    ],
)
def test_error_of_a_library_is_a_problem_in_one_line_with_a_hint(error: Exception, cause: str) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise error

    with pytest.raises(DataProblem) as raised:
        RemoteFile(Broken(b"x"), "URL").read(1)
    assert raised.value.cause == cause
    assert raised.value.hint


def test_download_that_is_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1000, 7))
    monkeypatch.setattr("perfbench.datasets.corpus.remote.time.monotonic", lambda: float(next(times)))
    file = RemoteFile(HalfFile(b"abcdefgh"), "URL")
    with pytest.raises(DataProblem, match=r"URL is sent too slowly \(5 bytes in 35 s\)"):
        file.read(8)
