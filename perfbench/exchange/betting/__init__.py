"""Orders on the replayed markets: what may be placed, how it is matched, and what it wins."""
