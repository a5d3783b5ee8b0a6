"""One file per format, each with ``SUFFIX`` and ``render(report) -> str``."""
