"""Words that are added to an environment spec."""

from __future__ import annotations

import pytest

from perfbench.environments.spec import parse_spec
from perfbench.environments.spec_words import add_words
from perfbench.errors import UsageProblem


@pytest.mark.parametrize(
    ("spec", "words", "expected"),
    [
        ("here", "env:PYTHONMALLOC=malloc", "here env:PYTHONMALLOC=malloc"),
        ("here", "betfairlightweight[speed]", "here betfairlightweight[speed]"),
        ("here", "python==3.13", "here python==3.13"),
        ("flumine==3.3.2", "flumine==3.4.0", "flumine==3.4.0"),
        ("betfairlightweight==2.21.0", "betfairlightweight[speed]", "betfairlightweight[speed]==2.21.0"),
        ("betfairlightweight[speed]==2.21.0", "betfairlightweight==2.24.0", "betfairlightweight[speed]==2.24.0"),
        ("flumine==3.3.2 python==3.11 -O", "python==3.14t -OO", "flumine==3.3.2 python==3.14t -OO"),
        ("./checkout[a] env:A=1", "tickrush env:A=2 env:B=3", "./checkout[a] tickrush env:A=2 env:B=3"),
        ("old", "-X utf8", "flumine<3,>=2 -Xutf8"),
        ("git+https://host/a/b@main", "orjson", "git+https://host/a/b@main orjson"),
    ],
)
def test_added_word_replaces_what_it_is_about_and_nothing_else(spec: str, words: str, expected: str) -> None:
    result = add_words(spec, words, {"old": "flumine >=2, <3"})
    assert parse_spec(result, {}) == parse_spec(expected, {})


def test_added_words_that_are_no_spec_are_refused() -> None:
    with pytest.raises(UsageProblem, match="sets no variable"):
        add_words("here", "env:A", {})
