"""The table of one shard of a survey: what its own draws took. Ratios of the corpus need all shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfbench.model import SHARDED_DRAWS, Corpus, Measurement, Run
from perfbench.report.model import ReportTable
from perfbench.report.survey_table import build_survey_table
from perfbench.runner.survey.measure import select_shard
from perfbench.util.formatting import format_plural


def build_shard_table(group: Sequence[Measurement], run: Run, corpus: Corpus) -> ReportTable:
    """The table of one scenario: the seconds of each mode over the draws of the shard, without a comparison.

    :param group: as for ``build_survey_table``.
    """
    part, parts = run.settings.shard
    planned = corpus.draws[: run.settings.rounds or SHARDED_DRAWS]
    own = select_shard(planned, run.settings)
    shown = replace(corpus, draws=own, batches=len(own))
    table = build_survey_table(group, replace(run, corpus=shown), shown, {})
    note = (
        f"shard {part}/{parts}: {format_plural(len(own), 'draw')} of {len(planned)}, without a ratio of the corpus; "
        "`perfbench merge` joins the shards"
    )
    rows = tuple(replace(row, comparison=None, claim="") for row in table.rows)
    return replace(table, rows=rows, survey=None, warnings=(note, *table.warnings))
