"""The untimed check pass: digest the canonical form of every item of a mode's output.

The digest of an item is taken over its canonical form as JSON with sorted keys, so two modes agree exactly when every field
of every item does. Numbers compare by value, at 12 significant digits. Most of a market book does not change from one update to
the next: ``part`` lets a scenario say so.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Match, Optional, Sequence, Tuple

from perfbench.worker.protocol import OutputDigest, OutputItem
from perfbench.worker.scenario_api import ScenarioError, Work
from perfbench.worker.scenario_loader import CanonicalFunction
from perfbench.worker.timed_pass import convert_to_work

SHORTEST, LONGEST = 1e-9, 1e9
"""Seconds of a pass that can be."""

BLOCK_SIZE = 1024
"""Updates in a block: small enough to be compared in full, large enough that a long file has few."""

AUDIT_INTERVAL = 32
"""Updates between two audits, which digest cached parts again to detect objects that were changed in place."""

SIGNIFICANT_DIGITS = 12
"""Significant digits of compared floats: engines sum the same sizes in another order and differ in the last bit."""

NO_CHANGES: FrozenSet[str] = frozenset()
"""No change is reverted."""

Traits = Mapping[str, Callable[[Any], str]]
PartKey = Tuple[int, Callable[..., Any], FrozenSet[str]]


class ChangedInPlace(Exception):
    """A digested object was changed in place: the identity of this library's objects does not imply equal content."""


class PartCache:
    """Digests of parts of an item, cached as long as the same object occurs in the next item.

    Shared by all variants of an output: a part that no reverted change affects is digested once.
    """

    def __init__(self, trust_identity: bool) -> None:
        self._trust = trust_identity
        self._before: Dict[PartKey, Tuple[Any, str]] = {}
        self._now: Dict[PartKey, Tuple[Any, str]] = {}
        self._items = 0

    def next_item(self) -> None:
        """Drop the parts that the last item did not contain."""
        self._before, self._now = self._now, {}
        self._items += 1

    def digest(self, thing: Any, fields: Callable[..., Any], undone: FrozenSet[str]) -> str:
        """The digest of ``fields(thing)``. Raises ChangedInPlace at an audit."""
        key = id(thing), fields, undone
        cached = self._now.get(key)
        if cached is not None:
            return cached[1]
        cached = self._before.get(key) if self._trust else None
        if cached is not None and self._items % AUDIT_INTERVAL:
            self._now[key] = cached
            return cached[1]
        value = fields(thing, undone) if undone else fields(thing)
        text = hashlib.blake2b(encode_canonical_json(value), digest_size=16).hexdigest()
        if cached is not None and cached[1] != text:
            raise ChangedInPlace
        self._now[key] = (thing, text)
        return text


class PartDigester:
    """The ``part`` argument of a canonical form: ``part(thing, fields)``, or ``part(thing, fields, undone)`` if changes affect it.

    Returns the digest of ``fields(thing)``, or of ``fields(thing, undone)``. With a new function for every item nothing is
    cached. Each variant of an output has its own instance.
    """

    def __init__(self, parts: PartCache) -> None:
        self._parts = parts

    def __call__(self, thing: Any, fields: Callable[..., Any], undone: FrozenSet[str] = NO_CHANGES) -> str:
        return self._parts.digest(thing, fields, undone)


class FullPart:
    """The ``part`` argument of a canonical form for an item in full."""

    def __call__(self, thing: Any, fields: Callable[..., Any], undone: FrozenSet[str] = NO_CHANGES) -> Any:
        return fields(thing, undone) if undone else fields(thing)


ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr)
STRING_PATTERN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
LONG_NUMBER_PATTERN = re.compile(r"-?\d[\d.]{%d,}(?:e[+-]\d+)?" % (SIGNIFICANT_DIGITS + 1))
DIGITS_AS_ZEROS = str.maketrans("123456789.", "0000000000")
LONG_DIGITS = "0" * (SIGNIFICANT_DIGITS + 2)
"""Digits or points in a row that mean a number that may have to be rounded."""

MINUS_ZERO_PATTERN = re.compile(r"-0\.0(?![\de])")
CONSTANT_PATTERN = re.compile(r"NaN|-?Infinity")


def encode_canonical_json(value: Any) -> bytes:
    """Canonical text: sorted keys, no spaces, one spelling for every number.

    A float is rounded to 12 significant digits. One that is whole is written as the integer, so 2.0 equals 2 and -0.0 equals 0.
    Integers stay as they are. NaN and infinity become the strings that the stream writes for them.
    """
    text = ENCODER.encode(value)
    pieces = STRING_PATTERN.split(text) if "\\" in text else text.split('"')
    numbers = '"'.join(pieces[::2])
    if LONG_DIGITS in numbers.translate(DIGITS_AS_ZEROS):
        numbers = LONG_NUMBER_PATTERN.sub(_round_number, numbers)
    if "-0.0" in numbers:
        numbers = MINUS_ZERO_PATTERN.sub("0", numbers)
    # What follows a number is one of these, or nothing.
    numbers = numbers.replace(".0,", ",").replace(".0]", "]").replace(".0}", "}")
    pieces[::2] = (numbers[:-2] if numbers.endswith(".0") else numbers).split('"')
    if "N" in numbers or "I" in numbers:
        pieces[::2] = [CONSTANT_PATTERN.sub(r'"\g<0>"', piece) for piece in pieces[::2]]
    return '"'.join(pieces).encode()


def _round_number(number: Match[str]) -> str:
    text = number.group()
    return repr(float("%.*g" % (SIGNIFICANT_DIGITS, float(text)))) if "." in text or "e" in text else text


def return_item(item: Any, part: Any, undone: FrozenSet[str]) -> Any:  # noqa: ARG001
    """The canonical form of an item of a scenario that has no ``@canonical``: the item."""
    return item


class VariantDigest:
    """The digests of an output with one set of changes reverted."""

    def __init__(self, canonical: CanonicalFunction, undone: FrozenSet[str], parts: PartCache) -> None:
        self._canonical = canonical
        self._undone = undone
        self._part = PartDigester(parts)
        self._whole = hashlib.blake2b(digest_size=16)
        self._block = hashlib.blake2b(digest_size=16)
        self._blocks: List[str] = []
        self._count = 0

    def add(self, item: Any) -> None:
        """Digest one item. Raises ChangedInPlace at an audit."""
        text = encode_canonical_json(self._canonical(item, self._part, self._undone)) + b"\n"
        self._whole.update(text)
        self._block.update(text)
        self._count += 1
        if self._count % BLOCK_SIZE == 0:
            self._blocks.append(self._block.hexdigest())
            self._block = hashlib.blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """The digest of all items so far."""
        return self._whole.hexdigest()

    @property
    def blocks(self) -> List[str]:
        """One digest for every block, the unfinished one included."""
        return [*self._blocks, self._block.hexdigest()] if self._count % BLOCK_SIZE else self._blocks


def digest_output(
    call: Callable[[], Any],
    canonical: Optional[CanonicalFunction] = None,
    traits: Optional[Traits] = None,
    undone: Sequence[FrozenSet[str]] = (),
) -> OutputDigest:
    """Run the mode to its end and digest its output; without output, digest its amount of work.

    :param traits: functions of the first item of output.
    :param undone: sets of changes to revert; the output is also digested for each, in the same pass.
    """
    sets = [NO_CHANGES, *undone]
    for trust_identity in (True, False):
        outcome = call()
        try:
            digest = _digest_items(
                _select_output(outcome),
                canonical or return_item,
                PartCache(trust_identity),
                sets,
                traits or {},
                None if _is_per_unit(outcome) else outcome.amount,
            )
            if not isinstance(outcome, Work):
                return digest
            return replace(digest, handled=outcome.handled, seconds=_find_seconds(outcome))
        except ChangedInPlace:
            continue
    raise AssertionError("without trust in identity nothing is compared with what it was before")


def _find_seconds(work: Work) -> Optional[float]:
    """The seconds of a mode that times itself; None for such as only a timed pass refuses."""
    seconds = work.seconds
    return seconds if isinstance(seconds, (int, float)) and SHORTEST < seconds < LONGEST else None


def _select_output(outcome: Any) -> Any:
    """The output iterator of a mode, also of its Work; else its outcome."""
    if not isinstance(outcome, Work) or outcome.output is None:
        return outcome
    return _iterate_checked_output(outcome) if outcome.per_unit else iter(outcome.output)


def _is_per_unit(outcome: Any) -> bool:
    """Whether an output has one item for every unit of work, as all but those of some Work have."""
    return not isinstance(outcome, Work) or outcome.output is None or outcome.per_unit


def _iterate_checked_output(work: Work) -> Iterator[Any]:
    count = 0
    for item in work.output or ():
        yield item
        count += 1
    if count != work.amount:
        raise ScenarioError("the output of a mode has {} items for {} units of work".format(count, work.amount))


def _digest_items(
    outcome: Any,
    canonical: CanonicalFunction,
    parts: PartCache,
    sets: Sequence[FrozenSet[str]],
    traits: Traits,
    amount: Optional[int] = None,
) -> OutputDigest:
    """The digests of an outcome.

    :param amount: the units of work where they are not the items of the output.
    """
    if not isinstance(outcome, Iterator):
        return _digest_work(convert_to_work(outcome), sets)
    variants = {undone: VariantDigest(canonical, undone, parts) for undone in sets}
    count = 0
    shown: Dict[str, str] = {}
    for item in outcome:
        if count == 0:
            shown = {name: trait(item) for name, trait in traits.items()}
        for variant in variants.values():
            variant.add(item)
        parts.next_item()
        count += 1
    first, *others = (variants[undone] for undone in sets)
    return OutputDigest(
        digest=first.digest,
        updates=count if amount is None else amount,
        block_size=BLOCK_SIZE,
        blocks=first.blocks,
        packages=[],
        traits=shown,
        undone=[variant.digest for variant in others],
        undone_blocks=[variant.blocks for variant in others],
    )


def _digest_work(work: Work, sets: Sequence[FrozenSet[str]]) -> OutputDigest:
    text = hashlib.blake2b(str(work.amount).encode(), digest_size=16).hexdigest()
    others = len(sets) - 1
    return OutputDigest(text, work.amount, BLOCK_SIZE, [], [], undone=[text] * others, undone_blocks=[[]] * others)


def iterate_items(
    call: Callable[[], Any],
    canonical: Optional[CanonicalFunction],
    first: int,
    last: int,
    undone: FrozenSet[str] = NO_CHANGES,
) -> Iterator[OutputItem]:
    """The items ``first`` to ``last`` (from 0, both included) of the mode's output, in full, with these changes reverted.

    Earlier items are made canonical too, since a canonical form may have state.
    """
    outcome = _select_output(call())
    if not isinstance(outcome, Iterator):
        return
    part = FullPart()
    for number, item in enumerate(outcome):
        if number > last:
            return
        value = (canonical or return_item)(item, part, undone)
        if number >= first:
            yield OutputItem(number, json.loads(encode_canonical_json(value)))
