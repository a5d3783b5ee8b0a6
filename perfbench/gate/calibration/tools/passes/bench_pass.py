"""A benchmark as pytest-benchmark's documentation writes one: passes in the process of pytest."""

import os
import runpy

runpy.run_path(os.environ["PERFBENCH_WORKER"], run_name="mounting")["mount"]()

from perfbench.worker.external_pass import bind_external_pass  # noqa: E402 - only importable once mounted


def test_pass(benchmark):  # type: ignore[no-untyped-def]
    """Pytest-benchmark calls it as often as there is time for."""
    benchmark(bind_external_pass(os.environ["PERFBENCH_REQUEST"], whole_process=False))
