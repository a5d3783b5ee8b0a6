"""Does a user's own file find the helper beside it?"""

from _shared import AMOUNT

from perfbench import Work, mode


@mode
def only():
    """The only mode."""
    return Work(AMOUNT, seconds=1.5)
