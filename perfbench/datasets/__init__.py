"""Find, unpack, validate, describe and download market files. ``generator`` writes synthetic ones from a seed.

No import here: a scenario imports the generator inside a worker, where the host's dependencies are not installed.
"""
