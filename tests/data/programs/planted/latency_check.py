"""Planted cause: a listener that checks the latency of data that are years old."""

import logging

import betfairlightweight
from betfairlightweight import StreamListener

logging.basicConfig(filename="replay.log", level=logging.WARNING)


def run(path):
    """The traded volume and the number of runners at every update."""
    client = betfairlightweight.APIClient("username", "password", app_key="key", lightweight=True)
    listener = StreamListener(lightweight=True, update_clk=False)
    stream = client.streaming.create_historical_generator_stream(path, listener)
    for books in stream.get_generator()():
        for book in books:
            yield book["marketId"], book["totalMatched"], len(book["runners"])
