"""Defaults of options from the configuration and from variables, and the place that each came from.

They reach Typer as its default map, as texts in the grammar of the flags. An error about a value that nobody typed names its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer

from perfbench.cli import parse
from perfbench.errors import PerfbenchError, UsageProblem
from perfbench.util.suggest import suggest_name

Problem = TypeVar("Problem", bound=PerfbenchError)

VARIABLE_PREFIX = "PERFBENCH"
SOURCES_KEY = "perfbench.sources"
"""Key of the sources of the invoked command in Typer's context."""

FLAG_RANK, VARIABLE_RANK, FILE_RANK, DEFAULT_RANK = 3, 2, 1, 0
"""Precedence of where a value comes from."""

OPTION_PATTERN = re.compile(r"--([a-z][a-z-]*)(?=[ =:]|$)")


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where the value of an option comes from, as messages name it: ``perfbench.toml, [run] data``, ``PERFBENCH_RUN_DATA``."""

    place: str
    rank: int
    texts: tuple[str, ...]


@dataclass(slots=True)
class Defaults:
    """The default map of a command and, by the names of its options as typed, the sources of what it holds."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, ValueSource] = field(default_factory=dict)

    def add(self, parameter: Any, value: Any, place: str, rank: int) -> None:
        """Add a value. Raises UsageProblem for one that no flag could have."""
        name = option_name(parameter)
        converted = _convert_value(parameter, value, place)
        self.values[parameter.name] = converted
        texts = tuple(map(str, converted)) if isinstance(converted, (list, tuple)) else (str(converted),)
        self.sources[name] = ValueSource(place, rank, texts)


def option_name(parameter: Any) -> str:
    """The name of a parameter as it is typed, without leading hyphens."""
    long = (option.removeprefix("--") for option in parameter.opts if option.startswith("--"))
    return str(next(long, parameter.name))


def add_configured(defaults: Defaults, settings: Mapping[str, Any], command: Any, section: str, file: str) -> None:
    """Add a section of the configuration. Raises UsageProblem for an unknown key and for a value that no flag could have.

    :param section: as it stands in the file, such as ``tool.perfbench.run``.
    """
    parameters = {option_name(p): p for p in command.params if p.name != "help"}
    for key, value in settings.items():
        parameter = parameters.get(key.replace("_", "-"))
        if parameter is None:
            near = suggest_name(key, parameters, list_all=False)
            raise UsageProblem(f"{file}: [{section}] has no `{key}`{near}", hint=f"see perfbench {command.name} --help")
        defaults.add(parameter, value, f"{file}, [{section}] {key}", FILE_RANK)


def add_variables(defaults: Defaults, command: Any, words: Sequence[str]) -> None:
    """Add the variables of a command. Raises UsageProblem for a value that no flag could have.

    :param words: the names of the command and its subcommand.
    """
    for variable, parameter in name_variables(command, words).items():
        if text := os.environ.get(variable):
            defaults.add(parameter, _split_variable(parameter, text), variable, VARIABLE_RANK)


def name_variables(command: Any, words: Sequence[str]) -> dict[str, Any]:
    """The parameters of a command by the name of their variable: ``PERFBENCH_RUN_SET`` for ``--set`` of ``run``."""
    options = [p for p in command.params if p.param_type_name == "option" and p.name not in ("help", "version")]
    return {"_".join((VARIABLE_PREFIX, *words, option_name(p))).replace("-", "_").upper(): p for p in options}


def find_unknown_variables(names: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    """A line about each variable that is named like one of this command and is none."""
    prefix = "_".join((VARIABLE_PREFIX, *words, "")).replace("-", "_").upper()
    for variable in sorted(os.environ):
        if variable.startswith(prefix) and variable not in names:
            yield f"{variable} sets no option{suggest_name(variable, names, list_all=False)}"


def _takes_several(parameter: Any) -> bool:
    return bool(getattr(parameter, "multiple", False)) or parameter.nargs != 1


def _split_variable(parameter: Any, text: str) -> Any:
    """The value of a variable: of a list option one item, or a list of items, in each line."""
    return [line for line in text.splitlines() if line.strip()] if _takes_several(parameter) else text


def _convert_value(parameter: Any, value: Any, place: str) -> Any:
    """The value as Typer takes it: a text, a list of texts, or a bool for a switch. Raises UsageProblem."""
    if _takes_several(parameter):
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in items):
            raise UsageProblem(f"{place}: not a list of texts", hint=f'write {option_name(parameter)} = ["…", "…"]')
        texts = [str(item) for item in items]
        if parameter.nargs > 1:
            texts = _require_number(parameter, texts, place)
        return texts
    if isinstance(value, bool) and getattr(parameter, "is_flag", False):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        kind = "true or false" if getattr(parameter, "is_flag", False) else "a single value"
        raise UsageProblem(f"{place}: not {kind}", hint=f"write {kind}")
    return str(value)


def _require_number(parameter: Any, texts: Sequence[str], place: str) -> list[str]:
    """Exactly as many values as the option takes. Raises UsageProblem."""
    items: list[str] = []
    for text in texts:
        items += parse.parse_option(place, text, parse.split_specs)
    if len(items) != parameter.nargs:
        raise UsageProblem(f"{place}: {len(items)} values", hint=f"write {parameter.nargs}, separated by commas")
    return items


def read_rank(ctx: typer.Context, name: str) -> int:
    """The precedence of the value of a parameter, by its name in Python."""
    source = ctx.get_parameter_source(name)
    if source is not None and source.name == "COMMANDLINE":
        return FLAG_RANK
    configured = _read_sources(ctx).get(name.replace("_", "-"))
    return DEFAULT_RANK if configured is None else configured.rank


def _read_sources(ctx: typer.Context) -> dict[str, ValueSource]:
    sources: dict[str, ValueSource] = ctx.meta.get(SOURCES_KEY, {})
    return sources


def attribute_error(error: Problem, ctx: typer.Context, typed: Sequence[str]) -> Problem:
    """The error, which names the place of a value that comes from a file or a variable instead of the option.

    :param typed: the arguments of the command; their options override every other place.
    """
    options = {text.partition("=")[0] for text in typed if text.startswith("--")}
    sources = {name: source for name, source in _read_sources(ctx).items() if f"--{name}" not in options}
    cause = _replace_option(error.cause, sources)
    if cause == error.cause and isinstance(error, UsageProblem):
        places = [source.place for source in sources.values() if any(_names(cause, text) for text in source.texts)]
        cause += f" ({places[0]})" if places else ""
    error.cause, error.args = cause, (cause, *error.args[1:])
    return error


def _replace_option(cause: str, sources: Mapping[str, ValueSource]) -> str:
    match = OPTION_PATTERN.match(cause)
    source = sources.get(match[1]) if match else None
    if match is None or source is None:
        return cause
    rest = cause[match.end() :]
    if any(rest.startswith(f" {text}") for text in source.texts):
        return (
            f"{source.place}{' =' if source.rank == FILE_RANK else '='}{rest if source.rank == FILE_RANK else rest[1:]}"
        )
    return source.place + rest


def _names(cause: str, text: str) -> bool:
    """Whether a cause is about this value."""
    return bool(text) and (f"`{text}`" in cause or cause.startswith(f"{text}:"))
