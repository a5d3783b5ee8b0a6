"""Is the output checked that a mode's Work carries?"""

from perfbench import Work, canonical, mode

UNIT = "updates"


def items(last):
    for number in range(3):
        yield {"number": number, "price": 3.5 if number < 2 else last}


@mode(baseline=True)
def yields():
    return items(3.5)


@mode
def carries():
    return Work(3, output=items(3.5))


@mode
def differs():
    return Work(3, output=items(3.55))


@mode
def claims_more():
    return Work(4, output=items(3.5))


@mode
def costs_much_to_show():
    return Work(3, output=(1 / 0 for _ in range(3)))


@mode
def works_elsewhere():
    return Work(3, output=items(3.5), peak_rss_bytes=123456789)


@canonical
def fields(item, part):
    return item
