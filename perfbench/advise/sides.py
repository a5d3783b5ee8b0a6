"""The sides of a pair: a combination of candidates as a case in its environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.advise.environment_words import build_request
from perfbench.advise.search_steps import Combination
from perfbench.environments import provide
from perfbench.environments.provide import EnvironmentRequest
from perfbench.errors import EnvironmentProblem, UsageProblem
from perfbench.model import CaseGroup, CaseInEnvironment, Environment, Package
from perfbench.worker.program_messages import Proposal


@dataclass(slots=True)
class Sides:
    """Makes a case of every combination; each environment is provided once.

    ``spec`` is the environment of the user's set-up as it was typed, ``files`` the lever files by name, ``needs`` those of the
    program, ``imported`` the packages that it imported.
    """

    spec: str
    names: Mapping[str, str]
    files: Mapping[str, Path]
    observe: Callable[[str], None]
    proposals: Sequence[Proposal] = ()
    needs: Sequence[str] = ()
    imported: Sequence[Package] = ()
    _environments: dict[tuple[str, tuple[str, ...]], Environment | EnvironmentProblem] = field(default_factory=dict)

    def build(self, base: Environment, combinations: Sequence[Combination]) -> None:
        """Build the environments of these combinations together; those that cannot be built raise when they are placed."""
        requests = []
        for combination in combinations:
            try:
                request = self._request(base, combination, ())
            except UsageProblem:
                continue
            if (request.spec, request.needs) not in self._environments and self._words(combination):
                requests.append(request)
        answers = provide.provide_environments(requests, self.names, self.observe) if requests else []
        for request, answer in zip(requests, answers, strict=True):
            self._environments[request.spec, request.needs] = answer

    def place(self, group: CaseGroup, combination: Combination, tools: Sequence[str] = ()) -> CaseInEnvironment:
        """The case of a combination on the market of this group, whose first case is the user's set-up.

        Raises EnvironmentProblem if its environment cannot be built, UsageProblem if a lever asks for an invalid one.

        :param tools: packages that its environment needs beside.
        """
        base = group.places[0]
        if not combination and not tools:
            return base
        environment = self._provide_one(base.environment, combination, tools)
        proposals = [self.proposals[number] for number in combination]
        label = " + ".join((base.case.environment, *(proposal.title for proposal in proposals)))
        levers = tuple((str(self.files[p.lever]), p.value) for p in proposals if p.applies)
        case = replace(base.case, environment=label)
        return replace(base, case=case, environment=replace(environment, name=label), levers=levers)

    def _provide_one(self, base: Environment, combination: Combination, tools: Sequence[str]) -> Environment:
        if not self._words(combination) and not tools:
            return base
        request = self._request(base, combination, tools)
        key = request.spec, request.needs
        if key not in self._environments:
            (self._environments[key],) = provide.provide_environments([request], self.names, self.observe)
        answer = self._environments[key]
        if isinstance(answer, EnvironmentProblem):
            raise answer
        return answer

    def _request(self, base: Environment, combination: Combination, tools: Sequence[str]) -> EnvironmentRequest:
        needs = (*self.needs, *tools)
        return build_request(self.spec, base, self._words(combination), needs, self.imported, self.names)

    def _words(self, combination: Combination) -> list[str]:
        return list(filter(None, (self.proposals[number].environment.strip() for number in combination)))


def pair_group(group: CaseGroup, before: CaseInEnvironment, after: CaseInEnvironment) -> CaseGroup:
    """The group of two sides that are compared on the market of this group."""
    return replace(group, places=(before, after), duets=((before.case, after.case),))
