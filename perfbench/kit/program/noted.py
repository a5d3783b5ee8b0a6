"""What is noted while a program runs once, for the levers of ``perfbench advise``.

All values are plain, so that they can be sent between processes and to the host. Seconds before the scheduled off are positive, and
negative after it; CPU seconds are those of the noted pass, which is slower than others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional


@dataclass(frozen=True)
class ListenerNote:
    """A betfairlightweight listener that read a market outside of a simulation. ``kind`` is the name of its class.

    ``generator``: it was read by a generator stream, otherwise by a stream that writes to a queue.
    """

    kind: str
    lightweight: bool
    max_latency: Optional[float]
    update_clk: bool
    calculate_market_tv: bool
    cumulative_runner_tv: bool
    generator: bool
    updates: int = 0


@dataclass(frozen=True)
class StreamNote:
    """A market stream of a simulation: ``kind`` is the name of its class, ``file`` the path of the market file.

    ``own_file`` is the path that the program wrote, which ``--data`` replaces. ``packed``: ``file`` is compressed (bz2, gzip).
    ``listener`` has the listener's settings by name: ``inplay``, ``seconds_to_start``, ``max_inplay_seconds``, ``event_type_ids``,
    ``max_latency``, ``lightweight``, ``update_clk``, ``calculate_market_tv``, ``cumulative_runner_tv``, as far as it has them.
    ``listener_kwargs`` are those that the program gave.
    """

    kind: str
    file: str
    own_file: str
    packed: bool
    listener: Dict[str, Any]
    listener_kwargs: Dict[str, Any]
    event_processing: bool
    operation: str


@dataclass(frozen=True)
class StrategyNote:
    """A strategy of a simulation. ``kind`` is the name of its class, ``callbacks`` the names of those that it overrides.

    ``actions`` counts the orders that it placed, cancelled, updated or replaced, refused ones included; ``streams`` are the
    numbers of its streams in ``SimulationNote.streams``.
    """

    kind: str
    name: str
    callbacks: List[str]
    orders: int
    actions: int
    streams: List[int] = field(default_factory=list)


@dataclass(frozen=True)
class SimulationNote:
    """One ``run()`` of a simulation.

    ``middleware`` and ``logging_controls`` are names of classes, ``controls`` those of trading controls; ``workers`` the number of
    background workers. An action is a place, cancel, update or replace that a strategy asked for, refused or not. None for
    seconds: there was no action.

    :param earliest_action_seconds: the most seconds before the scheduled off at which there was an action.
    :param latest_action_seconds: the fewest; negative after the scheduled off.
    :param latest_in_play_seconds: the most seconds after the turn in-play at which there was an action; None if none in-play.
    :param in_play_orders: orders placed in-play; ``in_play_actions`` all actions in-play.
    :param event_types: number of markets of each event type id; ``acted_event_types`` those with an action.
    :param earliest_update_seconds: the most seconds before the scheduled off of the first update of a file.
    :param isolation: whether the orders of strategies are matched apart; ``simulated_full_match`` whether a client matches in full.
    :param process: id of the process; a program may use several.
    :param log_records: messages that were logged while it ran, with the ``logging_level`` of the root logger and the number of
        ``file_handlers`` of all loggers at its start.
    """

    strategies: List[StrategyNote]
    streams: List[StreamNote]
    middleware: List[str]
    logging_controls: List[str]
    controls: List[str]
    workers: int
    updates: int
    in_play_updates: int
    orders: int
    in_play_orders: int
    in_play_actions: int
    earliest_action_seconds: Optional[float]
    latest_action_seconds: Optional[float]
    latest_in_play_seconds: Optional[float]
    earliest_update_seconds: Optional[float]
    markets: int
    event_types: Dict[str, int]
    acted_event_types: List[str]
    cpu_seconds: float
    isolation: bool
    simulated_full_match: bool
    process: int
    log_records: int = 0
    logging_level: int = 30
    file_handlers: int = 0


@dataclass(frozen=True)
class Noted:
    """A program as it ran once.

    ``listeners`` are those outside of simulations. ``packages`` are the versions of the imported distributions by name;
    ``json_module`` is the module that betfairlightweight decodes with (``json``, ``orjson``, ``ujson``; empty if it is not
    imported). ``logging_level`` is that of the root logger while simulations ran (the lowest), ``file_handlers`` counts handlers
    that write to files (the most), ``log_records`` the messages that were logged in simulations, or in all of a program without
    one. ``markets`` counts markets; ``packed_files`` are the compressed ones among the files of simulations; ``processes`` counts
    those that ran simulations. ``available`` are words of environment specs that the host found: interpreters of this machine, and
    the newest releases.
    """

    simulations: List[SimulationNote]
    listeners: List[ListenerNote]
    packages: Dict[str, str]
    python: str
    json_module: str
    logging_level: int
    file_handlers: int
    log_records: int
    markets: int
    packed_files: List[str]
    processes: int
    available: List[str] = field(default_factory=list)
