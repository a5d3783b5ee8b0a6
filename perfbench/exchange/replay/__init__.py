"""Market files as a timeline of updates, played by a clock."""
