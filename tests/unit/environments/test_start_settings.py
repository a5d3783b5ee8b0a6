"""Settings that an interpreter is started with, and those that it refuses."""

from __future__ import annotations

import pytest

from perfbench.environments.interpreters import Interpreter
from perfbench.environments.spec import parse_spec
from perfbench.environments.start_settings import explain_unsupported

USUAL, FREE = Interpreter("3.14.0", "/python"), Interpreter("3.14.0", "/python", "t")


@pytest.mark.parametrize("words", ["-X gil=0", "-Xgil=0", "env:PYTHON_GIL=0"])
def test_python_without_the_lock_needs_a_free_threaded_build(words: str) -> None:
    settings = parse_spec(f"here {words}", {}).settings
    assert "needs a free-threaded build of Python, which 3.14.0 is not" in explain_unsupported(settings, USUAL)
    assert explain_unsupported(settings, FREE) == ""


@pytest.mark.parametrize("words", ["-O", "-X gil=1", "env:PYTHONMALLOC=malloc", "-X utf8"])
def test_every_build_takes_other_settings(words: str) -> None:
    assert explain_unsupported(parse_spec(f"here {words}", {}).settings, USUAL) == ""


def test_words_of_settings_are_parsed_to_the_same_settings() -> None:
    settings = parse_spec("here -OO -X dev env:B=2 env:A=1", {}).settings
    assert parse_spec(" ".join(("here", *settings.words)), {}).settings == settings
