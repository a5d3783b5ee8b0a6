"""Planted cause: json of the standard library, where orjson could be installed."""

import gc

import betfairlightweight
from betfairlightweight import StreamListener


def run(path):
    """The traded volume and the last prices at every update."""
    gc.disable()
    client = betfairlightweight.APIClient("username", "password", app_key="key", lightweight=True)
    listener = StreamListener(lightweight=True, max_latency=None, update_clk=False)
    stream = client.streaming.create_historical_generator_stream(path, listener)
    for books in stream.get_generator()():
        for book in books:
            yield book["publishTime"], book["totalMatched"]
