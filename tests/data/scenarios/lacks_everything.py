"""Is there room for anything?"""

from perfbench import NotAvailable, mode


@mode(baseline=True)
def in_memory():
    raise NotAvailable("takes 9 GB of memory, 1 GB is free: close something")
