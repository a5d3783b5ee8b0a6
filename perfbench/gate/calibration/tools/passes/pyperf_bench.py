"""A benchmark as pyperf's documentation writes one: passes in processes that pyperf starts."""

import os
import runpy

import pyperf

runpy.run_path(os.environ["PERFBENCH_WORKER"], run_name="mounting")["mount"]()

from perfbench.worker.external_pass import bind_external_pass  # noqa: E402 - only importable once mounted

pyperf.Runner().bench_func("pass", bind_external_pass(os.environ["PERFBENCH_REQUEST"], whole_process=False))
