"""URLs as they are printed and saved: without what authorises."""

from __future__ import annotations

import os
import re

from perfbench.util.formatting import make_printable

QUERY_MARK = "?…"
"""Stands for the query of a URL."""

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*", re.DOTALL)
URL_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>]+")
SECRET_FIELD = re.compile(
    r"([\w.-]*(?:signature|credential|token|secret|password|access_?key|sig)[\w.-]*[\"']?\s*[=:]\s*)[^\s&;,]+",
    re.IGNORECASE,
)
"""A field of a query or a header whose value authorises."""

SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


def is_url(spec: str) -> bool:
    """Whether a spec is a URL and no path."""
    return URL.fullmatch(spec) is not None


def redact_url(url: str) -> str:
    """A URL fit to be printed and saved: without user, password, query and fragment, which may authorise."""
    scheme, _, rest = url.partition("://")
    shown = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority = shown.partition("/")[0]
    if "@" in authority:
        shown = shown[authority.rindex("@") + 1 :]
    elif ":" in authority and "@" in shown and scheme.lower() not in ("http", "https"):
        shown = shown.rpartition("@")[2]  # a secret of S3 may have a slash
    return make_printable(
        f"{scheme}://{shown}" + (QUERY_MARK if len(shown) < len(rest) and re.search(r"[?#]", rest) else "")
    )


def redact_spec(spec: str) -> str:
    """A spec of market files as it may be saved: a URL redacted, anything else as it is."""
    return redact_url(spec) if is_url(spec) else spec


def has_credentials(url: str) -> bool:
    """Whether a URL has a part that may authorise, which ``redact_url`` leaves out."""
    return redact_url(url) != make_printable(url)


def redact_text(text: str) -> str:
    """Text of a library for a message: its URLs redacted, the values of fields and variables that authorise left out."""
    text = URL_IN_TEXT.sub(lambda match: redact_url(match[0]), text)
    text = SECRET_FIELD.sub(r"\1…", text)
    for name in SECRET_VARIABLES:
        if secret := os.environ.get(name):
            text = text.replace(secret, "…")
    return text


def join_url(location: str, path: str) -> str:
    """The URL of a member below a prefix."""
    return f"{location.rstrip('/')}/{path}" if path else location
