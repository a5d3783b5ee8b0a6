"""Who allocates, and one function line by line, by real workers: with memray where it is installed, without it where it is not."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from support.scenarios import scenario_path
from support.watched_tables import CONDITIONS, table_of, trial_of

from perfbench.datasets import resolve
from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, Market
from perfbench.profiling.memory import allocations
from perfbench.profiling.memory.model import AllocationSummary
from perfbench.report.profiles.memory import render_allocations, render_line_profile

BOOK = sys.getsizeof(bytes(1000))
needs_memray = pytest.mark.skipif(importlib.util.find_spec("memray") is None, reason="memray is not installed")
CACHE = "betfairlightweight.streaming.cache:MarketBookCache.update_cache"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Market:
    markets, _ = resolve.open_markets("sample-match-odds", tmp_path_factory.mktemp("market"))
    return markets[0]


@pytest.fixture(scope="module")
def replay(sample: Market) -> CaseGroup:
    return table_of(scenario_path("replay"), sample)


def looked(scenario: str, mode: str, folder: Path) -> AllocationSummary:
    return allocations.profile_allocations(*trial_of(table_of(scenario), mode), CONDITIONS, folder / "found")


@needs_memray
@pytest.mark.parametrize(("mode", "kept"), [("keeps_all", 30_000), ("keeps_some", 5000)])
def test_memray_names_the_owners_of_the_memory_peak(mode: str, kept: int, tmp_path: Path) -> None:
    found = looked("keeps_books", mode, tmp_path)
    first = found.by_bytes[0]
    assert (found.profiler, found.work, found.remark) == ("memray", 30_000, "")
    assert (first.function, first.path) == ("books", "keeps_books.py")
    assert first.count == pytest.approx(kept, abs=20)
    assert first.bytes == pytest.approx(kept * BOOK, rel=0.01)
    assert found.peak_bytes == pytest.approx(kept * BOOK, rel=0.02)


@needs_memray
def test_the_flame_graph_of_memray_loads_nothing_from_the_network(tmp_path: Path) -> None:
    found = looked("collects", "twice", tmp_path)
    assert Path(found.artefact).is_file()
    html = Path(found.html).read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link)[^>]+(?:src|href)=[\"']?(?:https?:)?//", html)


@needs_memray
def test_small_objects_count_as_they_are(tmp_path: Path) -> None:
    found = looked("keeps_small", "numbers", tmp_path)
    first = found.by_bytes[0]
    assert first.function == "Book.__init__"
    assert first.bytes == pytest.approx(20_000 * sys.getsizeof(1.5), rel=0.01)


def test_tracemalloc_replaces_memray_when_memray_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, replay: CaseGroup, tmp_path: Path
) -> None:
    monkeypatch.setattr(allocations, "MEMRAY", "absent")
    monkeypatch.setitem(allocations.SUFFIXES, "absent", ".bin")
    monkeypatch.setattr(
        allocations, "MEMRAY_MISSING", "ModuleNotFoundError: No module named 'perfbench.worker.profilers.absent'"
    )
    found = allocations.profile_allocations(*trial_of(replay, "lightweight"), CONDITIONS, tmp_path / "found")
    assert found.profiler == "tracemalloc"
    assert found.remark == (
        "memray is not installed in this environment; "
        "tracemalloc: allocations by function at the last update, not at the peak"
    )
    keys = {(one.function, one.path) for one in found.by_bytes}
    assert ("Available.update", "betfairlightweight/streaming/cache.py") in keys
    assert not any(path.startswith("perfbench/worker/") for _, path in keys)
    assert [one.bytes for one in found.by_bytes] == sorted((one.bytes for one in found.by_bytes), reverse=True)
    assert [one.count for one in found.by_count] == sorted((one.count for one in found.by_count), reverse=True)


def test_worker_without_memray_reports_it_in_the_form_that_the_host_expects(tmp_path: Path) -> None:
    if importlib.util.find_spec("memray") is not None:
        pytest.skip("memray is installed")
    assert looked("collects", "twice", tmp_path).remark.startswith("memray is not installed in this environment; ")


def test_allocation_tables_show_shares_and_the_warning(replay: CaseGroup, tmp_path: Path) -> None:
    found = allocations.profile_allocations(*trial_of(replay, "lightweight"), CONDITIONS, tmp_path / "found")
    text = render_allocations(found)
    assert "  largest by bytes" in text
    assert "  most by count" in text
    assert re.search(r"  Available\.update +\d+\.\d kB +\d+\.\d% +\d+ +betfairlightweight/streaming/cache\.py\n", text)
    assert found.remark in text


def test_a_scenario_that_fails_is_a_failed_trial(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match="ValueError: no such price"):
        looked("keeps_books", "keeps_and_fails", tmp_path)


def test_a_function_is_shown_line_by_line_over_its_first_calls(replay: CaseGroup, tmp_path: Path) -> None:
    found = allocations.profile_lines(*trial_of(replay, "lightweight"), CONDITIONS, CACHE, tmp_path / "found")
    assert (found.calls, found.cut) == (3000, True)
    (first,) = re.findall(r"^ *\d+ +\d+\.\d+ MiB +\d+\.\d+ MiB +(\d+) +def update_cache\($", found.text, re.MULTILINE)
    assert int(first) == 3000
    assert (tmp_path / "found.lines.txt").read_text() == found.text
    assert "3,000 calls: limited to the first 3,000 calls or updates" in render_line_profile(found)


def test_function_of_the_scenario_is_named_after_its_file(tmp_path: Path) -> None:
    found = allocations.profile_lines(
        *trial_of(table_of("keeps_small"), "numbers"), CONDITIONS, "keeps_small:Book.once", tmp_path / "found"
    )
    assert (found.calls, found.cut) == (1, True)
    assert "1 call: limited to the first 3,000 calls or updates\n" in render_line_profile(found)


def test_a_short_pass_is_looked_at_whole(tmp_path: Path) -> None:
    found = allocations.profile_lines(
        *trial_of(table_of("collects"), "twice"), CONDITIONS, "collects:twice", tmp_path / "found"
    )
    assert (found.calls, found.cut) == (401, False)
    assert "all 401 calls\n" in render_line_profile(found)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            CACHE[:-1],
            "betfairlightweight.streaming.cache:MarketBookCache has no `update_cach`; did you mean `update_cache`?",
        ),
        (
            "betfairlightweight.streaming.cach:x",
            "there is no module `betfairlightweight.streaming.cach` in this environment; "
            "did you mean `betfairlightweight.streaming.cache`?",
        ),
        ("nowhere_at_all:x", "there is no module `nowhere_at_all` in this environment"),
        ("nonsense", "`nonsense` is not a function: write MODULE:FUNCTION"),
        ("builtins:len", "`builtins:len` is not a function written in Python"),
        ("csv:Sniffer.sniff", "csv:Sniffer.sniff was not called in the main thread of this pass"),
    ],
)
def test_a_function_that_cannot_be_looked_at_is_one_clear_line(
    replay: CaseGroup, tmp_path: Path, function: str, message: str
) -> None:
    with pytest.raises(TrialFailed) as failed:
        allocations.profile_lines(*trial_of(replay, "lightweight"), CONDITIONS, function, tmp_path / "found")
    assert str(failed.value) == message
