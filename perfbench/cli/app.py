"""The Typer application. A command's module is imported only when that command is called."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from perfbench import __version__
from perfbench.cli.config import load_defaults
from perfbench.cli.parse import ENVIRONMENT_NAMES_KEY
from perfbench.errors import Interrupted, UsageProblem
from perfbench.util.suggest import suggest_name

COMMANDS_FOLDER = Path(__file__).parent / "commands"
VARIABLE_PREFIX = "PERFBENCH"


class LazyCommandGroup(TyperGroup):
    """A group whose commands are the modules of ``cli/commands``."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, sorted."""
        del ctx
        return self.names()

    @staticmethod
    def names() -> list[str]:
        """The names of the modules in the folder, sorted."""
        return sorted(path.stem for path in COMMANDS_FOLDER.glob("[a-z]*.py"))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the name and the first line of the help, without importing the command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        text = (COMMANDS_FOLDER / f"{cmd_name}.py").read_text(encoding="utf-8")
        doc = ast.get_docstring(ast.parse(text)) or ""
        return TyperCommand(cmd_name, help=doc.partition("\n")[0])

    def invoke(self, ctx: Any) -> Any:
        """Call the command. Raises Interrupted for Ctrl-C, which Typer would turn into a silent exit."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, imported."""
        name, outline, rest = super().resolve_command(ctx, args)
        if name is None or outline is None:
            return name, outline, rest
        command = typer.main.get_command(import_module(f"perfbench.cli.commands.{name}").app)
        command.name = name
        _set_option_variables(command)
        _reflow_help(command)
        ctx.obj = command  # the callback reads the configuration, and runs after this
        return name, command, rest


def _set_option_variables(command: Any) -> None:
    """Give every option its environment variable, and leave the variables out of the help, which they would drown.

    A variable is named after the option as it is typed: ``PERFBENCH_RUN_SET`` for ``--set``, whose parameter is ``set_``.
    """
    for part in _list_commands(command):
        for parameter in part.params:
            parameter.show_envvar = False
            typed = _option_name(parameter)
            if typed != parameter.name.replace("_", "-"):
                commands = dict.fromkeys((command.name, part.name))
                words = "_".join((VARIABLE_PREFIX, *commands, typed))
                parameter.envvar = words.replace("-", "_").upper()


def _option_name(parameter: Any) -> str:
    """The name of a parameter as it is typed, without leading hyphens."""
    long = (option.removeprefix("--") for option in parameter.opts if option.startswith("--"))
    return str(next(long, parameter.name))


def _reflow_help(command: Any) -> None:
    """Join the lines of each paragraph of a docstring: the terminal wraps them."""
    for part in _list_commands(command):
        paragraphs = (part.help or "").split("\n\n")
        part.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _list_commands(command: Any) -> tuple[Any, ...]:
    """A command and its subcommands."""
    return command, *getattr(command, "commands", {}).values()


def _map_to_parameters(settings: dict[str, Any], name: str, command: Any) -> dict[str, Any]:
    """The configured options of a command, by the names of its parameters. Raises UsageProblem for an unknown option."""
    names = {subcommand: subcommand for subcommand in getattr(command, "commands", ())}
    for parameter in command.params:
        if parameter.name != "help":
            names[_option_name(parameter)] = parameter.name
    for key in settings:
        if key.replace("_", "-") not in names:
            raise UsageProblem(f"configuration: [{name}] has no `{key}`{suggest_name(key, names)}")
    return {names[key.replace("_", "-")]: value for key, value in settings.items()}


app = typer.Typer(
    cls=LazyCommandGroup,
    name="perfbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": VARIABLE_PREFIX},
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
            "--config",
            metavar="FILE",
            help="Read settings from FILE.",
            show_default="perfbench.toml, else [tool.perfbench] of pyproject.toml",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark and profile the replay of Betfair stream files."""
    del version
    settings = load_defaults(config, Path.cwd(), set(LazyCommandGroup.names()))
    names = settings.pop("environments", {})
    ctx.meta[ENVIRONMENT_NAMES_KEY] = tuple((name, str(spec)) for name, spec in names.items())
    if (name := ctx.invoked_subcommand) is not None:
        settings[name] = _map_to_parameters(settings.get(name, {}), name, ctx.obj)
    ctx.default_map = settings
