"""The user's own program in a worker: a script or a function that runs simulations or reads markets, unchanged.

``scenario.py`` makes a scenario of it, with one mode ``run``. The rest runs the program, intercepts its simulations, replaces their
markets, keeps its files in a scratch folder, and notes what levers need to know.
"""
