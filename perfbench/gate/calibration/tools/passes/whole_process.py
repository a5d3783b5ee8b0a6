"""A process that makes one pass and ends. hyperfine times it from its start to its end."""

import os
import runpy

runpy.run_path(os.environ["PERFBENCH_WORKER"], run_name="mounting")["mount"]()

from perfbench.worker.external_pass import bind_external_pass  # noqa: E402 - only importable once mounted

bind_external_pass(os.environ["PERFBENCH_REQUEST"], whole_process=True)()
