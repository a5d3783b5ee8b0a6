"""Entry point: run a command; print a PerfbenchError as its cause and its hint, and exit with its code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback

from perfbench import __version__
from perfbench.errors import ExitCode, PerfbenchError
from perfbench.util.encoding import allow_any_character
from perfbench.util.formatting import make_printable


def main() -> None:
    """The console command ``perfbench``; always ends by ``sys.exit`` with a code of ``ExitCode``."""
    for stream in (sys.stdout, sys.stderr):
        allow_any_character(stream)
    try:
        from perfbench.cli.app import run_command_line  # noqa: PLC0415 - an interrupt meanwhile is reported like any other

        sys.exit(run_command_line())
    except PerfbenchError as error:
        with contextlib.suppress(OSError):
            print("perfbench: " + "\n".join(map(make_printable, error.lines)), file=sys.stderr, flush=True)
        _leave_closed_terminal()
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


def _leave_closed_terminal() -> None:
    """A terminal that was closed takes no more lines; what is left for it would change the exit code to 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except ValueError:
            continue  # closed
        except OSError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


if __name__ == "__main__":
    main()
