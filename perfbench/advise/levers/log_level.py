"""Log critical messages only."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Any, Iterator

from perfbench.kit.lever import (
    FLUMINE_PERFORMANCE,
    SAME,
    Noted,
    Proposal,
    around_run,
    checks_latency,
    count_noun,
    plain_listeners,
)

KIND = SAME
SOURCE = FLUMINE_PERFORMANCE
MOSTLY = 1.05
"""Messages of a listener for each warning of a high latency, at most, if it logs nothing else of note."""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For a program that logs other messages than warnings of a high latency, which ``max_latency`` prevents."""
    late = sum(listener.updates for listener in plain_listeners(noted) if checks_latency(listener))
    if noted.log_records <= late * MOSTLY:
        return
    files = " to {}".format(count_noun(noted.file_handlers, "file")) if noted.file_handlers else ""
    yield Proposal(
        title="logging at CRITICAL",
        write="logging.disable(logging.ERROR)  # before framework.run(); as logger.setLevel(logging.CRITICAL) of every logger",
        reason="{} logged{}, at {} and above; the log is lost".format(
            count_noun(noted.log_records, "message"), files, logging.getLevelName(noted.logging_level)
        ),
    )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """No logger passes on a message below CRITICAL, whatever levels the program sets."""
    manager = logging.getLogger().manager
    before = manager.disable
    logging.disable(logging.ERROR)
    try:
        with around_run(before=_disable_messages):
            yield
    finally:
        logging.disable(before)


def _disable_messages(framework: Any) -> None:
    logging.disable(logging.ERROR)
