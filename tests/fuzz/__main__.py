"""The fuzzer: ``make fuzz``, or ``PYTHONPATH=tests python -m fuzz archives --seconds 600 --seed 7``.

Each target runs in a process of its own: a crash, or a hang that nothing in the process ends, costs one target and is reported with
its input. Ends with 0 if nothing failed, with 1 otherwise.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import shlex
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fuzz.campaign import HANG_SECONDS, Failure, Summary, find_mark, run_campaign, write_input
from fuzz.targets import TARGETS, Target, load_target

MEMORY_LIMIT_BYTES = 4 << 30
"""Address space of a target: an input that takes more gets a MemoryError."""

PATIENCE_SECONDS = 6 * HANG_SECONDS
"""Time after the end of a campaign until its process is ended; minimising and starting take a part of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzzer and return its exit code."""
    options = parse_arguments(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.input is not None:
        return check_file(load_target(options.targets[0]), options.input)
    share = options.seconds / len(options.targets)
    print(f"seed {options.seed}, {share:.0f} s for each of {len(options.targets)} targets", flush=True)
    summaries = []
    for name in options.targets:
        summaries.append(run_apart(load_target, name, options.folder, options.seed, share, options.inputs))
        print(f"{name}: {summaries[-1].inputs} inputs, {len(summaries[-1].failures)} faults", flush=True)
    print_summaries(summaries)
    return int(any(summary.has_failed for summary in summaries))


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, with defaults from the variables FUZZ_SECONDS and FUZZ_SEED."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Check mutated inputs of every kind.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all of them by default: {', '.join(TARGETS)}")
    parser.add_argument(
        "--seconds", type=float, default=float(os.environ.get("FUZZ_SECONDS") or 180), help="in all (180)"
    )
    parser.add_argument("--seed", type=int, default=None, help="of the first batch (by chance)")
    parser.add_argument("--inputs", type=int, default=sys.maxsize, help="at most, for each target")
    parser.add_argument("--folder", type=Path, default=Path("fuzz-failures"), help="where failing inputs are written")
    parser.add_argument("--input", type=Path, help="check this file alone, with the traceback")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"unknown target {unknown[0]}: one of {', '.join(TARGETS)}")
    if options.input is not None and len(options.targets) != 1:
        parser.error("--input takes the name of one target")
    options.targets = options.targets or list(TARGETS)
    if options.seed is None:
        options.seed = int(os.environ.get("FUZZ_SEED") or random.randrange(10**9))
    return options


def check_file(target: Target, path: Path) -> int:
    """Check one input and return 0 if nothing is wrong with it, 1 after a traceback otherwise."""
    try:
        print(target.check(path.read_bytes()))
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def run_apart(
    load: Any, name: str, folder: Path, seed: int, seconds: float, inputs: int, patience: float = PATIENCE_SECONDS
) -> Summary:
    """Run a campaign in a process of its own. One that dies or does not end counts as a failure of the input under check."""
    context: Any = multiprocessing.get_context("spawn" if sys.platform == "darwin" else "fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_run_child, args=(sender, load, name, folder, seed, seconds, inputs))
    child.start()
    sender.close()
    try:
        if receiver.poll(seconds + patience):
            summary: Summary = receiver.recv()
            return summary
        cause = f"hang that nothing in its process ended (> {patience:g} s)"
    except EOFError:
        child.join()
        cause = f"the process ended with exit code {child.exitcode}"
    finally:
        child.kill()
        child.join()
    return _describe_death(name, folder, cause)


def _run_child(sender: Any, load: Any, name: str, folder: Path, seed: int, seconds: float, inputs: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, hard))
    sender.send(run_campaign(load(name), folder, seed=seed, seconds=seconds, inputs=inputs))


def _describe_death(name: str, folder: Path, cause: str) -> Summary:
    mark = find_mark(folder, name)
    data = mark.read_bytes() if mark.exists() else b""
    mark.unlink(missing_ok=True)
    failure = Failure(cause, write_input(folder, name, data))
    return Summary(name, inputs=1, outcomes=Counter(["death"]), failures={cause: failure})


def print_summaries(summaries: Sequence[Summary]) -> None:
    """Print a row for each target, and for each fault the line that reproduces it."""
    table = Table("target", "inputs", "seconds", "slowest", "memory", "growth", "outcomes", "failures")
    for each in summaries:
        outcomes = ", ".join(f"{name}: {count}" for name, count in each.outcomes.most_common())
        last = each.resident_bytes[-1] if each.resident_bytes else 0
        table.add_row(
            each.target, f"{each.inputs}", f"{each.seconds:.0f}", f"{each.slowest_seconds:.2f} s", f"{last / 2**20:.0f} MiB",
            f"{each.growth_bytes / 2**20:+.0f} MiB", outcomes, str(sum(failure.count for failure in each.failures.values())),
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    for each in summaries:
        for failure in each.failures.values():
            print(f"{each.target}: {failure.cause} ({failure.count} inputs)")
            print(f"  PYTHONPATH=tests python -m fuzz {each.target} --input {shlex.quote(str(failure.path))}")


if __name__ == "__main__":
    sys.exit(main())
