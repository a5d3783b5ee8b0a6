"""Forks by itself, and simulates in the child."""

import os
import runpy

FOLDER = os.path.dirname(os.path.abspath(__file__))
child = os.fork()
if child == 0:
    runpy.run_path(os.path.join(FOLDER, "one_strategy.py"))
else:
    os.waitpid(child, 0)
