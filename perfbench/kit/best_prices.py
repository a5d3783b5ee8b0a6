"""Best prices of every runner of a book, read as a strategy reads them: what lazy readers have not done before a field is read.

A reader that only holds raw bytes is fast until somebody looks. What is read here is the same for all readers: for each runner of
each book the first entry to back and to lay, price and size.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, List, Tuple

from perfbench.worker.scenario_api import ScenarioError

NOTHING, BEST = READ = ("nothing", "best")
"""What is read of the books: no field, or the best prices of every runner."""

Best = Tuple[Any, Any, Any, Any]
"""Price and size to back, price and size to lay; None for an empty side."""

EMPTY = (None, None)


def with_prices_read(updates: Iterable[Any], read: str, best_prices: Callable[[Any], List[Best]]) -> Iterator[Any]:
    """The updates; with ``read="best"`` the best prices of each are read before it is yielded.

    With ``read="nothing"`` the updates are returned as they are, at no cost. Raises ScenarioError for another value.
    """
    if read not in READ:
        raise ScenarioError("read={}: choose {}".format(read, " or ".join(READ)))
    return _read_prices(updates, best_prices) if read == BEST else iter(updates)


def _read_prices(updates: Iterable[Any], best_prices: Callable[[Any], List[Best]]) -> Iterator[Any]:
    for update in updates:
        best_prices(update)
        yield update


def of_dicts(books: Any) -> List[Best]:
    """The best prices of books that are plain dicts (betfairlightweight's lightweight mode)."""
    prices: List[Best] = []
    for book in books:
        for runner in book["runners"]:
            ex = runner["ex"]
            back, lay = ex["availableToBack"], ex["availableToLay"]
            prices.append(
                (
                    *((back[0]["price"], back[0]["size"]) if back else EMPTY),
                    *((lay[0]["price"], lay[0]["size"]) if lay else EMPTY),
                )
            )
    return prices


def of_objects(books: Any) -> List[Best]:
    """The best prices of books with attributes, whose prices have attributes too."""
    prices: List[Best] = []
    for book in books:
        for runner in book.runners:
            ex = runner.ex
            back, lay = ex.available_to_back, ex.available_to_lay
            prices.append(
                (
                    *((back[0].price, back[0].size) if back else EMPTY),
                    *((lay[0].price, lay[0].size) if lay else EMPTY),
                )
            )
    return prices


def of_object(book: Any) -> List[Best]:
    """The best prices of one book with attributes: some readers yield one at a time."""
    return of_objects((book,))


def of_patched(books: Any) -> List[Best]:
    """The best prices of books with flumine's classes, whose prices are dicts."""
    prices: List[Best] = []
    for book in books:
        for runner in book.runners:
            ex = runner.ex
            back, lay = ex.available_to_back, ex.available_to_lay
            prices.append(
                (
                    *((back[0]["price"], back[0]["size"]) if back else EMPTY),
                    *((lay[0]["price"], lay[0]["size"]) if lay else EMPTY),
                )
            )
    return prices
