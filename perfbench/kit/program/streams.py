"""Market streams of a simulation, with every release of flumine since 1.17: their files, their listeners, their strategies."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from perfbench.worker.scenario_api import ProgramError

LISTENER_SETTINGS = (
    "inplay",
    "seconds_to_start",
    "max_inplay_seconds",
    "event_type_ids",
    "max_latency",
    "lightweight",
    "update_clk",
    "calculate_market_tv",
    "cumulative_runner_tv",
)
"""Attributes of listeners that can change which updates a strategy sees, what is in them, and what they cost."""


def list_market_streams(framework: Any) -> List[Any]:
    """The streams of a simulation that read a market file."""
    return [stream for stream in framework.streams if hasattr(stream, "create_generator")]


def read_stream_file(stream: Any) -> str:
    """The path of the market file of a stream. Raises ProgramError for a stream of the user's own that shows none."""
    file = stream.file_path if hasattr(stream, "file_path") else getattr(stream, "market_filter", None)
    if isinstance(file, (tuple, list)) and file:
        file = file[0]
    if isinstance(file, (str, bytes, os.PathLike)):
        return os.fsdecode(file)
    raise ProgramError(
        "the stream {} has no `file_path` that says which market it reads".format(type(stream).__name__),
        "without --data it is measured as it is",
    )


def set_stream_file(stream: Any, path: str) -> None:
    """Have a stream read another market file."""
    setattr(stream, "file_path" if hasattr(stream, "file_path") else "market_filter", path)


def read_listener_settings(stream: Any) -> Dict[str, Any]:
    """The settings of the listener of a stream, as far as it has them."""
    listener = getattr(stream, "_listener", None)
    return {name: getattr(listener, name) for name in LISTENER_SETTINGS if hasattr(listener, name)}


def list_strategies_of(framework: Any, stream: Any) -> List[Any]:
    """The strategies that are subscribed to a stream."""
    return [strategy for strategy in framework.strategies if any(own is stream for own in strategy.streams)]


def remove_streams(framework: Any, removed: List[Any]) -> None:
    """Remove streams from a simulation, and the strategies that keep none."""
    ids = {id(stream) for stream in removed}
    stream_ids = {stream.stream_id for stream in removed}
    framework.streams._streams = [stream for stream in framework.streams if id(stream) not in ids]
    kept = []
    for strategy in framework.strategies:
        had = bool(strategy.streams)
        strategy.streams = [stream for stream in strategy.streams if id(stream) not in ids]
        historic = strategy.historic_stream_ids
        strategy.historic_stream_ids = type(historic)(number for number in historic if number not in stream_ids)
        if strategy.streams or not had:
            kept.append(strategy)
    framework.strategies._strategies = kept
