"""Made-up profiles, for what is made from them."""

from __future__ import annotations

import random
from collections.abc import Mapping

from perfbench.model import Case
from perfbench.profiling.model import Function, Profile, ProfiledPass, Stack

LIBRARY = "betfairlightweight"
HOSTILE = "</script><img src=x onerror=alert(1)>"
"""A name that ends a script and starts another, if a page lets it."""


def profile(
    *passes: Mapping[str, float],
    unprofiled: tuple[float, ...] = (2.0,),
    environment: str = "betfairlightweight==2.11.2",
    kinds: Mapping[str, str] | None = None,
    data: str = "PRO-1.170258213",
) -> Profile:
    """A profile of these passes, each the seconds of its stacks: keys of functions, outermost first, with `` > `` between them.

    :param kinds: of functions that are not ``library``, by the beginning of their keys.
    """
    keys = list(dict.fromkeys(key for stacks in passes for stack in stacks for key in stack.split(" > ")))
    numbers = {key: number for number, key in enumerate(keys)}
    functions = tuple(_function(key, number, kinds or {}) for key, number in numbers.items())
    return Profile(
        Case("replay", "full", environment, data),
        "updates",
        "3.11.2",
        "pyinstrument",
        0.001,
        functions,
        tuple(_pass(stacks, numbers) for stacks in passes),
        unprofiled,
    )


def _function(key: str, number: int, kinds: Mapping[str, str]) -> Function:
    kind = next((kind for start, kind in kinds.items() if key.startswith(start)), "library")
    return Function(key, kind, 0 if kind == "built-in" else 10 + number)


def _pass(stacks: Mapping[str, float], numbers: Mapping[str, int]) -> ProfiledPass:
    made = tuple(Stack(tuple(numbers[key] for key in stack.split(" > ")), seconds) for stack, seconds in stacks.items())
    whole = sum(stacks.values())
    return ProfiledPass(100, whole, whole, max(1, round(whole * 1000)), 0.0, made)


def large(seed: int = 3, *, faster: bool = False) -> Profile:
    """A profile like a real one: 60 functions, stacks up to 15 deep, some of them gone and others new on the ``faster`` side."""
    draw = random.Random(seed)
    words = (
        "process",
        "update",
        "serialise",
        "parse",
        "book",
        "runner",
        "cache",
        "snap",
        "market",
        "prices",
        "on_change",
    )
    files = ("streaming/cache.py", "streaming/stream.py", "streaming/listener.py", "resources/streamingresources.py")
    keys = [
        f"{LIBRARY}/{draw.choice(files)}:{draw.choice(words).title()}{n}.{draw.choice(words)}_{draw.choice(words)}"
        for n in range(52)
    ]
    keys += [
        f"json/{name}"
        for name in ("decoder.py:JSONDecoder.decode", "decoder.py:JSONDecoder.raw_decode", "__init__.py:loads")
    ]
    keys += [f"builtins:{name}" for name in ("dict.get", "len", "sorted", "isinstance", "list.append")]
    stacks: dict[str, float] = {}
    for _ in range(400):
        path, at = ["scenarios/replay.py:full"], 0
        for _level in range(draw.randint(2, 14)):
            at = (at * 3 + draw.choice((1, 1, 1, 2, 2, 3))) % len(keys)
            path.append(keys[at])
        stacks[" > ".join(path)] = draw.paretovariate(1.1) / 100
    if faster:
        stacks = {
            stack.replace(keys[5], f"{LIBRARY}/streaming/cache.py:Available.refresh"): _changed(stack, seconds, draw)
            for stack, seconds in stacks.items()
        }
    kinds = {"json/": "standard", "builtins": "built-in", "scenarios/": "scenario"}
    return profile(
        stacks,
        unprofiled=(2.998,) if faster else (6.86,),
        environment=f"betfairlightweight=={'2.12.0' if faster else '2.11.2'}",
        kinds=kinds,
    )


def _changed(stack: str, seconds: float, draw: random.Random) -> float:
    factor = 1.5 if "snap" in stack else 0.2 if "runner" in stack else 0.6
    return seconds * factor * draw.uniform(0.9, 1.1)
