"""Downloads its market."""

import contextlib
import urllib.request

with contextlib.suppress(Exception):
    urllib.request.urlopen("http://markets.example.com/1.123456789", timeout=5)
