"""The Typer application. A command's module is imported only when that command is called."""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from perfbench import __version__
from perfbench.cli import heartbeat
from perfbench.cli.config import Configuration, load_configuration
from perfbench.cli.front_page import build_front_page, detect_width
from perfbench.cli.option_errors import HELP_ERROR, explain_error, is_option_error, require_single_data_values
from perfbench.cli.parse import ENVIRONMENT_NAMES_KEY
from perfbench.cli.program_arguments import PROGRAM_ARGUMENTS_KEY, split_program_arguments
from perfbench.cli.value_sources import (
    SOURCES_KEY,
    Defaults,
    add_configured,
    add_variables,
    attribute_error,
    find_unknown_variables,
    name_variables,
)
from perfbench.errors import ExitCode, Interrupted, PerfbenchError, UsageProblem
from perfbench.util.suggest import suggest_name

PROGRAM = "perfbench"
"""The name in usage lines, however it was started."""

COMMANDS_FOLDER = Path(__file__).parent / "commands"
CONFIG_OPTION = "--config"
SERVERS = ("exchange", "worker")
"""Commands that wait for others; their silence is no waiting for them."""

ARGUMENTS_KEY = "perfbench.arguments"
"""Key of the arguments as they were typed, in Typer's context."""


GROUPS = ("Measure", "Compare", "Understand", "Data", "Machine")
"""Groups of commands, in the order of the help. Each command names its own as HELP_GROUP."""


@dataclass(frozen=True, slots=True)
class CommandOutline:
    """The name, the first line of the help and the group of a command."""

    name: str
    title: str
    group: str


def read_outline(name: str) -> CommandOutline:
    """The outline of a command, read from its file without importing it."""
    tree = ast.parse((COMMANDS_FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    groups = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HELP_GROUP"
        if isinstance(node.value, ast.Constant)
    ]
    return CommandOutline(name, (ast.get_docstring(tree) or "").partition("\n")[0], str(groups[0]) if groups else "")


def list_outlines() -> list[CommandOutline]:
    """The outlines of all commands, group by group."""
    outlines = [read_outline(path.stem) for path in sorted(COMMANDS_FOLDER.glob("[a-z]*.py"))]
    return sorted(outlines, key=lambda outline: GROUPS.index(outline.group))


class LazyCommandGroup(TyperGroup):
    """A group whose commands are the modules of ``cli/commands``."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, group by group."""
        del ctx
        return [outline.name for outline in list_outlines()]

    @staticmethod
    def names() -> list[str]:
        """The names of the modules in the folder, sorted."""
        return sorted(path.stem for path in COMMANDS_FOLDER.glob("[a-z]*.py"))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the name, the first line of the help and the group, without importing the command."""
        del ctx
        if cmd_name not in self.names():
            return None
        outline = read_outline(cmd_name)
        return TyperCommand(cmd_name, help=outline.title, rich_help_panel=outline.group)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse the options before the command; --config may stand after it too. What follows -- may belong to a program."""
        own, ctx.meta[PROGRAM_ARGUMENTS_KEY] = split_program_arguments(args)
        ctx.meta[ARGUMENTS_KEY] = tuple(own)
        return super().parse_args(ctx, _move_config_forward(own))

    def invoke(self, ctx: Any) -> Any:
        """Call the command. Raises Interrupted for Ctrl-C, which Typer would turn into a silent exit, and PerfbenchError."""
        arguments = ctx.meta[ARGUMENTS_KEY]
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None
        except BrokenPipeError:  # Typer would end with 1
            raise typer.Exit(close_broken_output()) from None
        except PerfbenchError as error:
            raise attribute_error(error, ctx, arguments) from error.__cause__
        except Exception as error:
            if not is_option_error(error) or type(error).__name__ == HELP_ERROR:
                raise
            raise attribute_error(explain_error(error, arguments), ctx, arguments) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, imported."""
        if args and args[0] not in self.names():
            near = suggest_name(args[0], self.names(), list_all=False)
            raise UsageProblem(f"no command `{args[0]}`{near}", hint="see perfbench --help")
        name, outline, rest = super().resolve_command(ctx, args)
        if name is None or outline is None:
            return name, outline, rest
        command = typer.main.get_command(import_module(f"perfbench.cli.commands.{name}").app)
        command.name = name
        _reflow_help(command)
        for part in _list_commands(command) if name not in SERVERS else ():
            part.invoke = partial(_invoke_beating, part.invoke)
        ctx.obj = command  # the callback reads the configuration, and runs after this
        return name, command, rest


def _invoke_beating(invoke: Callable[[Any], Any], ctx: Any) -> Any:
    """Call a command that prints something at least every ten seconds, unless it is to be quiet."""
    if getattr(ctx.command, "commands", None) or ctx.params.get("quiet"):
        return invoke(ctx)
    names, parent = [str(ctx.info_name)], ctx.parent
    while parent is not None and parent.parent is not None:
        names, parent = [str(parent.info_name), *names], parent.parent
    with heartbeat.beating(" ".join(names)):
        return invoke(ctx)


def _move_config_forward(args: list[str]) -> list[str]:
    """The arguments with every --config before the command."""
    end = args.index("--") if "--" in args else len(args)
    first: list[str] = []
    rest: list[str] = []
    position = 0
    while position < end:
        length = 2 if args[position] == CONFIG_OPTION and position + 1 < end else 1
        is_config = args[position].partition("=")[0] == CONFIG_OPTION
        (first if is_config else rest).extend(args[position : position + length])
        position += length
    return [*first, *rest, *args[end:]]


def _reflow_help(command: Any) -> None:
    """Join the lines of each paragraph of a docstring: the terminal wraps them."""
    for part in _list_commands(command):
        paragraphs = (part.help or "").split("\n\n")
        part.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _list_commands(command: Any) -> tuple[Any, ...]:
    """A command and its subcommands."""
    return command, *getattr(command, "commands", {}).values()


def _build_defaults(configuration: Configuration, command: Any, arguments: Sequence[str]) -> tuple[Defaults, list[str]]:
    """The defaults of a command and its subcommands; the sources are those of what is called.

    Also returns a line about each variable that sets nothing. Raises UsageProblem.

    :param arguments: as they were typed.
    """
    name, subcommands = str(command.name), getattr(command, "commands", {})
    settings = dict(configuration.commands.get(name, {}))
    defaults = Defaults()
    unknown: list[str] = []
    called = next((argument for argument in arguments if argument in subcommands), None)
    for child in subcommands.values():
        nested = Defaults()
        section = settings.pop(child.name, {})
        if not isinstance(section, dict):
            place = f"{configuration.file}, [{configuration.section(name)}] {child.name}"
            raise UsageProblem(f"{place}: not a section", hint=f"write [{configuration.section(name, child.name)}]")
        add_configured(nested, section, child, configuration.section(name, child.name), configuration.file)
        if child.name == called:
            add_variables(nested, child, (name, child.name))
            defaults.sources |= nested.sources
            unknown += find_unknown_variables([*name_variables(child, (name, child.name))], (name, child.name))
        defaults.values[child.name] = nested.values
    add_configured(defaults, settings, command, configuration.section(name), configuration.file)
    add_variables(defaults, command, (name,))
    if not subcommands:
        unknown += find_unknown_variables([*name_variables(command, (name,))], (name,))
    return defaults, unknown


app = typer.Typer(
    cls=LazyCommandGroup,
    name="perfbench",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"perfbench {__version__}")
        raise typer.Exit


@app.callback()
def perfbench(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            CONFIG_OPTION,
            metavar="FILE",
            help="Read settings from FILE; also after the command.",
            envvar="PERFBENCH_CONFIG",
            show_envvar=False,
            show_default="perfbench.toml, else [tool.perfbench] of pyproject.toml",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark and profile the replay of Betfair stream files."""
    del version
    if ctx.invoked_subcommand is None and not ctx.resilient_parsing:
        typer.echo(build_front_page(list_outlines(), detect_width()))
        raise typer.Exit(ExitCode.USAGE)
    configuration = load_configuration(config, Path.cwd(), set(LazyCommandGroup.names()))
    ctx.meta[ENVIRONMENT_NAMES_KEY] = tuple(configuration.environments.items())
    if ctx.invoked_subcommand is None or ctx.obj is None:
        return
    arguments = ctx.meta[ARGUMENTS_KEY]
    require_single_data_values(arguments)
    defaults, unknown = _build_defaults(configuration, ctx.obj, arguments)
    for line in unknown:
        print(f"warning: {line}", file=sys.stderr)
    ctx.meta[SOURCES_KEY] = defaults.sources
    ctx.default_map = {ctx.invoked_subcommand: defaults.values}


def close_broken_output() -> int:
    """Give up an output that nobody reads any more: nothing more is written, also not at exit. Returns the exit code."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    return ExitCode.DONE


def run_command_line() -> int:
    """Run the command in ``sys.argv``; returns its exit code. Raises PerfbenchError."""
    try:
        result = app(prog_name=PROGRAM, standalone_mode=False)
    except SystemExit:  # Rich and Typer end the process themselves if nobody reads its output
        return close_broken_output()
    except Exception as error:
        if not is_option_error(error):
            raise
        if type(error).__name__ == HELP_ERROR:  # the help is printed
            return ExitCode.USAGE
        raise explain_error(error, sys.argv[1:]) from None
    if result == ExitCode.INTERRUPTED:  # before the command began: Typer gives the exception no other trace
        raise Interrupted("interrupted; nothing was measured")
    return result if isinstance(result, int) else ExitCode.DONE
