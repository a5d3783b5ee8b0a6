"""What does a strategy cost that keeps every book?"""

import os
import signal
import time
from collections import deque

from perfbench import Work, mode, observed

UNIT = "updates"
UPDATES = 30_000
SIZE = 1000


def books():
    """One a time, in about two seconds, so that somebody can watch."""
    for number in range(UPDATES):
        if number % 20 == 0:
            time.sleep(0.001)
        yield bytes(SIZE)


@mode(baseline=True)
def keeps_all():
    kept = []
    for book in books():
        kept.append(book)
        yield book


@mode
def keeps_some():
    """The last 5000."""
    kept = deque(maxlen=5000)
    for book in books():
        kept.append(book)
        yield book


@mode
def keeps_all_itself():
    """No generator: only what it says of its own loop shows how far it is."""
    kept = []
    for book in observed(books()):
        kept.append(book)  # noqa: PERF402
    return Work(len(kept), output=kept)


@mode
def remembers():
    """Keeps them beyond the pass."""
    for book in books():
        REMEMBERED.append(book)
        yield book


REMEMBERED = []


@mode
def keeps_and_dies():
    kept = []
    for number, book in enumerate(books()):
        if number == UPDATES // 2:
            os.kill(os.getpid(), signal.SIGSEGV)
        kept.append(book)
        yield book


@mode
def keeps_and_fails():
    for number, book in enumerate(books()):
        if number == UPDATES // 2:
            raise ValueError("no such price")
        yield book


@mode
def hangs():
    yield from books()
    time.sleep(600)
