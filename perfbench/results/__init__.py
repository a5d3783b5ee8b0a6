"""Saved runs on disk: an append-only journal while measuring, one JSON document afterwards.

Loads, finds, merges; computes nothing.
"""
