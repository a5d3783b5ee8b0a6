"""Is nonsense refused?"""

from perfbench import Work, mode


@mode(baseline=True)
def sound():
    return Work(10, seconds=1.0)


@mode
def nothing():
    return None


@mode
def negative():
    return Work(-1, seconds=1.0)


@mode
def timeless():
    return Work(10, seconds=0.0)


@mode
def not_a_number():
    return Work(10, seconds=1.0, connections=float("nan"))


@mode
def idle():
    return Work(0, seconds=1.0)
