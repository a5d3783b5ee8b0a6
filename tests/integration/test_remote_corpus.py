"""Corpora behind URLs: an S3 and HTTP servers on this machine, sound, slow, truncating, without ranges, signed."""

from __future__ import annotations

import bz2
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.command_line import QUICK, perfbench
from support.corpora import (
    DAY,
    EVENT,
    causes_of,
    event_file,
    listed,
    market,
    markets,
    name,
    names_of,
    opened,
    tarred,
    zipped,
)
from support.object_servers import KEY_ID, SECRET, FileServer, ObjectStore, serve_files, serve_objects

from perfbench.datasets.corpus import remote
from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.corpus.opening import peek_member
from perfbench.results.storage import load_run

CHECKSUMS = [hashlib.sha256(market(number)).hexdigest() for number in (1, 2, 3)]
SIGNATURE = "0123456789abcdef0123456789abcdef"
SIGNED = f"?X-Amz-Credential={KEY_ID}%2F20250801%2Fus-east-1&X-Amz-Security-Token=tOkEn&X-Amz-Signature={SIGNATURE}"
SECRETS = (SIGNATURE, KEY_ID, SECRET, "tOkEn", "pa55word")

pytest.importorskip("s3fs")
pytest.importorskip("moto")


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with serve_objects() as store:
        store.put({f"2025/{path}": content for path, content in markets(3).items()})
        store.put({f"2025/{DAY}/{EVENT}.bz2": event_file(3), "2025/README": b"notes", "2025/.hidden/x": b"x"})
        store.put(
            {
                "week.tar": tarred(markets(3)),
                "week.zip": zipped(markets(3)),
                "week.tar.bz2": bz2.compress(tarred(markets(3))),
            }
        )
        yield store


@pytest.fixture
def s3(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """The store, with the variables of its clients."""
    for variable, value in store.variables.items():
        monkeypatch.setenv(variable, value)
    forget_file_systems()
    yield store
    forget_file_systems()


def forget_file_systems() -> None:
    """Connections that fsspec keeps for other variables or limits."""
    import s3fs
    from fsspec.implementations.http import HTTPFileSystem

    s3fs.S3FileSystem.clear_instance_cache()
    HTTPFileSystem.clear_instance_cache()


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(remote, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 0.5)
    forget_file_systems()
    yield
    forget_file_systems()


def checksums_of(listing: Listing, folder: Path) -> list[str]:
    return [file.sha256 for member in opened(listing, folder) for file in member.markets]


def problems_of(listing: Listing, folder: Path) -> list[str]:
    return causes_of(listing) + [problem.cause for member in opened(listing, folder) for problem in member.problems]


# S3 ------------------------------------------------------------------------------------------------------------------


def test_objects_below_a_prefix_are_listed_and_opened(tmp_path: Path, s3: ObjectStore) -> None:
    for spec in ("s3://archive/2025/", "s3://archive/2025"):
        listing = listed(spec)
        assert names_of(listing) == [name(1), name(2), name(3), "README"]
        assert dict(listing.skipped) == {"event files beside their markets": 1, "hidden": 1}
        assert checksums_of(listing, tmp_path / "work") == CHECKSUMS
    assert peek_member(listing.members[3]) == "text"


@pytest.mark.parametrize("file", ["week.tar", "week.zip", "week.tar.bz2"])
def test_archive_in_a_bucket_is_listed_and_opened_as_a_local_one(tmp_path: Path, s3: ObjectStore, file: str) -> None:
    listing = listed(f"s3://archive/{file}")
    assert names_of(listing) == [name(1), name(2), name(3)]
    assert checksums_of(listing, tmp_path / "work") == CHECKSUMS
    (tmp_path / file).write_bytes(s3.client.get_object(Bucket="archive", Key=file)["Body"].read())
    assert listed(tmp_path / file).digest == listing.digest


def test_archives_below_a_prefix_are_listed_with_the_objects(tmp_path: Path, s3: ObjectStore) -> None:
    s3.put(
        {
            "mixed/1.900007700.bz2": bz2.compress(market(7)),
            "mixed/a/week.tar": tarred(markets(3)),
            "mixed/no.tar": b"notes",
        }
    )
    listing = listed("s3://archive/mixed")
    assert names_of(listing) == ["1.900007700", name(1), name(2), name(3), "no.tar"]
    assert not problems_of(listing, tmp_path / "work")


def test_single_object_is_a_listing_of_one(tmp_path: Path, s3: ObjectStore) -> None:
    listing = listed(f"s3://archive/2025/{DAY}/{name(1)}.bz2")
    assert names_of(listing) == [name(1)]
    assert checksums_of(listing, tmp_path / "work") == CHECKSUMS[:1]


def test_corpus_of_a_bucket_and_a_local_tar_counts_duplicates(tmp_path: Path, s3: ObjectStore) -> None:
    (tmp_path / "local.tar").write_bytes(tarred(markets(2)))
    listing = listed(tmp_path / "local.tar", "s3://archive/2025/")
    assert names_of(listing) == [name(1), name(2), name(3), "README"]
    assert listing.skipped["duplicates (same market and size)"] == 2


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ("s3://archive/missing.tar", "s3://archive/missing.tar does not exist"),
        ("s3://archive/none/", "s3://archive/none/ contains no market file"),
        ("s3://nobody/x.tar", "s3://nobody/x.tar does not exist"),
    ],
)
def test_object_that_is_missing_is_one_problem(s3: ObjectStore, spec: str, cause: str) -> None:
    listing = listed(spec)
    assert causes_of(listing) == [cause]
    assert listing.problems[0].hint


def test_object_that_vanishes_or_changes_after_its_listing_is_a_problem(tmp_path: Path, s3: ObjectStore) -> None:
    s3.put({f"gone/1.90000770{number}.bz2": bz2.compress(market(7)) for number in (1, 2)})
    listing = listed("s3://archive/gone")
    s3.delete("gone/1.900007701.bz2")
    s3.put({"gone/1.900007702.bz2": bz2.compress(market(7))[:-5]})
    assert [re.sub(r"[\d,]+ bytes", "N bytes", cause) for cause in problems_of(listing, tmp_path / "work")] == [
        "s3://archive/gone/1.900007701.bz2 does not exist",
        f"1.900007702.bz2 has N bytes, not {len(bz2.compress(market(7))):,} as it was listed",
    ]


def test_damaged_object_is_a_problem_with_its_name(tmp_path: Path, s3: ObjectStore) -> None:
    s3.put({"bad/1.900007701.bz2": bz2.compress(market(7))[:-5], "bad/cut.tar": tarred(markets(3))[:-1500]})
    causes = problems_of(listed("s3://archive/bad"), tmp_path / "work")
    assert causes[0].startswith("cut.tar is damaged or cut off after member")
    assert causes[1] == "1.900007701.bz2 is damaged or truncated (it ends before its end mark)"


def test_wrong_credentials_are_no_leak(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server accepts every key; one that is not there cannot sign."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    (cause,) = causes_of(listed("s3://archive/week.tar"))
    assert re.fullmatch(
        r"s3://archive/week\.tar(: access is denied| cannot be read \(Unable to locate credentials\))", cause
    )


def test_store_that_does_not_answer_is_given_up(
    s3: ObjectStore, monkeypatch: pytest.MonkeyPatch, short_waits: None
) -> None:
    files = {"archive": bytes(9999), "archive/week.tar": bytes(9999)}
    with serve_files(FileServer(files, stalled=frozenset(files))) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        (cause,) = causes_of(listed("s3://archive/week.tar"))
    assert cause == "s3://archive/week.tar does not answer in time"
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)  # nobody listens there now
    (cause,) = causes_of(listed("s3://archive/week.tar"))
    assert cause.startswith("s3://archive/week.tar cannot be read (")


def test_command_describes_a_bucket_without_its_credentials(tmp_path: Path, s3: ObjectStore) -> None:
    done = perfbench("data", "describe", "s3://archive/2025/", "--full", folder=tmp_path, env=s3.variables)
    assert done.returncode == 0, done.stderr
    assert "event files beside their markets: 1" in done.stdout
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]


# HTTP ----------------------------------------------------------------------------------------------------------------


FILES = {
    "week.tar": tarred(markets(3)),
    "week.zip": zipped(markets(3)),
    "week.tar.bz2": bz2.compress(tarred(markets(3))),
    f"{name(1)}.bz2": bz2.compress(market(1)),
    "large.tar": tarred({f"1.90000{number:04d}": bytes(3_000_000) for number in range(4)}),
}


@pytest.mark.parametrize("file", ["week.tar", "week.zip", "week.tar.bz2", f"{name(1)}.bz2"])
def test_file_of_a_web_server_is_listed_and_opened(tmp_path: Path, file: str) -> None:
    with serve_files(FileServer(FILES)) as server:
        listing = listed(f"{server.url}/{file}")
        count = 1 if file.endswith("00.bz2") else 3
        assert names_of(listing) == [name(number) for number in range(1, count + 1)]
        assert checksums_of(listing, tmp_path / "work") == CHECKSUMS[:count]


def test_only_parts_of_a_large_tar_are_read_for_a_listing() -> None:
    with serve_files(FileServer(FILES)) as server:
        assert len(listed(f"{server.url}/large.tar").members) == 4
        parts = [re.findall(r"\d+", part) for method, _, part in server.requests if method == "GET" and part]
    sizes = [int(last) - int(first) + 1 for first, last in parts]
    assert 3 <= len(sizes) <= 8
    assert sum(sizes) < len(FILES["large.tar"])


@pytest.mark.parametrize("announce", [True, False])
def test_tar_of_a_server_without_ranges_is_read_from_its_beginning(tmp_path: Path, announce: bool) -> None:
    with serve_files(FileServer(FILES, ranges=False, announce=announce)) as server:
        listing = listed(f"{server.url}/week.tar")
        assert listing.members.sources[0].kind == "packed tar"
        assert names_of(listing) == [name(1), name(2), name(3)]
        assert checksums_of(listing, tmp_path / "work") == CHECKSUMS


def test_zip_of_a_server_without_ranges_is_refused() -> None:
    with serve_files(FileServer(FILES, ranges=False)) as server:
        (problem,) = listed(f"{server.url}/week.zip").problems
    assert problem.cause == f"{server.url}/week.zip: its server does not send parts of a zip"
    assert problem.hint == "download it first"


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (404, "does not exist"),
        (403, ": access is denied"),
        (401, ": access is denied"),
        (500, " is answered with HTTP status 500"),
        (503, " is answered with HTTP status 503"),
    ],
)
def test_answer_of_a_web_server_is_the_cause(status: int, cause: str) -> None:
    with serve_files(FileServer(FILES, statuses={"week.tar": status})) as server:
        (shown,) = causes_of(listed(f"{server.url}/week.tar"))
    assert shown.removeprefix(f"{server.url}/week.tar").strip() == cause.strip()


def test_truncated_answers_are_problems(tmp_path: Path) -> None:
    truncated = frozenset({"week.tar.bz2", f"{name(1)}.bz2"})
    with serve_files(FileServer(FILES, truncated=truncated)) as server:
        for file in truncated:
            causes = problems_of(listed(f"{server.url}/{file}"), tmp_path / "work")
            assert causes
            assert all(file in cause for cause in causes)


def test_silent_server_is_given_up(tmp_path: Path, short_waits: None) -> None:
    with serve_files(FileServer(FILES, stalled=frozenset({"week.tar", f"{name(1)}.bz2"}))) as server:
        assert causes_of(listed(f"{server.url}/week.tar")) == [f"{server.url}/week.tar does not answer in time"]
        listing = listed(f"{server.url}/{name(1)}.bz2")
        assert problems_of(listing, tmp_path / "work") == [f"{server.url}/{name(1)}.bz2 does not answer in time"]


def test_download_below_the_least_rate_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_files(FileServer(FILES)) as server:
        listing = listed(f"{server.url}/{name(1)}.bz2")
        monkeypatch.setattr(remote, "GRACE_SECONDS", -1.0)
        (cause,) = problems_of(listing, tmp_path / "work")
    assert re.fullmatch(r"http\S+ is sent too slowly \([\d,]+ bytes in \d+ s\)", cause)


def test_folder_of_a_web_server_is_refused_with_the_list_as_the_way(tmp_path: Path) -> None:
    with serve_files(FileServer(FILES)) as server:
        (problem,) = listed(f"{server.url}/").problems
        assert problem.cause == f"{server.url}/: HTTP has no folders"
        assert problem.hint.endswith("--data @urls.txt")
        (tmp_path / "urls.txt").write_text(f"{server.url}/{name(1)}.bz2\n{server.url}/week.tar\n{server.url}/missing\n")
        listing = listed(f"@{tmp_path / 'urls.txt'}")
    assert names_of(listing) == [name(1), name(2), name(3)]
    assert causes_of(listing) == [f"{server.url}/missing does not exist"]


def test_urls_of_a_list_are_asked_for_together(tmp_path: Path) -> None:
    files = {f"1.90000770{number}.bz2": bz2.compress(market(number)) for number in range(4)}
    with serve_files(FileServer(files, together=threading.Barrier(4))) as server:
        (tmp_path / "urls.txt").write_text("\n".join(f"{server.url}/{file}" for file in files))
        listing = listed(f"@{tmp_path / 'urls.txt'}")
    assert names_of(listing) == [file.removesuffix(".bz2") for file in files]
    assert listing.members.sizes.tolist() == [len(content) for content in files.values()]


def test_url_that_is_signed_for_get_only_is_read(tmp_path: Path) -> None:
    with serve_files(FileServer(FILES, head=False, signature=SIGNATURE)) as server:
        listing = listed(f"{server.url}/week.tar{SIGNED}", f"{server.url}/{name(1)}.bz2{SIGNED}")
        assert checksums_of(listing, tmp_path / "work") == CHECKSUMS
        assert listing.skipped["duplicates (same market and size)"] == 1


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ("http://127.0.0.1:1/week.tar", "http://127.0.0.1:1/week.tar cannot be read ("),
        ("nonsense://x/week.tar", "nonsense://x/week.tar cannot be read (Protocol not known: nonsense)"),
        ("gs://bucket/week.tar", "gs://bucket/week.tar: a package for gs:// is missing"),
        ("memory://nothing.tar", "memory://nothing.tar does not exist"),
    ],
)
def test_url_that_leads_nowhere_is_one_problem(spec: str, cause: str) -> None:
    (problem,) = listed(spec).problems
    assert problem.cause.startswith(cause)
    assert problem.hint


def test_file_in_memory_is_listed_and_opened(tmp_path: Path) -> None:
    import fsspec

    files = fsspec.filesystem("memory")
    files.pipe("/corpus/week.tar", tarred(markets(3)))
    listing = listed("memory://corpus/week.tar")
    assert checksums_of(listing, tmp_path / "work") == CHECKSUMS
    assert names_of(listed("memory://corpus/")) == [name(1), name(2), name(3)]
    files.rm("/corpus", recursive=True)


# Credentials ---------------------------------------------------------------------------------------------------------


def test_signed_url_is_read_and_its_signature_never_shown(tmp_path: Path) -> None:
    with serve_files(FileServer(FILES, signature=SIGNATURE)) as server:
        url = f"{server.url}/week.tar{SIGNED}"
        listing = listed(url)
        assert checksums_of(listing, tmp_path / "work") == CHECKSUMS
        done = perfbench("data", "describe", url, "--full", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        wrong = url.replace(SIGNATURE, "f" * 32)
        refused = perfbench("data", "describe", wrong, folder=tmp_path)
    assert refused.returncode == 5
    assert f"! {server.url}/week.tar?…: access is denied" in refused.stderr
    shown = repr([(member.name, member.label, member.source.label) for member in listing.members])
    text = done.stdout + done.stderr + refused.stdout + refused.stderr + shown
    assert not [secret for secret in (*SECRETS, "f" * 32, "X-Amz") if secret in text]


def test_every_failure_of_a_signed_url_keeps_its_signature(tmp_path: Path, short_waits: None) -> None:
    texts = []
    for behaviour in (
        {"statuses": {"week.tar": 500}},
        {"statuses": {"week.tar": 404}},
        {"stalled": frozenset({"week.tar"})},
        {"truncated": frozenset({"week.tar"})},
        {"ranges": False},
    ):
        with serve_files(FileServer(FILES, signature=SIGNATURE, **behaviour)) as server:
            url = f"{server.url.replace('//', '//user:pa55word@')}/week.tar{SIGNED}"
            done = perfbench("data", "describe", url, folder=tmp_path)
            texts.append(done.stdout + done.stderr)
    assert not [secret for secret in (*SECRETS, "X-Amz", "user:") if any(secret in text for text in texts)]


def test_saved_run_of_a_signed_url_has_no_credentials(tmp_path: Path) -> None:
    with serve_files(FileServer(FILES, signature=SIGNATURE)) as server:
        url = f"{server.url.replace('//', '//user:pa55word@')}/{name(1)}.bz2{SIGNED}"
        done = perfbench("run", "--mode", "lightweight", *QUICK, "--data", url, "--save", "signed", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    saved = "".join(path.read_text() for path in (tmp_path / "results").iterdir() if path.is_file())
    assert json.loads((tmp_path / "results" / "signed.json").read_text())
    assert not [secret for secret in (*SECRETS, "X-Amz", "user:") if secret in saved + done.stdout + done.stderr]


def test_each_file_of_a_url_and_of_a_list_has_a_table_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("sample-event\n")
    with serve_files(FileServer(FILES)) as server:
        data = ("--data", f"{server.url}/week.tar", "--data", "@list.txt")
        done = perfbench("run", "--each", "--mode", "lightweight", *QUICK, *data, folder=tmp_path)
        missing = perfbench("run", "--each", "--data", f"{server.url}/none.tar", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [name(1), name(2), name(3), "sample-event"]
    assert re.findall(r"^replay · (\S+) · ", done.stdout, re.MULTILINE) == names
    assert missing.returncode == 5
    assert missing.stderr == f"perfbench: {server.url}/none.tar does not exist\nhint: correct the URL\n"


def test_interrupted_run_of_a_signed_url_is_resumed_with_its_url_typed_again(tmp_path: Path) -> None:
    with serve_files(FileServer(FILES, signature=SIGNATURE)) as server:
        url = f"{server.url}/{name(1)}.bz2{SIGNED}"
        options = ("--mode", "lightweight", *QUICK, "--data", url)
        assert perfbench("run", *options, "--save", "signed", folder=tmp_path).returncode == 0
        begun = load_run(tmp_path / "results" / "signed.json")
        empty = tuple(replace(measurement, samples=()) for measurement in begun.measurements)
        outline = replace(begun, finished=False, measurements=empty)
        journal = tmp_path / "results" / "signed.journal"
        journal.write_bytes(msgspec.json.encode(outline) + b"\n")
        (tmp_path / "results" / "signed.json").unlink()
        without = perfbench("run", "--resume", folder=tmp_path)
        assert without.returncode == 5
        assert f"{server.url}/{name(1)}.bz2?…: access is denied" in without.stderr
        other = perfbench("run", "--resume", "--data", url.replace(name(1), name(2)), folder=tmp_path)
        assert "signed.journal was measured with another --data than this" in other.stderr
        done = perfbench("run", "--resume", "--data", url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    saved = (tmp_path / "results" / "signed.json").read_text()
    assert not [secret for secret in (*SECRETS, "X-Amz") if secret in saved + done.stdout + done.stderr]
