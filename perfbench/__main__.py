"""Entry point: run a command; print a PerfbenchError as its cause and its hint, and exit with its code."""

from __future__ import annotations

import os
import sys

COMPLETION_VARIABLE = "_PERFBENCH_COMPLETE"


def main() -> None:
    """The console command ``perfbench``; always ends by ``sys.exit`` with a code of ``ExitCode``."""
    if COMPLETION_VARIABLE in os.environ:
        _answer_shell()
    _run()


def _answer_shell() -> None:
    """Exit with the answer to a shell that completes a line, unless Typer answers: without the imports of a command."""
    from perfbench.cli.completion.shells import answer_shell  # noqa: PLC0415

    answer = answer_shell(os.environ)
    if answer is not None:
        text, code = answer
        print(text, end="\n" if text else "")
        sys.exit(code)


def _run() -> None:
    # The imports stand here because those of shell completion, which end before, would double its time.
    import contextlib  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    from perfbench import __version__  # noqa: PLC0415
    from perfbench.errors import ExitCode, PerfbenchError  # noqa: PLC0415
    from perfbench.util.encoding import allow_any_character  # noqa: PLC0415
    from perfbench.util.formatting import make_printable  # noqa: PLC0415

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
