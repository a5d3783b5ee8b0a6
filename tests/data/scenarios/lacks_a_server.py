"""Is a server needed?"""

from perfbench import NotAvailable, Work, mode, setup


@setup
def server():
    raise NotAvailable("no such server: start one")


@mode(baseline=True)
def without():
    return Work(1, seconds=0.25)


@mode
def with_server(server):
    return Work(1, seconds=0.125)
