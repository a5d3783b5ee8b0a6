"""Replace the market files of a program by one given file, so that it runs on every market of ``--data``.

The program may read a thousand files: in one simulation, in one simulation each, or in the processes of a pool. All of them do the
same with another file, and the given one is to be simulated once. So simulations are compared by their *signature*: how they
read, and with which strategies. Of each signature, the file that is read first stands for all: the given file takes its place
wherever it is read, and the streams of other files are left out. Eleven strategies, or one with eleven values of a parameter,
have eleven signatures; eleven simulations of the same file with the same strategy run eleven times.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Dict, Tuple

from perfbench.kit.program.processes import RecordFolder
from perfbench.kit.program.streams import (
    list_market_streams,
    list_strategies_of,
    read_listener_settings,
    read_stream_file,
    remove_streams,
    set_stream_file,
)
from perfbench.worker.scenario_api import ProgramError

IGNORED_ATTRIBUTES = frozenset(
    ("streams", "historic_stream_ids", "market_filter", "name_hash", "clients", "client", "stream_class", "_invested")
)
"""Attributes of a strategy that differ with the file or the framework, and not with what the strategy does."""

PLACEHOLDER = "{market}"
MAX_DEPTH = 4


class MarketReplacement:
    """Gives one market file to the simulations of a program, in all of its processes."""

    def __init__(self, market: str, records: RecordFolder) -> None:
        self.market = market
        self._records = records
        self._strategies: Dict[int, Tuple[Any, str]] = {}

    def replace_in(self, framework: Any) -> bool:
        """Have the simulation read the given market only; returns False if nothing of it is left to run.

        Raises ProgramError for a stream whose file cannot be replaced, and a simulation without any stream.
        """
        streams = list_market_streams(framework)
        if not streams:
            raise ProgramError(
                "its simulation reads no market file that --data could replace",
                "if it looks for files that are not on this machine, make it a function of the market: def run(market)",
            )
        removed = []
        for stream in streams:
            own = read_stream_file(stream)
            signature = self._sign_stream(framework, stream, own)
            key = hashlib.sha256(signature.encode("utf-8", "surrogatepass")).hexdigest()
            if self._records.agree(key, own) == own:
                set_stream_file(stream, self.market)
            else:
                removed.append(stream)
        remove_streams(framework, removed)
        return len(removed) < len(streams)

    def _sign_stream(self, framework: Any, stream: Any, own: str) -> str:
        strategies = sorted(self._sign_strategy(strategy, own) for strategy in list_strategies_of(framework, stream))
        parts = (
            type(framework).__name__,
            type(stream).__qualname__,
            describe_plain(read_listener_settings(stream), own),
            str(bool(getattr(stream, "event_processing", False))),
            str(getattr(stream, "operation", "")),
            *strategies,
        )
        return "\n".join(parts)

    def _sign_strategy(self, strategy: Any, own: str) -> str:
        """The class of a strategy and the plain values of its attributes, as they were when it was seen first."""
        if id(strategy) not in self._strategies:
            values = {name: value for name, value in vars(strategy).items() if name not in IGNORED_ATTRIBUTES}
            text = "{}.{} {}".format(
                type(strategy).__module__, type(strategy).__qualname__, describe_plain(values, own)
            )
            self._strategies[id(strategy)] = strategy, text
        return self._strategies[id(strategy)][1]


def describe_plain(value: Any, own: str, depth: int = 0) -> str:
    """A value as text that is the same in every process; of what is not plain, the name of its class.

    :param own: the market file that is read; its path and its name are no part of what a strategy does.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return repr(_hide_file(value, own))
    if isinstance(value, os.PathLike):
        return repr(_hide_file(os.fsdecode(value), own))
    if depth < MAX_DEPTH:
        if isinstance(value, dict):
            items = sorted(
                (describe_plain(key, own, depth + 1), describe_plain(item, own, depth + 1))
                for key, item in value.items()
            )
            return "{" + ", ".join(map(": ".join, items)) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(describe_plain(item, own, depth + 1) for item in value) + "]"
        if isinstance(value, (set, frozenset)):
            return "{" + ", ".join(sorted(describe_plain(item, own, depth + 1) for item in value)) + "}"
    return type(value).__qualname__


def _hide_file(text: str, own: str) -> str:
    """A text without the path and the name of a market file, such as ``1.170258213`` of ``data/1.170258213.bz2``."""
    name = os.path.basename(own)
    stem = (
        name[: -len(os.path.splitext(name)[1])]
        if os.path.splitext(name)[1].lower() in (".bz2", ".gz", ".json")
        else name
    )
    for part in sorted({own, name, stem}, key=len, reverse=True):
        if part:
            text = text.replace(part, PLACEHOLDER)
    return text
