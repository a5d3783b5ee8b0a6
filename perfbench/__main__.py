"""Entry point: run a command; print a PerfbenchError as its cause and its hint, and exit with its code."""

from __future__ import annotations

import sys
import traceback

from perfbench import __version__
from perfbench.errors import ExitCode, PerfbenchError


def main() -> None:
    """The console command ``perfbench``; always ends by ``sys.exit`` with a code of ``ExitCode``."""
    try:
        from perfbench.cli.app import app  # noqa: PLC0415 - an interrupt while it is imported is reported like any other

        app()
    except PerfbenchError as error:
        print("perfbench: " + "\n".join(error.lines), file=sys.stderr)
        sys.exit(error.exit_code)
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
