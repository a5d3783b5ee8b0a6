"""A drawn batch, opened from real files: its markets as one, their labels, and what is no market."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support import corpora

from perfbench.model import Market
from perfbench.runner.survey.opening import MIXED, OpenBatch, join_markets


def open_batch(folder: Path, members: dict[str, bytes]) -> OpenBatch:
    """A batch of all files of a folder."""
    listing = corpora.listed(corpora.write_tree(folder / "archive", members))
    workspace = folder / "workspace"
    workspace.mkdir()
    return OpenBatch("batch", list(listing.members), 123, workspace)


def file(name: str, number: int, *doubts: str) -> Market:
    return Market(name, f"/{name}", str(number) * 64, 100 * number, 10 * number, number, doubts)


def test_markets_of_a_batch_are_one_with_the_sums_of_their_sizes() -> None:
    joined = join_markets("batch", [file("a", 1, "odd", "old"), file("b", 2, "old", "slow")])
    digest = hashlib.sha256(("1" * 64 + "2" * 64).encode()).hexdigest()
    assert joined == Market("batch", "/a", digest, 300, 30, 3, ("odd", "old", "slow"))


def test_batch_of_one_file_has_the_digest_of_the_file() -> None:
    assert join_markets("batch", [file("a", 1)]) == Market("batch", "/a", "1" * 64, 100, 10, 1)


def test_files_are_there_until_the_batch_is_left(tmp_path: Path) -> None:
    with open_batch(tmp_path, corpora.markets(3)) as batch:
        assert [market.updates for market in batch.files] == [20, 20, 20]
        assert all(Path(market.path).is_file() for market in batch.files)
        assert batch.description.market == join_markets("batch", batch.files)
        assert batch.description.packed_bytes == 123
        assert batch.description.unpack_seconds > 0
        assert (batch.description.skipped, batch.description.problems) == ((), ())
    assert not any((tmp_path / "workspace").iterdir())


def test_labels_that_differ_within_a_batch_are_mixed(tmp_path: Path) -> None:
    folder = corpora.DAY
    members = {
        f"{folder}/{corpora.name(1)}": corpora.market(1, "7"),
        f"{folder}/{corpora.name(2)}": corpora.market(2, "1"),
    }
    with open_batch(tmp_path, members) as batch:
        labels = dict(batch.description.labels)
    assert labels["sport"] == MIXED
    assert MIXED not in {value for kind, value in labels.items() if kind == "runners"}


def test_other_files_are_skipped_and_damaged_ones_named(tmp_path: Path) -> None:
    packed = next(iter(corpora.markets(1).values()))
    members = {
        f"{corpora.name(1)}.bz2": packed,
        f"{corpora.name(2)}.bz2": packed[: len(packed) // 2],
        "notes.txt": b"three races\n",
    }
    with open_batch(tmp_path, members) as batch:
        found = batch.description
    assert found.market is not None
    assert found.market.updates == 20
    (problem,) = found.problems
    assert corpora.name(2) in problem
    (skipped,) = found.skipped
    assert "notes.txt" in skipped


@pytest.mark.parametrize("content", [b"three races\n", b'{"markets": []}\n'])
def test_batch_without_a_market_has_none(content: bytes, tmp_path: Path) -> None:
    with open_batch(tmp_path, {"notes.txt": content}) as batch:
        assert batch.files == ()
        assert batch.description.market is None
        assert batch.description.labels == ()
        assert batch.description.problems == ()
