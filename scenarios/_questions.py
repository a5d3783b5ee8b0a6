"""Queries of the scenario ``indexes`` to a market database, and their seconds."""

from __future__ import annotations

import time
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from _tick_databases import Database, from_the_disk
from _tick_store import STRATEGIES, Store

from perfbench import Work
from perfbench.worker.scenario_api import ScenarioError

KINDS = ("point", "range", "across", "pnl")
TICKS = "SELECT sequence, timestamp, selection_id, price, size FROM market_data WHERE "
QUERIES = {
    "point": TICKS
    + "market_id = ? AND selection_id = ? AND timestamp <= ? ORDER BY timestamp DESC, sequence DESC LIMIT 1",
    "range": TICKS + "market_id = ? AND timestamp BETWEEN ? AND ? ORDER BY timestamp, sequence",
    "across": TICKS + "timestamp BETWEEN ? AND ? ORDER BY timestamp, sequence",
    "pnl": "SELECT market_id, COUNT(*), CAST(SUM(profit) AS BIGINT) FROM trades WHERE strategy = ? "
    "GROUP BY market_id ORDER BY market_id",
}


class Questions(NamedTuple):
    """Queries as kind and values, and whether they must read from disk; ``further`` rows are written afterwards."""

    queue: List[Tuple[str, Tuple[Any, ...]]]
    cold: bool
    further: List[Tuple[Any, ...]]


def questions_about(store: Store, query: str, queries: int, cache: str) -> Questions:
    """Queries of each kind, or of one kind (point, range, across, pnl), on a warm or cold cache. Raises ScenarioError."""
    if query not in ("all", *KINDS) or cache not in ("warm", "cold") or queries < 1:
        text = "query={} queries={} cache={}: use query=all, {}; queries=1 or more; cache=warm or cold"
        raise ScenarioError(text.format(query, queries, cache, ", ".join(KINDS)))
    queue: List[Tuple[str, Tuple[Any, ...]]] = []
    for number, sample in enumerate(store.markets(queries)):
        start, end = store.times((share := 0.9 * number / queries, share + 0.02))
        queue += [
            ("point", (sample.market, sample.runner, sample.late)),
            ("range", (sample.market, sample.middle, sample.late)),
        ]
        queue += [("across", (start, end)), ("pnl", ("strategy_{:02d}".format(number % STRATEGIES),))]
    return Questions(
        [(kind, values) for kind, values in queue if query in ("all", kind)], cache == "cold", store.further()
    )


def answered(database: Database, questions: Questions, layout: Sequence[str] = (), **used: Sequence[str]) -> Work:
    """Lay out the database, then run the queries and time only those.

    :param used: for each kind of query the indexes of which its plan must name sample. Raises ScenarioError if it does not.
    """
    before, start = database.size(), time.perf_counter()
    for statement in layout:
        database.rows(statement)
    numbers: Dict[str, float] = {"build_seconds": time.perf_counter() - start if layout else 0.0}
    numbers.update(file_bytes=database.size(), index_bytes=database.size() - before)
    for kind, values in questions.queue:
        plan = database.plan(QUERIES[kind], values)
        if kind in used and not any(index in plan for index in used[kind]):
            raise ScenarioError("the {} query does not use {}: {}".format(kind, " or ".join(used[kind]), plan))
    seconds: Dict[str, List[float]] = {}
    if questions.cold:
        with from_the_disk():
            answers = [ask(database, seconds, question, cold=True) for question in questions.queue]
    else:
        for question in questions.queue:
            ask(database, {}, question)
        answers = [ask(database, seconds, question) for question in questions.queue]
    numbers.update({kind + "_ms": 1000 * sum(each) / len(each) for kind, each in seconds.items()})
    numbers["write_seconds"] = database.append(questions.further)
    return Work(len(answers), seconds=sum(map(sum, seconds.values())), output=answers, **numbers)


def ask(
    database: Database, seconds: Dict[str, List[float]], question: Tuple[str, Any], cold: bool = False
) -> List[Any]:
    """Run a query; its seconds are added to those of its kind."""
    kind, values = question
    if cold:
        database.chill()
    start = time.perf_counter()
    answer = database.rows(QUERIES[kind], values)
    seconds.setdefault(kind, []).append(time.perf_counter() - start)
    return answer
