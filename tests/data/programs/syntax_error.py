"""Is not Python."""

def run(market)
    return 1
