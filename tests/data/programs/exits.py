"""Ends with an exit code before it has done anything."""

import sys

sys.exit(3)
