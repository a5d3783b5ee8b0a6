"""Measure the smallest slowdown that the gate detects on this machine and its false-alarm rate; compare it with other tools."""
