"""Simulates in an interpreter of its own, where nothing can be observed."""

import subprocess
import sys

subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
