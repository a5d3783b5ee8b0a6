"""Ends with sys.exit() behind its simulation."""

import os
import runpy
import sys

runpy.run_path(os.path.join(os.path.dirname(__file__), "one_strategy.py"))
sys.exit(0)
