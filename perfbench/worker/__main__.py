"""Entry point of the worker process, run by path with the interpreter of the measured environment."""

import importlib.util
import os
import sys

WORKER_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
PACKAGE_DIRECTORY = os.path.dirname(WORKER_DIRECTORY)


def mount() -> None:
    """Make ``perfbench`` importable, and nothing else of the host.

    Its parent folder must not be on ``sys.path``: of an installed host it is site-packages, whose betfairlightweight would be
    measured instead of the environment's own.
    """
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != WORKER_DIRECTORY]
    spec = importlib.util.spec_from_file_location(
        "perfbench", os.path.join(PACKAGE_DIRECTORY, "__init__.py"), submodule_search_locations=[PACKAGE_DIRECTORY]
    )
    if spec is None or spec.loader is None:
        raise ImportError(PACKAGE_DIRECTORY)
    module = importlib.util.module_from_spec(spec)
    sys.modules["perfbench"] = module
    spec.loader.exec_module(module)
    from perfbench.worker.bytecode import FOLDER_VARIABLE, redirect_bytecode  # noqa: PLC0415 - only importable once mounted

    redirect_bytecode(PACKAGE_DIRECTORY, os.environ.get(FOLDER_VARIABLE))


def main() -> None:
    """Reserve the pipes to the host for the protocol: a scenario prints to stderr and reads an empty stdin."""
    answers = os.dup(1)
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    mount()
    from perfbench.worker.server import RequestServer, flush_output  # noqa: PLC0415 - only importable once mounted

    RequestServer(requests, answers).serve()
    flush_output()
    # A scenario's threads and exit handlers must not keep a finished trial alive.
    os._exit(0)


if __name__ == "__main__":
    main()
