"""The claims of all shipped scenarios: each names its true source, and advice of the notes is about the advised code."""

from __future__ import annotations

import re

import pytest
from support.scenarios import import_shipped, list_scenario_paths

from perfbench.worker.scenario_api import MARK_ATTRIBUTE

NOTES, OURS = "community notes", "perfbench"
RELEASE_NOTES = re.compile(
    r"(betfairlightweight 2\.12\.0 release notes|release notes of betfairlightweight 2\.12\.0).*"
)
ADVISED = "advised_"
WITH_CLAIMS = [path.stem for path in list_scenario_paths() if "CLAIMS" in path.read_text()]


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_claims_name_their_source_and_advice_is_about_the_advised_code(name: str) -> None:
    """``community notes`` only for a mode that is the advised code, ``perfbench`` for what the notes do not say."""
    for claim in import_shipped(name).CLAIMS:
        if RELEASE_NOTES.fullmatch(claim.source):
            assert claim.after.endswith("@betfairlightweight==2.12.0")
            continue
        assert claim.source in (NOTES, OURS), claim
        assert claim.text, claim
        if claim.source == NOTES:
            assert claim.after.startswith(ADVISED), claim
            assert not claim.before.startswith(ADVISED), claim
            assert not claim.better.startswith(ADVISED), claim


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_every_advised_mode_says_that_it_is_the_advised_code(name: str) -> None:
    for mode, function in vars(import_shipped(name)).items():
        if mode.startswith(ADVISED) and hasattr(function, MARK_ATTRIBUTE):
            assert re.search("advised", function.__doc__ or "", re.IGNORECASE), mode
