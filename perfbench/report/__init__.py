"""Everything a saved run says, computed from its raw samples, and every way to show it.

Tables, plots, profile pages and one file per export format.
"""
