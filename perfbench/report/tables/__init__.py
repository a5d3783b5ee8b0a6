"""Text tables of reports, gates, sweeps, crossovers, calibrations and advice."""
