"""Check what the workers of a cluster measured: the same files everywhere, each result once, every machine by its own name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from perfbench.model import Failure, MeasuringMachine, Result
from perfbench.runner.survey.draw import DrawTask, Events
from perfbench.runner.survey.sent_task import MeasuredDraw

SHORT_DIGEST_LENGTH = 12
"""Digits of a SHA-256 in messages."""


@dataclass(frozen=True, slots=True)
class _SeenBatch:
    """The content of a batch where it was opened first."""

    sha256: str
    machine: str


@dataclass(slots=True)
class AnswerCheck:
    """What was received so far: machines by fingerprint and name, contents of batches, and the trials and cases of all results."""

    _machines: dict[tuple[str, str], MeasuringMachine] = field(default_factory=dict)
    _batches: dict[str, _SeenBatch] = field(default_factory=dict)
    _received: set[tuple[str, str]] = field(default_factory=set)

    def accept(self, task: DrawTask, measured: MeasuredDraw) -> Events:
        """The results of a draw, with that of its machine before them if it is new.

        Of a batch that is another file than on the machine before, only a failure. What another draw of the same batch has
        measured at the same time, such as its check pass, is left out.
        """
        for result in task.before:
            self._note_batch(result, "the machine before")
        key = measured.fingerprint, measured.machine.name
        machine = self._machines.get(key)
        if machine is None:
            machine = self._machines[key] = self._name_machine(measured.machine)
            if machine.name:
                yield (Result(f"machine {machine.name}", "", machine=machine),)
        named = machine.name or "this machine"
        for event in measured.events:
            if reason := next(filter(None, (self._note_batch(result, named) for result in event)), ""):
                yield (build_failure(task, reason),)
                return
            fresh = tuple(result for result in event if (result.trial, result.case) not in self._received)
            if fresh:
                yield tuple(_rename(result, machine.name) for result in fresh)
        self._received |= {(result.trial, result.case) for event in measured.events for result in event if result.case}

    def _name_machine(self, machine: MeasuringMachine) -> MeasuringMachine:
        """A machine with a name of its own: two containers may have that of one host."""
        taken = {named.name for named in self._machines.values()}
        name, number = machine.name, 1
        while name and name in taken:
            number += 1
            name = f"{machine.name} ({number})"
        return replace(machine, name=name)

    def _note_batch(self, result: Result, machine: str) -> str:
        """Why an opened batch is refused: another content than before; empty if it is not."""
        market = result.opened.market if result.opened is not None else None
        if result.opened is None or market is None:
            return ""
        seen = self._batches.setdefault(result.opened.batch, _SeenBatch(market.sha256, machine))
        if seen.sha256 == market.sha256:
            return ""
        digests = [digest[:SHORT_DIGEST_LENGTH] for digest in (market.sha256, seen.sha256)]
        return f"another file on {machine} than on {seen.machine} (SHA-256 {digests[0]}…, not {digests[1]}…)"


def build_failure(task: DrawTask, reason: str) -> Result:
    """The result of a draw that was not measured."""
    batch = task.draw.batch
    return Result(f"open {batch}", "", failure=Failure("open", f"{batch}: {reason}"))


def _rename(result: Result, machine: str) -> Result:
    sample = result.sample
    if sample is None or sample.machine == machine:
        return result
    return replace(result, sample=replace(sample, machine=machine))
