"""Plans and results of surveys of a made-up corpus, for tests of the runner without files and processes."""

from __future__ import annotations

from array import array

from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.corpus.members import MemberTable, Source
from perfbench.model import Case, CaseGroup, CaseInEnvironment, Market, OpenedBatch, Result, Sample
from perfbench.runner.survey.batches import MAX_DRAWS, SurveyPlan, plan_survey
from support.runs import HERE, scenario

NAME = "archive"


def plan_of(count: int, draws: int = MAX_DRAWS) -> SurveyPlan:
    """A corpus of this many markets, each a batch by itself."""
    table = MemberTable(
        sources=[Source("folder", "/archive", "archive")],
        paths=[f"m{number:04d}" for number in range(count)],
        source_numbers=array("i", [0] * count),
        positions=array("q", [0] * count),
        packed_bytes=array("q", [1000 + number % 7 for number in range(count)]),
    )
    return plan_survey(Listing(table, (), 0, {}, ""), NAME, 7, together=False, draws=draws)


def group_of() -> CaseGroup:
    """Two modes that are paired on a corpus."""
    cases = [Case("made_up", mode, "here", NAME) for mode in ("before", "after")]
    places = tuple(CaseInEnvironment(case, HERE) for case in cases)
    return CaseGroup(scenario("before", "after"), None, (), places, ((cases[0], cases[1]),))


def open_result(batch: str, size: int | None = 1000) -> Result:
    """What was found in a batch: a market of this size, or none."""
    market = None if size is None else Market(batch, "", "0" * 64, size, 10, 1)
    return Result(f"open {batch}", "", opened=OpenedBatch(batch, 100, market))


def pair_results(batch: str, round_: int = 0, before: float = 2.0, after: float = 1.0) -> tuple[Result, ...]:
    """The results of a pair of a batch, with these seconds on its sides."""
    found = []
    for mode, seconds in (("before", before), ("after", after)):
        case = Case("made_up", mode, "here", batch).id
        sample = Sample("duet", round_, 0, f"duet {round_} {batch}", 10, {"cpu_seconds": seconds})
        found.append(Result(f"duet {round_} {batch}", case, sample))
    return tuple(found)
