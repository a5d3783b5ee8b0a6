"""One file per profiler: ``NEEDS`` (packages), ``SUFFIX`` of its own artefact, and ``observe(call, path, asked)``."""
