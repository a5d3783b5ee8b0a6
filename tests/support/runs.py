"""Made-up samples, measurements and runs for the pure parts of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from perfbench.model import (
    Case,
    Environment,
    GatePolicy,
    Machine,
    Market,
    Measurement,
    Mode,
    Output,
    PairBudget,
    Parameter,
    Run,
    Sample,
    Scenario,
    Settings,
    TrialKind,
)
from perfbench.runner.plan import MatrixEntry

HERE = Environment("here", "python")


def sample(round_: int, seconds: float, kind: TrialKind = "duet", work: int = 100, pair: str = "") -> Sample:
    """A sample of this many CPU seconds, in the pair of its round."""
    return Sample(kind, round_, 0, pair or f"pair {round_}", work, {"cpu_seconds": seconds, "wall_seconds": seconds})


def measurement(mode: str, seconds: Iterable[float], *, baseline: bool = False, work: int = 100) -> Measurement:
    """A measurement with one duet for each of the seconds."""
    samples = tuple(sample(number, value, work=work) for number, value in enumerate(seconds))
    case = Case("made_up", mode, "here", "")
    output = Output("d", work, 1024, ("d",))
    return Measurement(case, "", "updates", "cpu_seconds", baseline, samples, output=output)


def settings(**changes: object) -> Settings:
    """Settings with nothing asked for."""
    values: dict[str, object] = {
        "scenarios": ("made_up",),
        "folders": (),
        "modes": (),
        "data": (),
        "parameters": (),
        "sweep": (),
        "rounds": None,
        "max_time": 60.0,
        "precision": 0.01,
        "timeout": 60.0,
        "seed": 7,
        **changes,
    }
    return Settings(**values)  # type: ignore[arg-type]


def run(measurements: Sequence[Measurement], **changes: object) -> Run:
    """A finished run of these measurements on a quiet machine."""
    return Run(
        schema=1,
        id="made-up",
        perfbench="0",
        created="2026-01-01T00:00:00+00:00",
        finished=True,
        machine=Machine("Linux 6.1", "CPU", 2, 2**32, "CPython 3.11.7", 0.1, True),
        settings=settings(**changes),
        scenarios=(),
        data=(),
        measurements=tuple(measurements),
    )


def sides_of(mode: str, before: Iterable[float], after: Iterable[float]) -> list[Measurement]:
    """The measurements of a mode in two environments, with these seconds in pairs."""
    sides = measurement(mode, before, baseline=True), measurement(mode, after)
    places = zip(sides, ("old", "new"), strict=True)
    return [replace(side, case=replace(side.case, environment=place)) for side, place in places]


def gated(*cases: Sequence[Measurement], most: int = 136, **policy: object) -> Run:
    """A gate's run of these cases, each a measurement before and one after."""
    duets = tuple((before.case.id, after.case.id) for before, after in cases)
    gate = GatePolicy(pairs=tuple(PairBudget(*duet, most) for duet in duets), **policy)  # type: ignore[arg-type]
    made = run([side for case in cases for side in case], environments=(("old", "new"),), gate=gate)
    return replace(made, duets=duets)


def scenario(*modes: str, name: str = "made_up", uses_market: bool = False) -> Scenario:
    """A scenario with these modes, the first its baseline, and a parameter ``window``."""
    declared = tuple(
        Mode(mode, "", number == 0, parameters=(Parameter("window", 10),), uses_market=uses_market)
        for number, mode in enumerate(modes)
    )
    return Scenario(name, f"{name}.py", "?", "updates", "cpu_seconds", "", declared)


def program(*modes: str, uses_market: bool = False) -> Scenario:
    """A user's program with these modes; a real one has a single mode."""
    path = "/mine/backtest.py:run"
    return replace(scenario(*modes, name="backtest:run", uses_market=uses_market), path=path, program=path)


MARKET = Market("market", "/market", "", 1, 1, 1)


def offer(made: Scenario, environment: Environment = HERE) -> MatrixEntry:
    """A scenario with all its modes, each in this environment."""
    return MatrixEntry(made, environment, {mode.name: environment for mode in made.modes})
