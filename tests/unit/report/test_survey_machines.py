"""Several machines that measured one corpus: how many batches each, and whether their ratios differ."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from support.runs import measurement, run

from perfbench.model import Corpus, Draw, Machine, MeasuringMachine
from perfbench.report import survey_machines
from perfbench.report.survey_model import SurveyedStrata
from perfbench.stats.survey_samples import DrawnSeconds

FACTS = Machine("Linux 6.1", "CPU", 2, 2**32, "CPython 3.11.7", 0.1, True)
NAMES = ("ws1", "ws2")


def draw_corpus(seed: int, count: int, slower: float = 1.0, scatter: float = 0.18) -> SurveyedStrata | None:
    """A census of batches with random ratios, shared by two machines, of which the second has ratios times ``slower``."""
    chance = random.Random(seed)
    measured, machines = [], {}
    for number in range(count):
        name = f"1.{number}"
        machines[name] = {NAMES[chance.randrange(2)]}
        before = math.exp(chance.gauss(0, 1))
        ratio = 0.5 * math.exp(chance.gauss(0, scatter)) * (slower if "ws2" in machines[name] else 1.0)
        measured.append((Draw(number, name, 1 / count), (before, before * ratio)))
    return survey_machines.compare_machines(DrawnSeconds(tuple(measured)), machines)


def test_machines_with_different_ratios_are_shown_with_their_intervals() -> None:
    strata = draw_corpus(1, 60, slower=1.5, scatter=0.05)
    assert strata is not None
    assert [stratum.label for stratum in strata.strata] == ["ws1", "ws2"]
    first, second = (stratum.estimate for stratum in strata.strata)
    assert first.high < second.low
    assert second.ratio / first.ratio == pytest.approx(1.5, rel=0.1)


def test_machines_with_equal_ratios_are_rarely_reported_as_different() -> None:
    """5 % at most; with 400 corpora more than 8 % has a probability below 0.01."""
    for count in (16, 40):
        reported = sum(draw_corpus(seed, count) is not None for seed in range(400))
        assert reported <= 0.08 * 400, (count, reported)


def test_batch_of_several_machines_belongs_to_none() -> None:
    draws = tuple((Draw(number, f"1.{number}", 0.1), (1.0, 0.5)) for number in range(10))
    machines = {f"1.{number}": {*NAMES} for number in range(10)}
    assert survey_machines.compare_machines(DrawnSeconds(draws), machines) is None


def test_each_machine_counts_the_batches_that_it_measured() -> None:
    def on(batch: str, *names: str) -> list[object]:
        made = measurement("one", [1.0] * len(names))
        samples = tuple(replace(s, machine=name) for s, name in zip(made.samples, names, strict=True))
        return [replace(made, case=replace(made.case, data=batch), samples=samples)]

    made = run([*on("1.1", "ws1"), *on("1.2", "ws2"), *on("1.3", "ws1", "ws2")])  # type: ignore[list-item]
    machines = tuple(MeasuringMachine(name, FACTS) for name in NAMES)
    corpus = Corpus("c", 3, 3, 3, "", machines=machines)
    by_batch = survey_machines.find_machines(made, corpus)
    assert by_batch == {"1.1": {"ws1"}, "1.2": {"ws2"}, "1.3": {*NAMES}}
    listed = survey_machines.list_machines(corpus, by_batch)
    assert [(machine.name, machine.batches) for machine in listed] == [("ws1", 2), ("ws2", 2)]


def test_machine_of_the_run_alone_is_not_listed() -> None:
    corpus = Corpus("c", 1, 1, 1, "")
    by_batch = survey_machines.find_machines(run([measurement("one", [1.0])]), corpus)
    assert by_batch == {}
    assert survey_machines.list_machines(corpus, by_batch) == ()
