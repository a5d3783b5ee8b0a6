"""Decide whether a change may pass CI: policy, sequential verdict, budgets, baseline.

``calibration`` measures what the gate can detect on this machine and compares it with other tools.
"""
