"""HTML pages of runs, sweeps, calibrations, profiles, advice and verdicts, and a static site of a folder of them.

Every page is one file that fetches nothing, can be read without its script, and contains the document that it shows.
"""
