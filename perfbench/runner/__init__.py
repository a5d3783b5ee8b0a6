"""Plan a run and execute it: which cases, in which order, in which worker processes, interleaved on one core.

Yields raw samples; draws no conclusions except when to stop.
"""
