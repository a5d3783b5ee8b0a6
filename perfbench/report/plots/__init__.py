"""Plots as files (Matplotlib) and in the terminal (plotext). Imported only when a plot is drawn."""
