"""Shell completion: what may come next on a command line, answered from generated words without importing a command.

A TAB may take a tenth of a second, and importing a command takes most of one: ``shells``, ``line`` and ``lookups`` use the standard
library only. ``table`` generates ``data`` from the commands.
"""
