"""Removes a file of its own folder."""

import os

os.remove(os.path.join(os.path.dirname(os.path.abspath(__file__)), "removes.py"))
