"""One file per command: the file's name is the command's name, the first line of its docstring the help in the list.

A command's file is imported only when that command is called: ``perfbench --help`` stays as cheap as Typer itself.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperCommand, TyperGroup

from perfbench import __version__, configuration
from perfbench.errors import UsageProblem
from perfbench.naming import suggestion

FOLDER = Path(__file__).parent


class CommandFolder(TyperGroup):
    """A group whose commands are the files of this folder."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the files, sorted."""
        del ctx
        return self.names()

    @staticmethod
    def names() -> list[str]:
        """The commands that there are."""
        return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Name and first line only: enough for the list of commands."""
        if cmd_name not in self.list_commands(ctx):
            return None
        text = (FOLDER / f"{cmd_name}.py").read_text(encoding="utf-8")
        doc = ast.get_docstring(ast.parse(text)) or ""
        return TyperCommand(cmd_name, help=doc.partition("\n")[0])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, imported."""
        name, outline, rest = super().resolve_command(ctx, args)
        if name is None or outline is None:
            return name, outline, rest
        command = typer.main.get_command(import_module(f"perfbench.commands.{name}").app)
        command.name = name
        _hide_variables(command)
        ctx.obj = command  # the callback, which reads the configuration, runs after this
        return name, command, rest


def _hide_variables(command: Any) -> None:
    """Every option has its environment variable; named beside each of them they would hide what it is for."""
    for part in (command, *getattr(command, "commands", {}).values()):
        for parameter in part.params:
            parameter.show_envvar = False


def _demand_known_options(settings: dict[str, Any], name: str, command: Any) -> None:
    known = {parameter.name.replace("_", "-") for parameter in command.params if parameter.name != "help"}
    known |= set(getattr(command, "commands", ()))
    for key in settings:
        if key.replace("_", "-") not in known:
            raise UsageProblem(f"configuration: [{name}] has no `{key}`{suggestion(key, known)}")


app = typer.Typer(
    cls=CommandFolder,
    name="perfbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PERFBENCH"},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"perfbench {__version__}")
        raise typer.Exit


@app.callback()
def perfbench(
    ctx: typer.Context,
    config: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--config", help="Read settings from this file, not from perfbench.toml or pyproject.toml."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Replay Betfair stream files, time every pass, and say what made the difference."""
    del version
    settings = configuration.load(config, Path.cwd(), set(CommandFolder.names()))
    if ctx.invoked_subcommand is not None:
        _demand_known_options(settings.get(ctx.invoked_subcommand, {}), ctx.invoked_subcommand, ctx.obj)
    ctx.default_map = settings
