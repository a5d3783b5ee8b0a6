"""Market files: known ones by name, the user's own as files, folders or archives; verified, unpacked, described."""

from perfbench.datasets.cutting import first_lines
from perfbench.datasets.description import Description
from perfbench.datasets.finding import default_market, default_note, open_descriptions, open_markets
from perfbench.datasets.inspecting import inspect, unchanged
from perfbench.datasets.manifest import KnownFile, is_here, known_files, place
from perfbench.datasets.placing import Placed, turning_points, updates
from perfbench.datasets.pulling import pull

__all__ = [
    "Description",
    "KnownFile",
    "Placed",
    "default_market",
    "default_note",
    "first_lines",
    "inspect",
    "is_here",
    "known_files",
    "open_descriptions",
    "open_markets",
    "place",
    "pull",
    "turning_points",
    "unchanged",
    "updates",
]
