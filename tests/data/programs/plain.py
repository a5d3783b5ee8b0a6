"""Functions of a market file that read it with betfairlightweight alone."""

from betfairlightweight import APIClient, StreamListener


def stream(path, **settings):
    listener = StreamListener(max_latency=None, **settings)
    client = APIClient("username", "password", "key")
    return client.streaming.create_historical_generator_stream(file_path=path, listener=listener)


def books(path):
    """The books of every update."""
    for update in stream(path).get_generator()():
        yield update


def lightweight(path):
    """The same as dictionaries, in a list."""
    return list(stream(path, lightweight=True).get_generator()())


def highest(path: str) -> float:
    """The highest volume."""
    volume = 0.0
    for update in stream(path, lightweight=True).get_generator()():
        volume = max([volume, *(book["totalMatched"] or 0.0 for book in update)])
    return volume


def nothing(path):
    """Reads the file and returns nothing."""
    for _ in stream(path).get_generator()():
        pass


def amount(path):
    """Returns its own amount of work."""
    with open(path) as file:
        return sum(1 for _ in file)
