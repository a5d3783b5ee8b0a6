"""Run a command; turn a PerfbenchError into one line and its exit code."""

from __future__ import annotations

import sys
import traceback

from perfbench import __version__
from perfbench.commands import app
from perfbench.errors import ExitCode, PerfbenchError


def main() -> None:
    """The console command ``perfbench``; always ends by ``sys.exit`` with a code of ``ExitCode``."""
    try:
        app()
    except PerfbenchError as problem:
        print(f"perfbench: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        print("perfbench: interrupted", file=sys.stderr)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ExitCode.DONE)
    except Exception:
        traceback.print_exc()
        print(f"perfbench {__version__}: this is a bug; please report it with the lines above", file=sys.stderr)
        sys.exit(ExitCode.INTERNAL)


if __name__ == "__main__":
    main()
