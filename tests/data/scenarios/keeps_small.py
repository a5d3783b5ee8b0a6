"""Do many small objects count as a few large ones do?"""

from perfbench import mode


class Book:
    def __init__(self, number):
        self.price = number + 0.5

    @staticmethod
    def once():
        return [None] * 100


@mode(baseline=True)
def numbers():
    prices = Book.once()
    for number in range(20_000):
        prices.append(Book(number).price)
        yield number
