"""The machines that measured a corpus, and whether their ratios differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perfbench.model import Corpus, Run, describe_processor
from perfbench.report.survey_model import DrawnMachine, SurveyedStrata
from perfbench.stats import survey_strata
from perfbench.stats.survey_samples import DrawnSeconds

ALPHA = 0.05
"""The probability that machines with equal ratios are said to differ, at most."""

SEVERAL = "several machines"
"""The label of a batch that was measured on several machines, once on each."""


def find_machines(run: Run, corpus: Corpus) -> dict[str, str]:
    """The machine of each batch by its name; empty where the machine of the run measured alone."""
    if not corpus.machines:
        return {}
    found: dict[str, set[str]] = {}
    for measurement in run.measurements:
        names = {sample.machine for sample in measurement.timed}
        found.setdefault(measurement.case.data, set()).update(names)
    return {batch: next(iter(names)) if len(names) == 1 else SEVERAL for batch, names in found.items() if names}


def list_machines(corpus: Corpus, machines: Mapping[str, str]) -> tuple[DrawnMachine, ...]:
    """The machines by name, each with its processor and the number of batches that it measured."""
    return tuple(
        DrawnMachine(
            machine.name, describe_processor(machine.machine), sum(name == machine.name for name in machines.values())
        )
        for machine in corpus.machines
    )


def compare_machines(drawn: DrawnSeconds, machines: Mapping[str, str]) -> SurveyedStrata | None:
    """The ratio of each machine, if two of them differ; None if not.

    Draws go to whichever machine is free, so that those of one are a sample of the corpus too. Machines differ if two of their
    intervals do not overlap, which are wide enough that all of them hold together (Bonferroni).
    """
    labels = [machines.get(draw.batch, "") for draw in drawn.draws]
    names = sorted({*labels} - {SEVERAL})
    if len(names) < 2:
        return None
    strata = survey_strata.estimate_strata(
        labels,
        drawn.list_seconds(0),
        drawn.list_seconds(1),
        [draw.share for draw in drawn.draws],
        1 - ALPHA / len(names),
        inclusion=drawn.inclusion,
    )
    shown = tuple(sorted((stratum for stratum in strata if stratum.label != SEVERAL), key=lambda one: one.label))
    if max(stratum.estimate.low for stratum in shown) <= min(stratum.estimate.high for stratum in shown):
        return None
    return SurveyedStrata(
        "machine", tuple(replace(stratum, label=stratum.label or "this machine") for stratum in shown)
    )
