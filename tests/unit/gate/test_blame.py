"""Functions behind the regressions of a gate, by made-up instruction counts: which comparisons are counted, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import runs

from perfbench.errors import TrialFailed
from perfbench.gate.blame import MAX_BLAMED_FUNCTIONS, blame_regressions, warn_unavailable
from perfbench.model import BlamedFunction, CaseBlame, CaseGroup, CaseInEnvironment, Environment, Measurement, Trial
from perfbench.profiling.instructions import functions
from perfbench.profiling.instructions.functions import FunctionCounts
from perfbench.profiling.model import Function
from perfbench.results.storage import load_run
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.session import FinishedRun, Session
from perfbench.runner.trial import Conditions
from perfbench.stats.instructions import HASH_SEEDS

WORK = 100


class Told:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def report_status(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    made = Session(tmp_path / "results", Told())  # type: ignore[arg-type]
    made.workspace = tmp_path
    return made


def told(session: Session) -> list[str]:
    assert isinstance(session.listener, Told)
    return session.listener.lines


def prepare(finished: FinishedRun, versions: tuple[str, str] = ("3.12.1", "3.13.0")) -> PreparedRun:
    """The groups of a run, one for each of its comparisons."""
    by_id = {measurement.case.id: measurement.case for measurement in finished.run.measurements}
    groups = []
    for before, after in ((by_id[first], by_id[second]) for first, second in finished.run.duets):
        places = tuple(
            CaseInEnvironment(case, Environment(case.environment, "python", version))
            for case, version in zip((before, after), versions, strict=True)
        )
        groups.append(CaseGroup(runs.scenario(before.mode), None, (), places, ((before, after),)))
    return PreparedRun(tuple(groups), finished.run)


def gated(folder: Path, *cases: list[Measurement]) -> FinishedRun:
    return FinishedRun(runs.gated(*cases, most=12), folder / "gate.json", interrupted=False)


def case(mode: str, seconds: float) -> list[Measurement]:
    return runs.sides_of(mode, [1.0] * 12, [seconds] * 12)


def count(**instructions: int) -> FunctionCounts:
    """The counts of a pass: a function by its name, called once per unit of work, and 100 instructions that no function owns."""
    total = sum(instructions.values()) + 100
    named = tuple(Function(f"module.{name}", "library") for name in instructions)
    return FunctionCounts(WORK, named, tuple(instructions.values()), (WORK,) * len(named), (), 100, total)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Counts of made-up functions: ``parse`` takes 1,000 instructions before and 3,000 after. The list has every trial."""
    trials: list[Trial] = []

    def count_functions(trial: Trial, _group: CaseGroup, _conditions: Conditions) -> FunctionCounts:
        trials.append(trial)
        (counted,) = trial.cases
        return count(parse=1000 if counted.environment == "old" else 3000, same=900)

    use(monkeypatch, count_functions)
    return trials


def use(monkeypatch: pytest.MonkeyPatch, counter: Callable[..., FunctionCounts], reason: str = "") -> None:
    monkeypatch.setattr(functions, "count_functions", counter)
    monkeypatch.setattr(functions, "explain_unavailable", lambda environment: reason.format(environment.name))


def test_function_that_executes_more_is_named_with_its_share(
    session: Session, counting: list[Trial], tmp_path: Path
) -> None:
    slower = case("slower", 1.1)
    finished = gated(tmp_path, slower, case("same", 1.0))
    found = blame_regressions(session, prepare(finished), finished)
    # per unit of work: 1,000 / 100 and 3,000 / 100 instructions, of 2,000 / 100 in all before
    culprit = BlamedFunction(Function("module.parse", "library").key, 10.0, 30.0, 1.0, 1.0, 1.0)
    assert found.run.blames == (CaseBlame(slower[0].case.id, slower[1].case.id, (culprit,)),)
    assert load_run(finished.path) == found.run
    assert told(session) == ["counting instructions by function: slower, before and after"]


def test_both_sides_are_counted_under_every_hash_seed(session: Session, counting: list[Trial], tmp_path: Path) -> None:
    finished = gated(tmp_path, case("slower", 1.1))
    blame_regressions(session, prepare(finished), finished)
    assert [(trial.cases[0].environment, trial.hash_seed) for trial in counting] == [
        (side, seed) for side in ("old", "new") for seed in HASH_SEEDS
    ]
    assert {trial.kind for trial in counting} == {"count"}


def test_the_most_changed_functions_are_named_first_and_not_all_of_them(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = [f"f{number}" for number in range(MAX_BLAMED_FUNCTIONS + 2)]

    def count_functions(trial: Trial, _group: CaseGroup, _conditions: Conditions) -> FunctionCounts:
        more = 1 if trial.cases[0].environment == "new" else 0
        return count(**{name: 1000 + more * 100 * (number + 1) for number, name in enumerate(names)})

    use(monkeypatch, count_functions)
    finished = gated(tmp_path, case("slower", 1.1))
    (found,) = blame_regressions(session, prepare(finished), finished).run.blames
    shares = [culprit.share for culprit in found.culprits]
    assert len(shares) == MAX_BLAMED_FUNCTIONS
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(700 / 7100)


def test_nothing_is_counted_or_saved_without_a_regression(
    session: Session, counting: list[Trial], tmp_path: Path
) -> None:
    finished = gated(tmp_path, case("same", 1.0), case("faster", 0.9))
    assert blame_regressions(session, prepare(finished), finished) is finished
    assert not counting
    assert not finished.path.exists()


@pytest.mark.parametrize("state", ["interrupted", "unfinished"])
def test_run_that_is_not_whole_is_left_as_it_is(
    state: str, session: Session, counting: list[Trial], tmp_path: Path
) -> None:
    finished = gated(tmp_path, case("slower", 1.1))
    if state == "interrupted":
        finished = replace(finished, interrupted=True)
    else:
        finished = replace(finished, run=replace(finished.run, finished=False))
    assert blame_regressions(session, prepare(finished), finished) is finished
    assert not counting


def test_modes_of_one_environment_are_not_blamed(session: Session, counting: list[Trial], tmp_path: Path) -> None:
    modes = [runs.measurement("light", [1.0] * 12), runs.measurement("heavy", [1.5] * 12)]
    finished = gated(tmp_path, modes)
    assert blame_regressions(session, prepare(finished), finished) is finished
    assert not counting


def test_pass_that_fails_gives_its_cause_in_place_of_functions(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def count_functions(*_arguments: object) -> FunctionCounts:
        raise TrialFailed("the pass took longer than 60 s")

    use(monkeypatch, count_functions)
    slower = case("slower", 1.1)
    finished = gated(tmp_path, slower)
    found = blame_regressions(session, prepare(finished), finished).run.blames
    assert found == (CaseBlame(slower[0].case.id, slower[1].case.id, problem="the pass took longer than 60 s"),)


def test_environment_where_nothing_can_be_counted_gives_the_reason(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def count_functions(*_arguments: object) -> FunctionCounts:
        raise AssertionError("nothing is counted where it is known to fail")

    use(monkeypatch, count_functions, "{} is too old")
    finished = gated(tmp_path, case("slower", 1.1))
    (found,) = blame_regressions(session, prepare(finished), finished).run.blames
    assert (found.culprits, found.problem) == ((), "old is too old")


def test_regression_that_cannot_be_counted_is_reported_before_anything_is_measured(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, count, "{} is too old")
    finished = gated(tmp_path, case("one", 1.0), case("two", 1.0))
    warn_unavailable(session, prepare(finished))
    assert told(session) == [
        "! --blame cannot name functions: old is too old",
        "! --blame cannot name functions: new is too old",
    ]
    monkeypatch.setattr(functions, "explain_unavailable", lambda _environment: "")
    warn_unavailable(session, prepare(finished))
    assert len(told(session)) == 2
