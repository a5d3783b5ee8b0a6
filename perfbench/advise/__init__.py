"""Find what makes a program faster with the same orders: levers, their proposals, a search by pairs, and a saved advice.

``levers/`` is code of the worker: each file is loaded there by its path, and the host never imports one.
"""
