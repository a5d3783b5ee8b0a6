"""What is left when the baseline crashes?"""

from perfbench import Work, mode


@mode(baseline=True)
def broken():
    raise ValueError("the baseline fails")


@mode
def sound():
    return Work(10, seconds=0.5)
