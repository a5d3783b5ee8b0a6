"""A trading program, run by path like a user's program, that restarts at intervals of its updates or of the market's clock.

All restarts resume from the same state file. Each process ends with its connection or pipe, so a kill leaves none behind.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Callable, Dict, Tuple

from perfbench.kit.child_processes import end_with_parent
from perfbench.kit.memory import PAGE, give_back, resident_bytes
from perfbench.kit.saved_state import load
from perfbench.kit.trader import STATE, Trader, fresh
from perfbench.kit.workload import WORKLOADS

STANDBY = "--standby"

STARTED_IN = os.getcwd()
"""Relative paths among the arguments, such as that of this file, are relative to this folder."""


def never(trader: Trader, options: argparse.Namespace) -> None:
    """Continue without a restart."""
    trader.pause()


def trim(trader: Trader, options: argparse.Namespace) -> None:
    """Drop the books and continue: ``clear`` does only that, ``collect`` also collects garbage, ``trim`` also calls malloc_trim.

    malloc_trim(3) returns free pages to the system, but not those of Python's own allocator: an arena of a MiB with one live object
    stays. With PYTHONMALLOC=malloc that allocator is not used.
    """
    trader.pause()
    trader.forget()
    if options.free in ("collect", "trim"):
        gc.collect()
    if options.free == "trim":
        give_back()


def advised_exec(trader: Trader, options: argparse.Namespace) -> None:
    """As advised: release resources, save the state, and exec the interpreter with the same arguments.

    The new program has the same process id. Nothing is flushed by ``execv`` and no exit handler runs. ``sys.argv`` lacks the
    options of the interpreter, such as -X or -O.
    """
    trader.pause()
    trader.close()
    os.chdir(STARTED_IN)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - arguments need no shell


def hand_over(trader: Trader, options: argparse.Namespace) -> None:
    """Start a child, trade on until it has imported everything, give it the state, and end."""
    arguments = [argument for argument in sys.orig_argv[1:] if argument != STANDBY]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, *arguments, STANDBY], cwd=STARTED_IN, **pipes)
    assert child.stdin is not None
    assert child.stdout is not None
    if not trader.trade_at_market_speed(until=child.stdout):
        child.stdin.close()  # not needed any longer, it ends
        child.wait()
        child.stdout.close()
        trader.finish()
        sys.exit()
    if not child.stdout.readline():
        raise ChildProcessError("the child ended with code {} before it was ready".format(child.wait()))
    trader.pause()
    trader.resident(beside=resident_of(child.pid))
    trader.close()
    child.stdin.write(b"go\n")
    child.stdin.close()
    os._exit(0)  # at once: the child is the program now


RESTARTS: Dict[str, Callable[[Trader, argparse.Namespace], None]] = {
    "never": never,
    "trim": trim,
    "exec": advised_exec,
    "hand_over": hand_over,
}


def run(options: argparse.Namespace) -> None:
    """Trade to the end of the stream, in this process or its successors."""
    import_all(options.imports)
    if options.standby:
        os.write(1, b"ready\n")
        if not sys.stdin.readline():
            return  # the parent does not need it, or has ended
    trader = Trader(options)
    while trader.trade():
        RESTARTS[options.restart](trader, options)
    trader.finish()


def pool(options: argparse.Namespace) -> None:
    """Trade every interval in a fresh process of a pool whose processes end after one task."""
    context: Any = multiprocessing.get_context(options.context)
    if options.context == "forkserver":
        context.set_forkserver_preload(["betfairlightweight", *filter(None, options.imports.split(","))])
    settings: Dict[str, Any] = {"initializer": end_with_parent, "max_tasks_per_child": 1}
    with ProcessPoolExecutor(1, context, **settings) as workers:
        document, continues = load(STATE) or fresh(), True
        while continues:
            document, continues = workers.submit(interval, options, document, resident_bytes()).result()


def interval(options: argparse.Namespace, document: Dict[str, Any], beside: int) -> Tuple[Dict[str, Any], bool]:
    """Trade up to the next restart. Returns the document, and whether the stream continues."""
    import_all(options.imports)
    trader = Trader(options, document, beside)
    continues = trader.trade()
    if continues:
        trader.pause()
        trader.close()
    else:
        trader.finish()
    return trader.document, continues


def import_all(names: str) -> None:
    """Import everything in advance."""
    for name in ["betfairlightweight", *filter(None, names.split(","))]:
        importlib.import_module(name)


def resident_of(pid: int) -> int:
    """Resident bytes of another process; 0 where the system does not report them."""
    try:
        with open("/proc/{}/statm".format(pid), "rb") as statm:
            return int(statm.read().split()[1]) * PAGE
    except OSError:
        return 0


def parse_arguments() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchange", type=int, required=True, help="local port")
    parser.add_argument("--folder", required=True, help="of the state and the log")
    parser.add_argument("--restart", choices=[*RESTARTS, "pool"], required=True)
    parser.add_argument("--every", type=int, default=0, help="updates from one restart to the next")
    parser.add_argument("--hours", type=float, default=0.0, help="the same by the market's clock, without --every")
    parser.add_argument("--workload", choices=WORKLOADS, default="steady", help="what it holds beside its books")
    parser.add_argument("--leak-kb", type=int, default=0, help="of every update, if it leaks")
    parser.add_argument("--sample-every", type=int, default=0, help="updates between two samples of its memory")
    parser.add_argument("--retain", type=int, default=0, help="market books to hold on to")
    parser.add_argument("--save-every", type=int, default=0, help="updates; 0 saves at a restart only")
    parser.add_argument("--imports", default="", help="other packages that the program imports, with commas")
    parser.add_argument("--free", choices=["clear", "collect", "trim"], default="trim")
    parser.add_argument("--context", choices=["spawn", "forkserver"], default="spawn")
    parser.add_argument(STANDBY, action="store_true", help="print ready, and wait for the state")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse_arguments()
    os.chdir(options.folder)
    pool(options) if options.restart == "pool" else run(options)
