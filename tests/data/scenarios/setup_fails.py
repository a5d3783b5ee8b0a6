"""Is a set-up that fails told apart from a mode that fails?"""

from perfbench import Work, mode, setup


@setup
def server():
    raise ConnectionError("the server does not answer")


@setup
def closes_badly():
    yield 1
    raise ConnectionError("the server cannot be closed")


@mode(baseline=True)
def alone():
    return Work(10, seconds=1.0)


@mode
def with_server(server):
    return Work(10, seconds=0.5)


@mode
def with_bad_end(closes_badly):
    return Work(10, seconds=0.5)
