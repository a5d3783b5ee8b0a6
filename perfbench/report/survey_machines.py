"""The machines that measured a corpus, and whether their ratios differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from perfbench.model import Corpus, Run, describe_processor
from perfbench.report.survey_model import DrawnMachine, SurveyedStrata
from perfbench.stats import survey_strata
from perfbench.stats.survey_samples import DrawnSeconds

ALPHA = 0.05
"""The probability that machines with equal ratios are reported as different, at most."""

SEVERAL = "several machines"
"""The label of a batch that was measured on several machines, once on each."""


def find_machines(run: Run, corpus: Corpus) -> dict[str, set[str]]:
    """The machines that measured each batch, by its name; empty where the machine of the run measured alone."""
    machines: dict[str, set[str]] = {}
    for measurement in run.measurements if corpus.machines else ():
        machines.setdefault(measurement.case.data, set()).update(sample.machine for sample in measurement.timed)
    return machines


def list_machines(corpus: Corpus, machines: Mapping[str, Collection[str]]) -> tuple[DrawnMachine, ...]:
    """The machines by name, each with its processor and the number of batches that it measured."""
    return tuple(
        DrawnMachine(
            machine.name,
            describe_processor(machine.machine),
            sum(machine.name in names for names in machines.values()),
        )
        for machine in corpus.machines
    )


def compare_machines(drawn: DrawnSeconds, machines: Mapping[str, Collection[str]]) -> SurveyedStrata | None:
    """The ratio of each machine, if two of them differ; None if not.

    Draws go to whichever machine is free, so that those of one are a sample of the corpus too, with its part of the probability.
    Machines differ if two of their intervals do not overlap, which are wide enough that all of them hold together (Bonferroni).
    """
    labels = [_label(machines.get(draw.batch, ("",))) for draw in drawn.draws]
    names = sorted({*labels} - {SEVERAL})
    if len(names) < 2:
        return None
    parts = {name: count / len(labels) for name, count in Counter(labels).items()}
    strata = survey_strata.estimate_strata(
        labels,
        drawn.list_seconds(0),
        drawn.list_seconds(1),
        [draw.share for draw in drawn.draws],
        1 - ALPHA / len(names),
        inclusion=[chance * parts[label] for chance, label in zip(drawn.inclusion, labels, strict=True)],
    )
    shown = tuple(
        sorted((stratum for stratum in strata if stratum.label != SEVERAL), key=lambda stratum: stratum.label)
    )
    if max(stratum.estimate.low for stratum in shown) <= min(stratum.estimate.high for stratum in shown):
        return None
    return SurveyedStrata(
        "machine", tuple(replace(stratum, label=stratum.label or "this machine") for stratum in shown)
    )


def _label(machines: Collection[str]) -> str:
    return next(iter(machines)) if len(machines) == 1 else SEVERAL
