"""Use flumine's slotted classes for the prices of a runner, which keep each price as a dictionary.

The function must read ``entry["price"]`` instead of ``entry.price``: one that does not fails and is not tried.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from contextlib import ExitStack, contextmanager
from typing import Any, Iterator

from perfbench.kit.lever import SAME, Noted, Proposal, is_importable, patched, plain_listeners

KIND = SAME
SOURCE = "https://github.com/betcode-org/flumine/blob/master/flumine/patching.py"
LINES = """\
from betfairlightweight.resources import bettingresources
from flumine.patching import EX, SP

bettingresources.RunnerBookEX = EX
bettingresources.RunnerBookSP = SP  # import flumine does the same

# and in the loop:
runner.ex.available_to_back[0]["price"]  # instead of .price"""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For listeners of betfairlightweight that make objects, where flumine is installed and the program does not import it."""
    listeners = plain_listeners(noted)
    if "flumine" in noted.packages or not is_importable("flumine"):
        return
    if any(not listener.lightweight for listener in listeners):
        yield Proposal(
            title="flumine's classes for prices",
            write=LINES,
            reason="every price becomes an object of its own",
        )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """Runners have flumine's classes; flumine itself is not imported."""
    resources: Any = importlib.import_module("betfairlightweight.resources.bettingresources")
    patching = _load_patching()
    with ExitStack() as patches:
        patches.enter_context(patched(resources, "RunnerBookEX", patching.EX))
        patches.enter_context(patched(resources, "RunnerBookSP", patching.SP))
        yield


def _load_patching() -> Any:
    """flumine's module ``patching``, without the framework, which some releases of Python cannot import."""
    package = importlib.util.find_spec("flumine")
    if package is None or package.origin is None:
        raise ImportError("flumine is not installed in this environment: pip install flumine")
    path = os.path.join(os.path.dirname(package.origin), "patching.py")
    spec = importlib.util.spec_from_file_location("flumine_patching", path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file: {}".format(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
