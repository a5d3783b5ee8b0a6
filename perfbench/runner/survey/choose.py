"""Whether the data of a run are a corpus, to be surveyed, or a few files with a table each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from perfbench.datasets.archives import make_readable
from perfbench.datasets.corpus.listing import Listing, list_corpus
from perfbench.datasets.corpus.opening import discard, open_member
from perfbench.datasets.corpus.remote import is_url, redact_url
from perfbench.errors import DataProblem, UsageProblem
from perfbench.model import SHARDED_DRAWS, Corpus, Market, Scenario, Settings
from perfbench.runner import plan
from perfbench.runner.survey.batches import MAX_DRAWS, SurveyPlan, plan_survey
from perfbench.stats import survey_draws
from perfbench.util.formatting import format_plural

MAX_TABLES = 3
"""Market files with a table each, unless ``--each`` asks for a table of every file."""

PEEKED_MEMBERS = 24
"""A listing of no more files than this is looked into: notes and catalogues beside a few markets make no corpus."""


def find_corpus(
    settings: Settings, scenarios: Collection[Scenario], workspace: Path, observe: Callable[[str], None]
) -> SurveyPlan | None:
    """The plan of a survey; None where each file has a table of its own.

    Raises UsageProblem for options that a corpus cannot have, and for options that only a corpus has.
    """
    if settings.each or settings.drawn or not settings.data:
        _require_no_survey(settings)
        return None
    listing = list_corpus(settings.data, observe)
    remote = any(map(is_url, settings.data)) or any(spec.startswith("@") for spec in settings.data)
    if not remote and _count_markets(listing, workspace) <= MAX_TABLES:
        _require_no_survey(settings)
        return None
    if not len(listing.members):
        return None
    _require_all_surveyed(settings, scenarios)
    if settings.count:
        raise UsageProblem(
            "--count counts the first lines of a market, not a corpus", hint="choose a file, or add --each"
        )
    for budget in settings.gate.budgets if settings.gate else ():
        if budget.kind != "ratio":
            name = budget.metric or budget.kind
            raise UsageProblem(f"--budget {name} limits one market, not a corpus", hint="choose a file, or add --each")
    own_metrics = any(scenario.metrics and not scenario.program for scenario in scenarios)
    draws = max(MAX_DRAWS, SHARDED_DRAWS, settings.rounds or 0)
    seed = settings.seed if settings.shard == (1, 1) else derive_shard_seed(settings, listing.digest, scenarios)
    return plan_survey(
        listing, name_corpus(settings.data, len(listing.members)), seed, together=not own_metrics, draws=draws
    )


def draw_markets(
    settings: Settings, workspace: Path, observe: Callable[[str], None]
) -> tuple[list[Market], list[DataProblem]] | None:
    """Some markets of a corpus, drawn in proportion to size, for a command that has a table for each; else None.

    :param workspace: for their unpacked files. Files that are no market streams and damaged ones are replaced by the next draws.
    """
    if not settings.drawn or settings.each or not settings.data:
        return None
    listing = list_corpus(settings.data, observe)
    if _count_markets(listing, workspace) <= MAX_TABLES:
        return None
    markets: list[Market] = []
    problems: list[DataProblem] = list(listing.problems)
    drawn = survey_draws.draw_distinct_batches(listing.members.sizes, MAX_DRAWS, settings.seed)
    for row in drawn.indices:
        opened = open_member(listing.members[int(row)], workspace)
        markets += opened.markets
        problems += opened.problems
        if len(markets) >= settings.drawn:
            break
    name = name_corpus(settings.data, len(listing.members))
    observe(f"{name}: {format_plural(len(markets), 'market')} drawn in proportion to size; --each takes all")
    return markets, problems


def derive_shard_seed(settings: Settings, digest: str, scenarios: Iterable[Scenario]) -> int:
    """The seed of all shards of a survey, the same on every machine without being typed.

    It comes from the corpus (``digest`` of its listing), the scenarios and the options that decide what is measured.
    """
    measured = (
        digest,
        sorted((scenario.name, scenario.sha256) for scenario in scenarios),
        (settings.modes, settings.environments, settings.parameters, settings.sweep),
        (settings.rounds, settings.quick, settings.shard[1]),
        *((settings.arguments,) if settings.arguments else ()),
    )
    return int.from_bytes(hashlib.sha256(repr(measured).encode("utf-8", "surrogateescape")).digest()[:4], "big")


def name_corpus(specs: Collection[str], members: int) -> str:
    """``2025_08.tar + 1 more (2,000 files)``, without the credentials of a URL."""
    first, *others = specs
    label = redact_url(first) if is_url(first) else make_readable(first)
    short = label.rstrip("/").rpartition("/")[2] or label
    more = f" + {len(others)} more" if others else ""
    return f"{short}{more} ({format_plural(members, 'file')})"


def build_stand_in(corpus: Corpus) -> Market:
    """What stands for the corpus where a group has a market."""
    return Market(corpus.name, "", corpus.digest, corpus.packed_bytes, 0, corpus.members)


def _count_markets(listing: Listing, workspace: Path) -> int:
    """The market files of a listing; of a short one those that really are some, as far as it matters."""
    if not MAX_TABLES < len(listing.members) <= PEEKED_MEMBERS:
        return len(listing.members)
    markets = 0
    for member in listing.members:
        opened = open_member(member, workspace)
        discard(opened)
        markets += len(opened.markets) + len(opened.problems)
        if markets > MAX_TABLES:
            break
    return markets


def _require_all_surveyed(settings: Settings, scenarios: Iterable[Scenario]) -> None:
    """Raises UsageProblem for a shard or a cluster with a scenario that replays no market: nothing of it is drawn."""
    if settings.shard == (1, 1) and not settings.cluster:
        return
    option = "--cluster" if settings.cluster else "--shard"
    for scenario in scenarios:
        if not plan.replays_market(scenario, settings):
            raise UsageProblem(
                f"{option}: {scenario.name} replays no market files", hint="measure it in a run of its own"
            )


def _require_no_survey(settings: Settings) -> None:
    """Raises UsageProblem for a shard or a cluster for files that have a table each."""
    hint = "name more than three market files, without --each"
    if settings.shard != (1, 1):
        raise UsageProblem("--shard divides the draws of a corpus", hint=hint)
    if settings.cluster:
        raise UsageProblem("--cluster measures the draws of a corpus", hint=hint)
