"""Where do two outputs differ?"""

from perfbench import canonical, mode

UNIT = "updates"


def book(number, price):
    return {"market": "1.1", "runners": [{"id": 7, "price": 2.0}, {"id": 8, "price": price}], "number": number}


@mode(baseline=True)
def right():
    for number in range(3000):
        yield book(number, 3.5)


@mode
def wrong():
    for number in range(3000):
        yield book(number, 3.5 if number != 2500 else 3.55)


@mode
def same():
    return (book(number, 3.5) for number in range(3000))


@canonical
def fields(item, part):
    return item
