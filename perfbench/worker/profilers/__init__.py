"""One module per profiler: ``NEEDS`` (packages), ``SUFFIX`` of its artefact, and ``observe(call, path, request)``."""
