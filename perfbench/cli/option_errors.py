"""Errors of Typer about options and arguments, in the words of perfbench: a cause and a hint."""

from __future__ import annotations

import difflib
import inspect
import os
import types
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from perfbench.cli.value_sources import SOURCES_KEY, option_name
from perfbench.errors import UsageProblem

HELP_ERROR = "NoArgsIsHelpError"
DATA_OPTION = "--data"
OTHER_SUFFIXES = (".py", ".json", ".journal", ".whl")
"""Files that stand where a scenario, a run or an environment belongs, and are no market files."""


def is_option_error(error: BaseException) -> bool:
    """Whether Typer raised this error about the command line: Typer exports no base class of them."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def explain_error(error: Any, arguments: Sequence[str]) -> UsageProblem:
    """The cause and the hint of an error of Typer.

    :param arguments: as they were typed.
    """
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "perfbench"
    hint = f"see {command} --help"
    parameter, name = getattr(error, "param", None), type(error).__name__
    if name == "NoSuchOption":
        return _explain_unknown_option(error, ctx, hint)
    if name == "MissingParameter" and parameter is not None:
        return UsageProblem(f"{command}: {_label(parameter)} is missing", hint=hint)
    if parameter is not None and hasattr(error, "hint"):
        return UsageProblem(f"{_label(parameter)} {error.message}", hint=error.hint)
    if parameter is not None:
        text = _find_value(parameter, ctx, arguments)
        expected = describe_expected(ctx.command, parameter.name) if ctx is not None else ""
        value = f"{_label(parameter)} {text}".rstrip()
        return UsageProblem(f"{value}: not {expected}", hint=f"write {expected}") if expected else _quote(error, hint)
    return _quote(error, hint)


def _quote(error: Any, hint: str) -> UsageProblem:
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    return UsageProblem(message[:1].lower() + message[1:], hint=hint)


def _explain_unknown_option(error: Any, ctx: Any, hint: str) -> UsageProblem:
    options = [
        option for p in (ctx.command.params if ctx is not None else ()) for option in (*p.opts, *p.secondary_opts)
    ]
    near = difflib.get_close_matches(error.option_name, [option for option in options if option.startswith("--")], n=1)
    suggestion = f"; did you mean `{near[0]}`?" if near else ""
    command = ctx.command_path if ctx is not None else "perfbench"
    return UsageProblem(f"{command} has no option `{error.option_name}`{suggestion}", hint=hint)


def _label(parameter: Any) -> str:
    """The option as it is typed, or the placeholder of an argument."""
    if parameter.param_type_name == "option":
        return f"--{option_name(parameter)}"
    return str(parameter.metavar or parameter.name.upper())


def _find_value(parameter: Any, ctx: Any, arguments: Sequence[str]) -> str:
    """The value that an error is about: the last that was typed, else that of the file or the variable."""
    typed = ""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = argument.partition("=")
        if option in parameter.opts:
            typed = value if equals else following
    if typed or ctx is None:
        return typed
    source = ctx.meta.get(SOURCES_KEY, {}).get(option_name(parameter))
    return source.texts[0] if source is not None and source.texts else ""


def describe_expected(command: Any, name: str) -> str:
    """What a parameter takes, such as ``a whole number from 1``; empty if it takes any text."""
    callback = getattr(command, "callback", None)
    hints = get_type_hints(inspect.unwrap(callback), include_extras=True) if callback is not None else {}
    annotation = hints.get(name)
    kinds, limits = _strip_annotation(annotation)
    if bool in kinds:
        return "true or false"
    if int in kinds or float in kinds:
        return ("a whole number" if int in kinds else "a number") + _describe_limits(limits)
    choices = [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    choices += [member.value for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for member in kind]
    return f"one of {', '.join(choices)}" if choices else ""


def _strip_annotation(annotation: Any) -> tuple[list[Any], Any]:
    """The types in an annotation, without Annotated, Optional and list, and the options of Typer that it carries."""
    limits = None
    if get_origin(annotation) is Annotated:
        annotation, limits, *_ = get_args(annotation)
    kinds, plain_types = [annotation], []
    while kinds:
        kind = kinds.pop()
        if get_origin(kind) in (Union, types.UnionType, list, tuple):
            kinds += get_args(kind)
        else:
            plain_types.append(kind)
    return plain_types, limits


def _describe_limits(limits: Any) -> str:
    low, high = getattr(limits, "min", None), getattr(limits, "max", None)
    return (f" from {low}" if low is not None else "") + (f" to {high}" if high is not None else "")


def require_single_data_values(arguments: Sequence[str]) -> None:
    """Raises UsageProblem if a shell has replaced the pattern after --data by several files, of which the option takes one."""
    after_data = False
    for position, argument in enumerate(arguments):
        if argument == "--":
            return
        value = position > 0 and arguments[position - 1] == DATA_OPTION
        if value or argument.startswith(f"{DATA_OPTION}="):
            after_data = True
        elif argument.startswith("-"):
            after_data = False
        elif after_data and not argument.endswith(OTHER_SUFFIXES) and os.path.isfile(argument):
            raise UsageProblem(
                f"{argument} follows the value of --data, which takes one",
                hint="repeat --data for each file, separate them with commas, or name their folder",
            )
