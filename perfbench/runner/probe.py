"""A pass that only shows what passes take; its sample is no part of a run."""

from __future__ import annotations

from perfbench.model import Case, CaseGroup, Sample, Settings, Trial
from perfbench.runner import plan
from perfbench.runner.duet import execute_trial
from perfbench.runner.trial import Conditions


def run_probe(table: CaseGroup, case: Case, settings: Settings, conditions: Conditions) -> Sample | None:
    """The sample of a solo pass of a case; None if it failed, as it will again when it is measured."""
    trial = Trial("alone", -1, (case,), 1 + settings.seed % plan.MAX_HASH_SEED)
    (result,) = execute_trial(trial, table, conditions)
    return result.sample
