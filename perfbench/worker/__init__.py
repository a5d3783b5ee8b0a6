"""The process that loads a scenario and runs one pass in the measured interpreter.

Standard library only, Python 3.8+, never imports the host.
"""
