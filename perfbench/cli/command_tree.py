"""All commands with their arguments and options as data: the source of the man page and of shell completion.

It reads what the commands declare to Typer, so that neither of them can say anything else than ``--help``.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import typer
from typer.models import ArgumentInfo, OptionInfo

from perfbench.cli.app import app, list_outlines, read_outline


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """An option with its ``names``, or an argument without any.

    ``metavar`` is what stands for its value, empty for a flag. ``default`` is as help shows it. ``choices`` are all its values.
    """

    names: tuple[str, ...]
    metavar: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()
    is_repeatable: bool = False
    values: int = 1

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value."""
        return not self.metavar


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command: its words, such as ``data pull``, the first line and the other paragraphs of its help, group and parameters."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    group: str = ""
    arguments: tuple[ParameterSpec, ...] = ()
    options: tuple[ParameterSpec, ...] = ()
    is_group: bool = False


HELP_OPTION = ParameterSpec(("--help", "-h"), "", "Show this message and exit.", values=0)


COMPLETION_OPTIONS = (
    ParameterSpec(("--install-completion",), "", "Install completion for the current shell.", values=0),
    ParameterSpec(("--show-completion",), "", "Show completion for the current shell.", values=0),
)
"""Options that Typer adds."""


def list_global_options() -> tuple[ParameterSpec, ...]:
    """The options before the command."""
    callback = app.registered_callback
    assert callback is not None
    assert callback.callback is not None
    return (*_list_parameters(callback.callback)[1], *COMPLETION_OPTIONS, HELP_OPTION)


def list_command_specs() -> tuple[CommandSpec, ...]:
    """Every command and subcommand, in the order of the help."""
    return tuple(spec for outline in list_outlines() for spec in _describe_module(outline.name))


def _describe_module(name: str) -> Iterator[CommandSpec]:
    own: typer.Typer = import_module(f"perfbench.cli.commands.{name}").app
    outline = read_outline(name)
    commands = own.registered_commands
    if len(commands) == 1 and not own.info.no_args_is_help:
        yield _describe_command(name, commands[0].callback, outline.group)
        return
    yield CommandSpec(name, outline.title, group=outline.group, options=(HELP_OPTION,), is_group=True)
    for command in commands:
        callback = command.callback
        assert callback is not None
        word = command.name or callback.__name__.replace("_", "-")
        yield _describe_command(f"{name} {word}", callback, outline.group)


def _describe_command(name: str, callback: Callable[..., Any] | None, group: str) -> CommandSpec:
    assert callback is not None
    title, *paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(callback) or "").split("\n\n")]
    arguments, options = _list_parameters(callback)
    return CommandSpec(name, title, tuple(paragraphs), group, arguments, (*options, HELP_OPTION))


def _list_parameters(
    callback: Callable[..., Any],
) -> tuple[tuple[ParameterSpec, ...], tuple[ParameterSpec, ...]]:
    """The arguments and the options of a function that Typer makes a command of."""
    hints = typing.get_type_hints(callback, include_extras=True)
    arguments: list[ParameterSpec] = []
    options: list[ParameterSpec] = []
    for name, parameter in inspect.signature(callback).parameters.items():
        if typing.get_origin(hints[name]) is not typing.Annotated:
            continue
        kind, *extras = typing.get_args(hints[name])
        info = next(extra for extra in extras if isinstance(extra, (ArgumentInfo, OptionInfo)))
        if info.hidden:
            continue
        spec = _describe_parameter(name, kind, info, parameter.default)
        (options if isinstance(info, OptionInfo) else arguments).append(spec)
    return tuple(arguments), tuple(options)


def _describe_parameter(name: str, kind: Any, info: ArgumentInfo | OptionInfo, default: object) -> ParameterSpec:
    plain = _strip_optional(kind)
    is_list = typing.get_origin(plain) is list
    single = typing.get_args(plain)[0] if is_list else plain
    parts = typing.get_args(single) if typing.get_origin(single) is tuple else (single,)
    choices = typing.get_args(single) if typing.get_origin(single) is Literal else ()
    is_flag = single is bool
    metavar = "" if is_flag else info.metavar or ("|".join(choices) if choices else name.upper())
    return ParameterSpec(
        names=_list_names(name, info, is_flag=is_flag) if isinstance(info, OptionInfo) else (),
        metavar=metavar,
        help=info.help or "",
        default=_format_default(info.show_default, default),
        choices=tuple(map(str, choices)),
        is_repeatable=is_list,
        values=0 if is_flag else len(parts),
    )


def _strip_optional(kind: Any) -> Any:
    options = [part for part in typing.get_args(kind) if part is not type(None)]
    is_optional = type(None) in typing.get_args(kind)
    return options[0] if is_optional and len(options) == 1 else kind


def _list_names(name: str, info: OptionInfo, *, is_flag: bool) -> tuple[str, ...]:
    # With Annotated, Typer takes the first name for the default until it sees the function.
    declared = (*([info.default] if isinstance(info.default, str) else []), *(info.param_decls or ()))
    if declared:
        return tuple(part for text in declared for part in text.split("/") if part.startswith("-"))
    own = f"--{name.replace('_', '-')}"
    return (own, f"--no-{own[2:]}") if is_flag else (own,)


def _format_default(shown: bool | str, default: object) -> str:
    if isinstance(shown, str):
        return shown
    if not shown or default is None or isinstance(default, bool) or default is inspect.Parameter.empty or default == "":
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)
