"""Everything that a worker process loads: the standard library only, Python 3.8 and newer."""
