"""Does the table say what was measured?"""

from perfbench import Work, mode

UNIT = "updates"


@mode(baseline=True)
def before():
    """The old way."""
    return Work(44_687, seconds=6.860)


@mode
def after():
    """The new way."""
    return Work(44_687, seconds=2.998)
