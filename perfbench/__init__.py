"""Benchmark and profiler for Betfair market-data replay. A scenario file imports all that it needs from here."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perfbench.worker.scenario_api import Change, Claim, Metric, NotAvailable, Work, canonical, mode, setup
    from perfbench.worker.update_hooks import observed

__version__ = "0.1.0"
__all__ = ["Change", "Claim", "Metric", "NotAvailable", "Work", "canonical", "mode", "observed", "setup"]


def __getattr__(name: str) -> Any:
    """Import what a scenario file asks for. Shell completion asks for nothing, and has a tenth of a second."""
    if name not in __all__:
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    from perfbench.worker import scenario_api, update_hooks  # noqa: PLC0415

    value = globals()[name] = getattr(update_hooks if name == "observed" else scenario_api, name)
    return value
