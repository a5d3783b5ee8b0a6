"""A benchmark as asv's documentation writes one: passes in processes that asv starts in every round."""

import os
import runpy

runpy.run_path(os.environ["PERFBENCH_WORKER"], run_name="mounting")["mount"]()

from perfbench.worker.external_pass import bind_external_pass  # noqa: E402 - only importable once mounted

run_pass = bind_external_pass(os.environ["PERFBENCH_REQUEST"], whole_process=False)


def time_pass() -> None:
    """asv calls it as often as its time allows."""
    run_pass()
