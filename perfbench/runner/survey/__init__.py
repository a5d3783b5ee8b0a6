"""Measure a corpus by a sample: batches of its markets are drawn, opened, measured in pairs and removed again."""
