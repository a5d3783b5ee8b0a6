"""The shipped levers: one file for each thing that could make a program faster. ``perfbench/kit/lever.py`` says what is in one."""
