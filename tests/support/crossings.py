"""Crossings: combinations of what users combine, every pair of values in at least one, and the command line of each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

Values = Mapping[str, Sequence[str]]
Pair = frozenset[tuple[str, str]]

MAX_CASES = 6
"""Crossings with more cases cost seconds each; every pair of values is in a smaller one."""

CANDIDATES = 30
"""Completions that are tried for each crossing; the one with the most new pairs is taken."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One combination: a value for each dimension."""

    command: str
    files: str
    modes: str
    environments: str
    scenarios: str
    plan: str
    output: str

    @property
    def id(self) -> str:
        """``run-folder_bz2-two-one-sized-quick-exports``."""
        return "-".join(values_of(self))


DIMENSIONS: Values = {
    "command": ("run", "sweep", "compare", "gate", "profile"),
    "files": (
        *("plain", "bz2", "gz", "xz", "zip", "tar"),
        *("folder", "folder_bz2", "folder_gz", "folder_xz", "folder_zip", "two", "same_twice", "none"),
    ),
    "modes": ("one", "two"),
    "environments": ("one", "two", "reversed", "three"),
    "scenarios": ("sized", "flat", "both", "replay"),
    "plan": ("plain", "rounds", "quick", "set", "accept"),
    "output": ("terminal", "exports", "stdout", "columns"),
}
assert tuple(DIMENSIONS) == tuple(field.name for field in fields(Crossing))

values_of: Callable[[Crossing], tuple[str, ...]] = attrgetter(*DIMENSIONS)
"""The values of a crossing in the order of the dimensions."""


def is_expressible(crossing: Crossing) -> bool:
    """Whether the command has an option or an argument for every value."""
    lacking = {
        "run": (),
        "sweep": ("set",),
        "compare": ("quick",),
        "gate": ("quick", "rounds", "columns", "three"),
        "profile": ("quick", "accept", "both", "three", "columns", "exports", "stdout"),
    }[crossing.command]
    if crossing.scenarios == "replay":
        if crossing.command == "sweep" or crossing.plan in ("set", "accept"):
            return False  # what is set, swept and accepted here belongs to the other scenarios
        if crossing.environments == "three" or (crossing.command == "profile" and crossing.environments != "one"):
            return False  # real passes by the hundred
    if (crossing.scenarios == "flat") != (crossing.files == "none"):
        return False  # flat replays no file; without a file the others replay one of thousands of updates
    return not set(lacking) & set(values_of(crossing)) and count_cases(crossing) <= MAX_CASES


def count_cases(crossing: Crossing) -> int:
    """How many cases a crossing measures, at most."""
    environments = {"one": 1, "three": 3}.get(crossing.environments, 2)
    files = 2 if crossing.files.startswith(("folder", "zip", "tar", "two")) else 1
    return (
        environments
        * files
        * len(modes_of(crossing))
        * len(NAMED[crossing.scenarios])
        * len(scales_of(crossing) or (1,))
    )


def refusal(crossing: Crossing) -> str:
    """Why a crossing is refused before anything is measured, as its message has it; empty if it is not refused."""
    if crossing.command == "compare" and crossing.environments == "one":
        return "at least two environments are needed"
    if crossing.command == "gate" and crossing.environments == "one":
        return "give exactly one of --before SPEC and --baseline RUN"
    return ""


def cover_all_pairs(
    dimensions: Values, allowed: Callable[[Crossing], bool], seed: int = 17
) -> tuple[list[Crossing], set[Pair]]:
    """Crossings with every pair of values that any allowed crossing has, and these pairs. The same seed gives the same."""
    whole = [crossing for values in itertools.product(*dimensions.values()) if allowed(crossing := Crossing(*values))]
    having: dict[Pair, list[Crossing]] = {}
    for crossing in whole:
        for pair in pairs_of(crossing):
            having.setdefault(pair, []).append(crossing)
    chosen: list[Crossing] = []
    order, missing = random.Random(seed), set(having)
    for pair in sorted(having, key=lambda pair: (len(having[pair]), sorted(pair))):
        if pair in missing:
            candidates = order.sample(having[pair], min(CANDIDATES, len(having[pair])))
            chosen.append(max(candidates, key=lambda crossing: len(missing & set(pairs_of(crossing)))))
            missing -= set(pairs_of(chosen[-1]))
    return chosen, set(having)


def pairs_of(crossing: Crossing) -> Iterator[Pair]:
    """The pairs of values of different dimensions."""
    yield from map(frozenset, itertools.combinations(zip(DIMENSIONS, values_of(crossing), strict=True), 2))


SIZES = {"m60": 60, "m90": 90, "m130": 130}
SEVERAL = ("m60", "m130")
"""The markets in a folder or an archive."""
MODES = {"one": ("halved",), "two": ("plain", "halved")}
REPLAY_MODES = {"one": ("lightweight",), "two": ("lightweight", "full")}
ENVIRONMENTS = {"one": ("old",), "two": ("old", "new"), "reversed": ("new", "old"), "three": ("old", "new", "third")}
HERE_ENVIRONMENTS = {
    "one": ("first",),
    "two": ("first", "second"),
    "reversed": ("second", "first"),
    "three": ("first", "second", "other"),
}
NAMED = {"sized": ("sized",), "flat": ("flat",), "both": ("sized", "flat"), "replay": ("replay",)}
PLANS = {
    "plain": ("--rounds", "1"),
    "rounds": ("--rounds", "2"),
    "quick": ("--quick",),
    "set": ("--rounds", "1", "--set", "scale=2"),
    "accept": ("--rounds", "1", "--accept", "renamed"),
}
SWEPT = ("2", "4")
EXPORTS = {
    "json": "out.json",
    "csv": "out.csv",
    "markdown": "out.md",
    "terminal": "out.txt",
    "junit": "out.xml",
    "hyperfine": "hyperfine.json",
    "pyperf": "pyperf.json",
    "pytest-benchmark": "pytest.json",
    "bencher": "bencher.json",
    "github": "github.md",
    "openmetrics": "out.prom",
}
COLUMNS = ("--columns", "rate,memory,output,pairs,wall")


def files_of(crossing: Crossing) -> tuple[str, ...]:
    """The markets that a crossing replays."""
    if crossing.files == "none":
        return ()
    return SEVERAL if crossing.files.startswith(("folder", "zip", "tar", "two")) else ("m90",)


def modes_of(crossing: Crossing) -> tuple[str, ...]:
    """The modes that a crossing names."""
    return (REPLAY_MODES if crossing.scenarios == "replay" else MODES)[crossing.modes]


def environments_of(crossing: Crossing) -> tuple[str, ...]:
    """The environments that a crossing names, by their names in the configuration."""
    return (HERE_ENVIRONMENTS if crossing.scenarios == "replay" else ENVIRONMENTS)[crossing.environments]


def scales_of(crossing: Crossing) -> tuple[int, ...]:
    """The values of the parameter ``scale`` that are measured; none where no scenario has it."""
    if crossing.scenarios == "replay":
        return ()
    if crossing.command == "sweep":
        return tuple(map(int, SWEPT))
    return (3,) if crossing.plan == "quick" else (2,) if crossing.plan == "set" else (1,)


def arguments_of(crossing: Crossing, files: Sequence[str], folder: str) -> list[str]:
    """The command line of a crossing, without ``perfbench``.

    :param files: the values of ``--data``; :param folder: that of the scenarios.
    """
    scenarios = NAMED[crossing.scenarios]
    environments = environments_of(crossing)
    arguments = {
        "run": ["run", *scenarios, *_repeat("--env", environments)],
        "sweep": ["run", *scenarios, *_repeat("--env", environments), "--sweep", f"scale={','.join(SWEPT)}"],
        "compare": ["compare", *environments, *_repeat("--scenario", scenarios)],
        "gate": ["gate", *_name_sides(environments), *_repeat("--scenario", scenarios), "--max-time", "1"],
        "profile": ["profile", *scenarios, *_name_profiled(environments)],
    }[crossing.command]
    arguments += [*_repeat("--mode", modes_of(crossing)), "--save", "saved", "--scenarios", folder]
    arguments += _repeat("--data", files)
    plan = PLANS[crossing.plan]
    arguments += plan if crossing.command != "gate" or plan[0] != "--rounds" else plan[2:]
    arguments += {
        "terminal": [],
        "exports": _repeat("--export", [f"{name}={file}" for name, file in EXPORTS.items()]),
        "stdout": ["--export", "json=-"],
        "columns": COLUMNS,
    }[crossing.output]
    return arguments


def _repeat(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _name_sides(environments: Sequence[str]) -> list[str]:
    """One environment is the one after: a gate without a reference."""
    return [*_repeat("--before", environments[:-1]), "--after", environments[-1]]


def _name_profiled(environments: Sequence[str]) -> list[str]:
    return ["--env", *environments] if len(environments) == 1 else ["--diff", *environments]
