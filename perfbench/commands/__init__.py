"""One file per command: the file's name is the command's name, the first line of its docstring the help in the list.

A command's file is imported only when that command is called: ``perfbench --help`` stays as cheap as Typer itself.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer
from typer.core import TyperCommand, TyperGroup

from perfbench import __version__, configuration
from perfbench.errors import Interrupted, UsageProblem
from perfbench.naming import DEFAULT_RESULTS as RESULTS
from perfbench.naming import suggestion

FOLDER = Path(__file__).parent


# Options that mean the same in every command -----------------------------------------------------------------------------

Data = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        help="A market file, folder, archive or known name; repeatable.",
        show_default="the pulled PRO file, else the sample",
    ),
]
ModeNames = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--mode", help="Only this mode or group of modes; repeatable.", show_default="all without a group"),
]
Rounds = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=1, help="Exactly so many rounds.", show_default="until the precision is reached"),
]
MaxTime = Annotated[float, typer.Option(min=0, help="Seconds of rounds for each table, at most.")]
Precision = Annotated[
    float, typer.Option(min=0.0001, max=1, help="Stop when every interval is ± this share of its ratio.")
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds that one pass may take.")]
Count = Annotated[
    bool, typer.Option("--count", help="Count instructions too, by valgrind: the same every time, and no times.")
]
Set = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A parameter of the scenarios, or SCENARIO.NAME of one; repeatable."
    ),
]
Sweep = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(metavar="NAME=V1,V2", help="One table for each value of a parameter; repeatable."),
]
ScenariosFolder = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--scenarios", help="A folder with your own scenario files; repeatable."),
]
Accept = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(help="A change of content, by its name, to take for known between any two outputs; repeatable."),
]
Results = Annotated[Path, typer.Option(help="The folder that runs are saved in.")]
Save = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Save the run under this name.", show_default="date and time"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted last.")]
ExportTo = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--export",
        metavar="FORMAT=FILE",
        help="json, csv, markdown, terminal, junit, github, github-annotations, github-action-benchmark, bencher, "
        "pytest-benchmark, pyperf, hyperfine or openmetrics; - for standard output; repeatable.",
    ),
]
Columns = Annotated[
    str,
    typer.Option(
        help="Columns, or +name to add: interval, rate, memory, numbers, output, claim, wall, startup, pairs, sigma, doc, "
        "instructions."
    ),
]
Color = Annotated[Literal["auto", "always", "never"], typer.Option(help="Colour in the table.")]
Quick = Annotated[
    bool,
    typer.Option("--quick", help="A matter of seconds: small parameters, where the scenario has them, and two rounds."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")]

QUICK_ROUNDS = 2
"""Rounds under ``--quick``, unless ``--rounds`` says so."""

DEFAULT_RESULTS = Path(RESULTS)

NAMES = "perfbench.environments"
PREFIX = "PERFBENCH"

SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def configured_names(ctx: typer.Context) -> tuple[tuple[str, str], ...]:
    """The names of environments in the configuration, and the specs that they stand for."""
    found: tuple[tuple[str, str], ...] = ctx.meta.get(NAMES, ())
    return found


def assignment(option: str, text: str) -> tuple[str, str]:
    """Name and value of ``NAME=VALUE``. Raises UsageProblem."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageProblem(f"{option} {text}: write NAME=VALUE")
    return name, value


def assignments(option: str, texts: Optional[list[str]]) -> tuple[tuple[str, str], ...]:  # noqa: UP045
    """The names and values of a repeatable option."""
    return tuple(assignment(option, text) for text in texts or ())


def share(option: str, text: str) -> float:
    """The share that is written ``5%``. Raises UsageProblem."""
    found = SHARE.fullmatch(text.strip())
    if found is None:
        raise UsageProblem(f"{option} {text}: write a share such as 5%")
    return float(found[1]) / 100


def sweeps(texts: Optional[list[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:  # noqa: UP045
    """The names and lists of values of ``--sweep``."""
    return tuple((name, tuple(values.split(","))) for name, values in assignments("--sweep", texts))


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

    def invoke(self, ctx: Any) -> Any:
        """Call the command. Raises Interrupted for Ctrl-C, which Typer would end without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, imported."""
        name, outline, rest = super().resolve_command(ctx, args)
        if name is None or outline is None:
            return name, outline, rest
        command = typer.main.get_command(import_module(f"perfbench.commands.{name}").app)
        command.name = name
        _name_variables(command)
        _reflow(command)
        ctx.obj = command  # the callback, which reads the configuration, runs after this
        return name, command, rest


def _name_variables(command: Any) -> None:
    """Every option has its environment variable; named beside each of them they would hide what it is for.

    A variable is called as the option is typed: ``PERFBENCH_RUN_SET`` for ``--set``, whose parameter is ``set_``.
    """
    for part in _parts(command):
        for parameter in part.params:
            parameter.show_envvar = False
            typed = _typed(parameter)
            if typed != parameter.name.replace("_", "-"):
                commands = dict.fromkeys((command.name, part.name))
                words = "_".join((PREFIX, *commands, typed))
                parameter.envvar = words.replace("-", "_").upper()


def _typed(parameter: Any) -> str:
    """The name of a parameter as it is typed, without the hyphens in front of it."""
    long = (option.removeprefix("--") for option in parameter.opts if option.startswith("--"))
    return str(next(long, parameter.name))


def _reflow(command: Any) -> None:
    """Where a line of a docstring ends is no end of a line of the help."""
    for part in _parts(command):
        paragraphs = (part.help or "").split("\n\n")
        part.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _parts(command: Any) -> tuple[Any, ...]:
    """A command and its subcommands."""
    return command, *getattr(command, "commands", {}).values()


def _by_parameter(settings: dict[str, Any], name: str, command: Any) -> dict[str, Any]:
    """The settings of a command by the names of its parameters: written are those of options. Raises UsageProblem."""
    known = {subcommand: subcommand for subcommand in getattr(command, "commands", ())}
    for parameter in command.params:
        if parameter.name != "help":
            known[_typed(parameter)] = parameter.name
    for key in settings:
        if key.replace("_", "-") not in known:
            raise UsageProblem(f"configuration: [{name}] has no `{key}`{suggestion(key, known)}")
    return {known[key.replace("_", "-")]: value for key, value in settings.items()}


app = typer.Typer(
    cls=CommandFolder,
    name="perfbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": PREFIX},
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
    names = settings.pop("environments", {})
    ctx.meta[NAMES] = tuple((name, str(spec)) for name, spec in names.items())
    if (name := ctx.invoked_subcommand) is not None:
        settings[name] = _by_parameter(settings.get(name, {}), name, ctx.obj)
    ctx.default_map = settings
