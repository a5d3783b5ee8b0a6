"""Nothing to measure."""

from perfbench import mode  # noqa: F401
