"""One member of a corpus, unpacked and described: the same content from every source, and its files removed afterwards."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import pytest
from fuzz.archives import generate
from support.corpora import (
    causes_of,
    event_file,
    listed,
    market,
    markets,
    name,
    names_of,
    opened,
    tarred,
    write_tree,
    zipped,
)

from perfbench.datasets import manifest, resolve
from perfbench.datasets.corpus import opening
from perfbench.datasets.corpus.description import ContentFacts, choose_sample, describe_content, describe_listing
from perfbench.datasets.corpus.opening import count_markets, discard, open_member, peek_member
from perfbench.datasets.corpus.strata import Strata, describe_strata
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe

Members = Mapping[str, bytes]
CHECKSUMS = [hashlib.sha256(market(number)).hexdigest() for number in (1, 2, 3)]

PACKERS: dict[str, Callable[[Members], bytes]] = {
    "tar": tarred,
    "zip": zipped,
    "stored.zip": lambda members: zipped(members, zipfile.ZIP_STORED),
    "bz2.zip": lambda members: zipped(members, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda members: zipped(members, zipfile.ZIP_LZMA),
    "tar.gz": lambda members: gzip.compress(tarred(members)),
    "tar.bz2": lambda members: bz2.compress(tarred(members)),
    "tar.xz": lambda members: lzma.compress(tarred(members)),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_members_of_every_archive_are_opened_one_by_one(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"corpus.{kind}").write_bytes(PACKERS[kind](markets(3)))
    members = opened(listed(tmp_path / f"corpus.{kind}"), tmp_path / "work")
    assert [member.markets[0].sha256 for member in members] == CHECKSUMS
    assert [member.markets[0].name for member in members] == [name(number) for number in (1, 2, 3)]
    assert all(member.unpack_seconds > 0 for member in members)
    assert {member.described[0].packing for member in members} == {"zip bz2" if "zip" in kind else "tar bz2"}


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress, lzma.compress])
def test_files_of_a_folder_are_opened_whatever_they_are_packed_with(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    write_tree(tmp_path / "corpus", {"a/1.900000100": pack(market(1)), "rec.jsonl": pack(market(2))})
    members = opened(listed(tmp_path / "corpus"), tmp_path / "work")
    assert [member.markets[0].sha256 for member in members] == CHECKSUMS[:2]
    assert (tmp_path / "corpus/rec.jsonl").read_bytes() == pack(market(2))


def test_opened_files_lie_in_a_folder_of_their_own_until_they_are_discarded(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(tarred(markets(2)))
    work = tmp_path / "work"
    work.mkdir()
    first, second = (open_member(member, work) for member in listed(tmp_path / "corpus.tar").members)
    assert sorted(work.iterdir()) == sorted([first.folder, second.folder])
    assert [path.name for path in first.folder.iterdir()] == [Path(first.markets[0].path).name]
    assert Path(first.markets[0].path).read_bytes() == market(1)
    discard(first)
    assert list(work.iterdir()) == [second.folder]
    discard(second)
    discard(second)
    assert not list(work.iterdir())


def test_member_can_be_sent_to_another_process(tmp_path: Path) -> None:
    (tmp_path / "corpus.zip").write_bytes(zipped(markets(1)))
    (member,) = listed(tmp_path / "corpus.zip").members
    assert pickle.loads(pickle.dumps(member)) == member
    assert len(pickle.dumps(member)) < 1000


def test_name_of_a_member_is_that_of_its_market(tmp_path: Path) -> None:
    write_tree(tmp_path / "corpus", {"a/rec": market(1), "b/rec": market(2)})
    members = opened(listed(tmp_path / "corpus"), tmp_path / "work")
    assert [member.markets[0].name for member in members] == ["rec", "rec (2)"]


def test_archive_in_an_archive_is_a_member_of_several_market_files(tmp_path: Path) -> None:
    (tmp_path / "corpus.zip").write_bytes(zipped({"week.tar": tarred(markets(2) | {"README": b"notes"})}))
    (member,) = opened(listed(tmp_path / "corpus.zip"), tmp_path / "work")
    assert [file.name for file in member.markets] == [f"week.tar/{name(1)}", f"week.tar/{name(2)}"]
    assert member.skipped == ("README (text)",)


def test_event_file_is_one_market_file_with_its_markets(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(tarred({"34567890.bz2": event_file(3)}))
    (member,) = opened(listed(tmp_path / "corpus.tar"), tmp_path / "work")
    assert (member.markets[0].markets, member.markets[0].updates) == (3, 60)


def test_member_that_is_no_stream_is_skipped_with_its_kind(tmp_path: Path) -> None:
    others = {"README.md": b"# notes", "a/catalogue.json": b'{"a": 1}', "a/prices.csv.bz2": bz2.compress(b"1,2\n")}
    (tmp_path / "corpus.tar").write_bytes(tarred(others))
    members = opened(listed(tmp_path / "corpus.tar"), tmp_path / "work")
    assert [member.skipped for member in members] == [
        ("corpus.tar: member README.md (text)",),
        ("corpus.tar: member a/catalogue.json (other JSON)",),
        ("corpus.tar: member a/prices.csv (text)",),
    ]
    assert not any(member.problems or member.markets or member.labels for member in members)


def test_single_file_that_is_no_stream_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# notes")
    (member,) = opened(listed(tmp_path / "README.md"), tmp_path / "work")
    assert "README.md is text, not a stream file" in str(member.problems[0])


@pytest.mark.parametrize("kind", ["tar", "zip", "tar.gz"])
def test_damaged_member_is_a_problem_that_names_it(tmp_path: Path, kind: str) -> None:
    damaged = {f"{name(4)}.bz2": bz2.compress(market(4))[:-20], f"{name(5)}.bz2": b"no market"}
    (tmp_path / f"corpus.{kind}").write_bytes(PACKERS[kind](markets(1) | damaged))
    members = opened(listed(tmp_path / f"corpus.{kind}"), tmp_path / "work")
    causes = [problem.cause for member in members for problem in member.problems]
    assert causes == [
        f"corpus.{kind}: member {name(4)}.bz2 is damaged or truncated (it ends before its end mark)",
        f"corpus.{kind}: member {name(5)}.bz2 is text, not a stream file: it begins with 'no market'",
    ]
    assert [len(member.markets) for member in members] == [0, 0, 1]


def test_known_file_is_compared_with_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = listed("sample-event")
    assert names_of(listing) == ["sample-event"]
    (member,) = opened(listing, tmp_path / "work")
    assert not member.problems
    entry = next(file for file in manifest.list_known_files() if file.name == "sample-win")
    object.__setattr__(listing.members.sources[0], "entry", entry)
    (member,) = opened(listing, tmp_path / "work")
    assert "sample-win is damaged (its SHA-256 differs from the manifest)" in str(member.problems[0])


@pytest.mark.parametrize("kind", ["tar", "zip", "tar.gz", "folder"])
def test_corpus_that_changes_after_its_listing_is_a_problem(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"corpus.{kind}"
    if kind == "folder":
        write_tree(path, markets(2))
    else:
        path.write_bytes(PACKERS[kind](markets(2)))
    listing = listed(path)
    if kind == "folder":
        for file in path.rglob("*.bz2"):
            file.unlink()
    else:
        path.write_bytes(PACKERS[kind]({"another": b"x" * 9}))
    assert all(member.problems and not member.markets for member in opened(listing, tmp_path / "work"))


def test_member_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(tarred({"1.900000100.bz2": bz2.compress(bytes(100_000_000))}))
    (member,) = opened(listed(tmp_path / "corpus.tar"), tmp_path / "work")
    assert "unpacks to more than 200 times its size" in str(member.problems[0])


def test_failed_opening_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "corpus.tar").write_bytes(tarred(markets(1)))
    listing = listed(tmp_path / "corpus.tar")
    monkeypatch.setattr(opening, "inspect_market", interrupt)
    (tmp_path / "work").mkdir()
    with pytest.raises(KeyboardInterrupt):
        open_member(listing.members[0], tmp_path / "work")
    assert not list((tmp_path / "work").iterdir())


def test_zip_of_many_members_is_not_read_again_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpus.zip").write_bytes(zipped(markets(3)))
    listing = listed(tmp_path / "corpus.zip")
    read = zipfile.ZipFile._RealGetContents  # type: ignore[attr-defined]
    counts = []

    def count(archive: zipfile.ZipFile) -> None:
        read(archive)
        counts.append(len(archive.filelist))

    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", count)
    opened(listing, tmp_path / "work")
    assert counts == [0, 0, 0]


def test_zip_behind_other_content_is_opened(tmp_path: Path) -> None:
    (tmp_path / "corpus.zip").write_bytes(zipped(markets(2)))
    data = (tmp_path / "corpus.zip").read_bytes()
    stub = b"PK\x03\x04".ljust(512, b"#")
    (tmp_path / "corpus.zip").write_bytes(stub + data)
    members = opened(listed(tmp_path / "corpus.zip"), tmp_path / "work")
    assert [member.markets[0].sha256 for member in members] == CHECKSUMS[:2]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_of_every_tar_format_are_opened(tmp_path: Path, form: int) -> None:
    path = f"{'long/' * 28}{name(1)}.bz2" if form == tarfile.USTAR_FORMAT else f"{'é' * 90}/{'x' * 90}/{name(1)}.bz2"
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "file").write_bytes(bz2.compress(market(1)))
    with tarfile.open(tmp_path / "corpus.tar", "w", format=form) as archive:
        archive.add(tmp_path / "day" / "file", path)
        archive.add(tmp_path / "day" / "file", "other")
    members = opened(listed(tmp_path / "corpus.tar"), tmp_path / "work")
    assert [member.member.path for member in members] == sorted([path, "other"])
    assert {member.markets[0].sha256 for member in members} == {CHECKSUMS[0]}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_archives_give_the_markets_that_unpacking_them_as_a_whole_gives(tmp_path: Path, seed: int) -> None:
    """Beyond them only those before the damage of a compressed tar, and not those that the archive has twice."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for data in islice(generate(seed, 60), 60):
        (tmp_path / "archive").write_bytes(data)
        described, problems = resolve.describe_markets(str(tmp_path / "archive"), workspace)
        listing = listed(tmp_path / "archive")
        members = opened(listing, tmp_path / "work")
        checksums = {file.sha256 for member in members for file in member.markets}
        causes = causes_of(listing) + [str(problem) for member in members for problem in member.problems]
        assert checksums >= {description.sha256 for description in described}
        assert causes or listing.skipped or any(member.skipped for member in members) or not problems
        if checksums > {description.sha256 for description in described}:
            assert causes
            assert problems


# What a member is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tar", "zip", "tar.gz"])
def test_peek_says_what_is_certainly_no_market(tmp_path: Path, kind: str) -> None:
    content = markets(1) | {
        "README": b"notes",
        "prices.bz2": bz2.compress(b"1,2"),
        f"{name(3)}.bz2": b"damaged",
        "z.zip": zipped({}),
    }
    (tmp_path / f"corpus.{kind}").write_bytes(PACKERS[kind](content))
    listing = listed(tmp_path / f"corpus.{kind}")
    assert {member.name: peek_member(member) for member in listing.members} == {
        name(3): "",
        name(1): "",
        "README": "text",
        "prices": "text",
        "z.zip": "",
    }
    assert count_markets(listing) == 3


def test_large_listing_is_not_looked_into(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"note {number}": b"text" for number in range(25)})
    assert count_markets(listed(tmp_path)) == 25


def strata_of(tmp_path: Path, *recipes: Recipe) -> Strata:
    (tmp_path / "market").write_text("".join(line for recipe in recipes for line in stream_lines(recipe)))
    (member,) = opened(listed(tmp_path / "market"), tmp_path / "work")
    assert member.strata is not None
    assert member.labels == member.strata.labels
    return member.strata


def test_strata_are_sport_market_type_in_play_share_and_runners(tmp_path: Path) -> None:
    tennis = Recipe(seed=3, runners=2, updates=100, in_play=True, event_type="2", market_type="MATCH_ODDS")
    strata = strata_of(tmp_path, tennis)
    assert (strata.sport, strata.market_type, strata.runners) == ("Tennis", "MATCH_ODDS", 2)
    assert strata.in_play_share == pytest.approx(0.2, abs=0.05)
    assert strata.labels == (
        ("sport", "Tennis"),
        ("market type", "MATCH_ODDS"),
        ("in-play", "up to half"),
        ("runners", "2–3"),
    )


def test_strata_of_several_markets_are_mixed_where_they_differ(tmp_path: Path) -> None:
    first = Recipe(seed=3, runners=2, updates=20, event_type="999")
    second = Recipe(seed=4, runners=6, updates=20, event_type="4339", market_type="WIN", start=first.start + 10**9)
    strata = strata_of(tmp_path, first, second)
    assert (strata.sport, strata.market_type, strata.runners) == ("mixed", "WIN", 4)
    assert strata_of(tmp_path, first).sport == "event type 999"


def test_strata_of_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="no market file"):
        describe_strata(())


@pytest.mark.parametrize(
    ("share", "runners", "labels"),
    [(0.0, 2, ("never", "2–3")), (0.5, 3.5, ("up to half", "4–7")), (0.51, 12, ("more than half", "8–12")),
     (1.0, 13, ("more than half", "13–20")), (0.1, 20.5, ("up to half", "more than 20"))],
)  # fmt: skip
def test_labels_of_shares_and_runners(share: float, runners: float, labels: tuple[str, str]) -> None:
    assert tuple(dict(Strata("x", "y", share, runners).labels)[name] for name in ("in-play", "runners")) == labels


# Descriptions of a corpus --------------------------------------------------------------------------------------------


def describe(tmp_path: Path, members: Members) -> ContentFacts:
    (tmp_path / "corpus.tar").write_bytes(tarred(members))
    listing = listed(tmp_path / "corpus.tar")
    (tmp_path / "work").mkdir()
    progress: list[tuple[int, int]] = []
    facts = describe_content(
        listing, range(len(listing.members)), tmp_path / "work", lambda done, total: progress.append((done, total))
    )
    count = len(listing.members)
    assert progress == [(number, count) for number in range(count + 1)]
    assert not list((tmp_path / "work").iterdir())
    return facts


def test_content_of_a_corpus_is_counted(tmp_path: Path) -> None:
    others = {"README": b"x", "notes/a.csv": b"1,2", f"{name(7)}.bz2": b"damaged", "tennis": market(8, "2")}
    facts = describe(tmp_path, markets(3) | others)
    assert facts.opened == 7
    assert facts.updates == [20, 20, 20, 20]
    assert facts.strata["sport"] == {"Horse Racing": 3, "Tennis": 1}
    assert facts.plain_bytes == sum(len(market(number)) for number in (1, 2, 3)) + len(market(8, "2"))
    packed = sum(map(len, markets(3).values())) + len(market(8, "2"))
    assert facts.packed_bytes == packed
    assert facts.skipped == 2
    assert facts.skipped_names == ["corpus.tar: member README (text)", "corpus.tar: member notes/a.csv (text)"]
    assert len(facts.problems) == 1
    assert (facts.copies, facts.shared, facts.several_markets, facts.irregular) == (0, 0, 0, 0)
    assert facts.first_published is not None
    assert facts.first_published < facts.last_published


def test_files_of_the_same_content_and_markets_in_several_files_are_counted(tmp_path: Path) -> None:
    facts = describe(tmp_path, markets(3) | {"copy": market(1), "copy 2": market(1), "event": event_file(3)})
    assert (facts.copies, facts.shared, facts.several_markets) == (2, 3, 1)


def test_listing_facts_are_sizes_and_days(tmp_path: Path) -> None:
    members = {f"BASIC/2025/Aug/{day}/1/1.90000{day:04d}.bz2": bytes([1]) * day for day in range(1, 32)}
    write_tree(tmp_path, members)
    facts = describe_listing(listed(tmp_path))
    assert (facts.members, facts.packed_bytes, facts.median_bytes) == (31, 496, 16)
    assert (facts.low_bytes, facts.high_bytes) == (2.5, 29.5)
    assert (str(facts.first_day), str(facts.last_day)) == ("2025-08-01", "2025-08-31")
    with pytest.raises(ValueError, match="no members"):
        describe_listing(listed("-"))


def test_sample_is_seeded_random_and_without_repetition() -> None:
    sample = choose_sample(1000, 1)
    assert sample == choose_sample(1000, 1) != choose_sample(1000, 2)
    assert sample == sorted(set(sample))
    assert len(sample) == 24
    assert 300 < sum(sample) / len(sample) < 700
    assert choose_sample(24, 1) == list(range(24))
