"""The strategies of the backtest scenarios: one that does nothing, one that trades at the best price, and the user's own.

A strategy is named ``idle``, ``best_price`` or ``path/to/file.py:Class``; a relative path starts at the working directory of
perfbench.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, Set, Tuple, Type, Union

from flumine import BaseStrategy
from flumine.order.order import OrderStatus
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.utils import get_price

from perfbench.worker.scenario_api import ScenarioError

Value = Union[str, int, float, bool]


class Idle(BaseStrategy):  # type: ignore[misc]
    """Receives every book and does nothing: the cost of the framework."""

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        """Every book."""
        return True

    def process_market_book(self, market: Any, market_book: Any) -> None:
        """Nothing."""


class BestPrice(BaseStrategy):  # type: ignore[misc]
    """Backs at the best price to back and lays at the best price to lay, for every runner, again and again.

    Unmatched orders are cancelled after a while. Decisions depend on the book only, so the same books give the same orders.

    ``context`` may have ``stake`` (2), ``every`` (60 seconds of market time between two pairs of orders of a runner), ``within``
    (600 seconds before the scheduled off), ``inplay`` (False: stop at the off) and ``dearest`` (20: no orders above this price).
    """

    def __init__(self, **keywords: Any) -> None:
        limits = {"max_selection_exposure": 10000, "max_order_exposure": 1000, "max_live_trade_count": 10}
        super().__init__(**{**limits, **keywords})
        self.stake = self.context.get("stake", 2.0)
        self.every = self.context.get("every", 60)
        self.within = self.context.get("within", 600)
        self.inplay = self.context.get("inplay", False)
        self.dearest = self.context.get("dearest", 20)
        self._due: Dict[Tuple[str, int, float], int] = {}

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        """Whether the market is open, near the off, and in-play only if enabled."""
        wanted = self.inplay or not market_book.inplay
        return bool(wanted and market_book.status == "OPEN" and market.seconds_to_start <= self.within)

    def process_market_book(self, market: Any, market_book: Any) -> None:
        """Place a pair of orders for every runner that is due."""
        now = market_book.publish_time_epoch
        for runner in market_book.runners:
            key = (market_book.market_id, runner.selection_id, runner.handicap)
            if runner.status != "ACTIVE" or now < self._due.get(key, 0):
                continue
            back, lay = get_price(runner.ex.available_to_back, 0), get_price(runner.ex.available_to_lay, 0)
            if not back or not lay or lay > self.dearest:
                continue
            self._due[key] = now + int(self.every * 1000)
            for side, price in (("BACK", back), ("LAY", lay)):
                trade = Trade(market_book.market_id, runner.selection_id, runner.handicap, self)
                market.place_order(trade.create_order(side=side, order_type=LimitOrder(price, self.stake)))

    def process_orders(self, market: Any, orders: Any) -> None:
        """Cancel orders that have been unmatched for half of the interval."""
        for order in orders:
            if order.status == OrderStatus.EXECUTABLE and (order.elapsed_seconds or 0) > self.every / 2:
                market.cancel_order(order)


SHIPPED: Dict[str, Type[BaseStrategy]] = {"idle": Idle, "best_price": BestPrice}


@dataclass(frozen=True)
class Chosen:
    """A strategy by its spec, and its parameters."""

    kind: Type[BaseStrategy]
    parameters: Dict[str, Value]
    spec: str

    def made(self, **feed: Any) -> BaseStrategy:
        """A fresh strategy on these markets (``feed``: the keyword arguments of this flumine release).

        Parameters of the constructor of the class or of flumine's BaseStrategy are passed to it, all others go into ``context``.
        Raises ScenarioError if the strategy cannot be made.
        """
        named = _named(self.kind.__init__) | _named(BaseStrategy.__init__)
        keywords = {name: value for name, value in self.parameters.items() if name in named}
        context = {name: value for name, value in self.parameters.items() if name not in named}
        if context:
            keywords["context"] = context  # type: ignore[assignment]
        try:
            inspect.signature(self.kind).bind(**feed, **keywords)
        except TypeError as error:
            raise ScenarioError("strategy {} cannot be made: {}".format(self.spec, error)) from error
        return self.kind(**feed, **keywords)


def choose(spec: str, parameters: str) -> Chosen:
    """The strategy of this ``spec``, with parameters like ``stake=5,side=LAY``. Raises ScenarioError."""
    return Chosen(_kind(spec), _parameters(parameters), spec)


def _kind(spec: str) -> Type[BaseStrategy]:
    if spec in SHIPPED:
        return SHIPPED[spec]
    path, _, name = spec.rpartition(":")
    if not path or not name:
        choices = ", ".join(SHIPPED)
        raise ScenarioError("strategy={}: no such strategy; use {} or path/to/file.py:Class".format(spec, choices))
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise ScenarioError("strategy={}: there is no file {}".format(spec, path))
    kind = getattr(_import(file), name, None)
    if kind is None:
        raise ScenarioError("strategy={}: {} has no class {}".format(spec, path, name))
    if not (isinstance(kind, type) and issubclass(kind, BaseStrategy)):
        raise ScenarioError("strategy={}: {} is not a subclass of flumine's BaseStrategy".format(spec, name))
    return kind


def _import(file: Path) -> ModuleType:
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    name = "perfbench_strategy_" + re.sub(r"\W", "_", file.stem)
    spec = importlib.util.spec_from_file_location(name, str(file))
    if spec is None or spec.loader is None:
        raise ScenarioError("strategy={}: is not a Python file".format(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _parameters(text: str) -> Dict[str, Value]:
    parameters: Dict[str, Value] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ScenarioError("strategy_parameters={}: {} is not NAME=VALUE".format(text, part))
        parameters[name.strip()] = _value(value.strip())
    return parameters


def _value(text: str) -> Value:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _named(function: Callable[..., Any]) -> Set[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds}
