"""Profiles as terminal text, flame graphs and files for other programs."""
