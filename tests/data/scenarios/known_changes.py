"""Do outputs agree but for announced changes?"""

import contextlib

with contextlib.suppress(ImportError):  # something to be told of; not every Python has it
    import packaging  # noqa: F401

from perfbench import Change, canonical, mode

UNIT = "updates"

CHANGES = [
    Change("order", "library", "2.0", ["runners"], "2.0 orders runners by name"),
    Change("price", "library", "3.0", ["price"], "3.0 adds one to the price of runner 2"),
    Change("start", "library", "4.0", ["price"], "4.0 starts at one", trait="prices start at"),
]

TRAITS = {"prices start at": lambda update: str(update[0]["price"])}


def updates(reverse=False, more=0.0, last=1500):
    """Runner 1 is the very same object for ten updates; runner 2 is another each time."""
    for number in range(1500):
        if number % 10 == 0:
            one = {"id": 1, "price": float(number) if number != last else -1.0}
        two = {"id": 2, "price": number + 0.5, "more": more}
        yield [two, one] if reverse else [one, two]


@mode(baseline=True)
def before():
    return updates()


@mode
def reordered():
    return updates(reverse=True)


@mode
def repriced():
    return updates(more=1.0)


@mode
def both():
    return updates(reverse=True, more=1.0)


@mode
def something_else():
    return updates(reverse=True, more=1.0, last=1490)


@mode
def empty():
    return iter(())


@mode(group="engines", floor=True)
def least():
    return 1500


@canonical
def runners(update, part, undone):
    def fields(runner):
        more = 0.0 if "price" in undone else runner.get("more", 0.0)
        return {"id": runner["id"], "price": runner["price"] + more}

    if "order" in undone:
        update = sorted(update, key=lambda runner: runner["id"])
    return [part(runner, fields) for runner in update]
