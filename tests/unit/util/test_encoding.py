"""Substitutes of characters that the encoding of an output lacks."""

from __future__ import annotations

import io

import pytest

from perfbench.util.encoding import allow_any_character


def written(text: str, encoding: str) -> str:
    content = io.BytesIO()
    stream = io.TextIOWrapper(content, encoding=encoding, newline="")
    allow_any_character(stream)
    stream.write(text)
    stream.flush()
    return content.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("ascii", "a -> b 2.3x ^ | 5.0us +/- 1 - 2 >= # ?"),
        ("latin-1", "a -> b 2.3x ^ · 5.0µs ± 1 - 2 >= # ?"),
        ("cp1252", "a -> b 2.3x ^ · 5.0µs ± 1 – 2 >= # ?"),
        ("utf-8", "a → b 2.3x ▲ · 5.0µs ± 1 – 2 ≥ █ 馬"),
    ],
)
def test_character_that_an_encoding_lacks_is_substituted_and_the_rest_stays(encoding: str, text: str) -> None:
    assert written("a → b 2.3x ▲ · 5.0µs ± 1 – 2 ≥ █ 馬", encoding) == text


def test_undecodable_file_name_is_written() -> None:
    assert written("\udc80.txt", "utf-8") == "?.txt"
