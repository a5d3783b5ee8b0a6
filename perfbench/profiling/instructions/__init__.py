"""Executed instructions by Python function, counted by Valgrind's callgrind."""
