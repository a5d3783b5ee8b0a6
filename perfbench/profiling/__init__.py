"""Run cases under CPU, memory and instruction profilers and compare two profiles function by function.

Results are one saved ``ProfileDocument``.
"""
