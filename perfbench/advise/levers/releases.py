"""Use a newer release of betfairlightweight or flumine.

Newer releases may place other orders, and flumine 2 and 3 have another interface: a program that was not written for it cannot be
tried.
"""

from __future__ import annotations

from typing import Iterator

from perfbench.kit.lever import SAME, Noted, Proposal, parse_release

KIND = SAME
SOURCE = "https://pypi.org/project/{}/"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For each release that is available and newer than the installed one."""
    for word in noted.available:
        name, equals, version = word.partition("==")
        installed = noted.packages.get(name, "")
        if name == "python" or not equals or not installed or parse_release(version) <= parse_release(installed):
            continue
        yield Proposal(
            title="{} {}".format(name, version),
            environment=word,
            write='pip install "{}"'.format(word),
            reason="{} is installed".format(installed),
            source=SOURCE.format(name),
        )
