"""A short run of the fuzzer over market files and archives; ``make fuzz`` runs more of it."""

from __future__ import annotations

import pytest
from fuzz import archives, market_files


@pytest.mark.parametrize("seed", range(3))
def test_mutated_market_file_is_refused_in_one_line_or_read_as_readers_read_it(seed: int) -> None:
    for data in market_files.generate(seed, 40):
        market_files.check(data)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_archive_gives_every_market_or_says_what_is_missing(seed: int) -> None:
    for data in archives.generate(seed, 15):
        archives.check(data)


def test_mutations_are_the_same_for_the_same_seed() -> None:
    assert list(market_files.generate(7, 20)) == list(market_files.generate(7, 20))
    assert list(archives.generate(7, 5)) == list(archives.generate(7, 5))


def test_check_notices_a_market_that_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    (data,) = market_files.generate(0, 1)
    monkeypatch.setattr(market_files, "describe_markets", lambda _path, _folder: ([], []))
    with pytest.raises(AssertionError, match="neither described nor refused"):
        market_files.check(data)
