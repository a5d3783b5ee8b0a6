"""Words of an environment spec about how its interpreter is started: ``env:NAME=VALUE``, ``-O``, ``-X NAME=VALUE``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.environments.interpreters import FREE_THREADED, Interpreter
from perfbench.errors import UsageProblem

VARIABLE_PREFIX = "env:"
VARIABLE_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
X_OPTION_PATTERN = re.compile(r"[A-Za-z_][\w.-]*(?:=[^\s=]+)?")

OPTIMIZE_FLAGS = ("-O", "-OO")
X_FLAG = "-X"

REFUSED_VARIABLES = frozenset(
    (
        "HOME",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONEXECUTABLE",
        "PYTHONHASHSEED",
        "PYTHONHOME",
        "PYTHONINSPECT",
        "PYTHONIOENCODING",
        "PYTHONPATH",
        "PYTHONPLATLIBDIR",
        "PYTHONPYCACHEPREFIX",
        "PYTHONSAFEPATH",
        "PYTHONSTARTUP",
        "PYTHONUSERBASE",
        "SYSTEMROOT",
        "TMPDIR",
    )
)
"""Variables that perfbench sets itself, or that decide what is imported: a pass would not be that of the spec."""

REFUSED_VARIABLE_PREFIXES = ("PERFBENCH", "_PERFBENCH")

REFUSED_X_OPTIONS = frozenset(("importtime", "presite", "pycache_prefix", "showalloccount", "showrefcount"))
"""Options that print into the answers of a worker, or move the bytecode whose place perfbench chooses."""

DISABLES_LOCK = ("-Xgil=0", "env:PYTHON_GIL=0")
"""Words that only a free-threaded build accepts; any other ends at once (docs.python.org, "Command line and environment")."""


@dataclass(frozen=True, slots=True)
class StartSettings:
    """Environment variables and flags that an interpreter is started with, each sorted, without duplicates."""

    variables: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The settings as words of a spec."""
        return (*self.flags, *(f"{VARIABLE_PREFIX}{name}={value}" for name, value in self.variables))


NO_SETTINGS = StartSettings()


def build_spec_problem(spec: str, reason: str, hint: str = "") -> UsageProblem:
    """The error of an invalid spec."""
    return UsageProblem(f"`{spec}` is not a valid environment spec: {reason}", hint=hint)


def split_settings(words: Sequence[str], spec: str) -> tuple[list[str], StartSettings]:
    """The other words of a spec, and the settings in it. Raises UsageProblem for a setting that a worker cannot have.

    :param spec: the whole spec, for errors.
    """
    others: list[str] = []
    variables: dict[str, str] = {}
    flags: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.startswith(VARIABLE_PREFIX):
            name, value = _parse_variable(word, spec)
            if name in variables:
                raise build_spec_problem(spec, f"{name} is set twice")
            variables[name] = value
        elif word.startswith("-"):
            flags.append(_parse_flag(word, rest, spec))
        else:
            others.append(word)
    if len({name_flag(flag) for flag in flags}) < len(flags):
        raise build_spec_problem(spec, "a flag is given twice")
    return others, StartSettings(tuple(sorted(variables.items())), tuple(sorted(flags)))


def _parse_variable(word: str, spec: str) -> tuple[str, str]:
    """Name and value of ``env:NAME=VALUE``. Raises UsageProblem."""
    name, equals, value = word.removeprefix(VARIABLE_PREFIX).partition("=")
    if not (equals and value and VARIABLE_PATTERN.fullmatch(name)) or "\0" in value:
        raise build_spec_problem(spec, f"`{word}` sets no variable", hint="write env:NAME=VALUE")
    if name.upper() in REFUSED_VARIABLES or name.upper().startswith(REFUSED_VARIABLE_PREFIXES):
        raise build_spec_problem(
            spec, f"{name} is decided by perfbench", hint="leave it out; other variables may be set"
        )
    return name, value


def _parse_flag(word: str, rest: Iterator[str], spec: str) -> str:
    """One flag as one word; takes the value of ``-X`` from the words behind it. Raises UsageProblem."""
    if word in OPTIMIZE_FLAGS:
        return word
    if word.startswith(X_FLAG) and not word.startswith("--"):
        option = word.removeprefix(X_FLAG) or next(rest, "")
        if not X_OPTION_PATTERN.fullmatch(option):
            raise build_spec_problem(
                spec, f"`{X_FLAG} {option}` is not an option", hint="write -X NAME or -X NAME=VALUE"
            )
        if option.partition("=")[0] in REFUSED_X_OPTIONS:
            raise build_spec_problem(spec, f"`{X_FLAG} {option}` cannot be measured: it disturbs the worker")
        return X_FLAG + option
    reason = "every pass has its own hash seed" if word == "-R" else "it cannot be measured"
    raise build_spec_problem(spec, f"`{word}`: {reason}", hint="flags of an interpreter are -O, -OO and -X NAME=VALUE")


def name_flag(flag: str) -> str:
    """What a flag sets: ``-O`` and ``-OO`` the same."""
    return OPTIMIZE_FLAGS[0] if flag in OPTIMIZE_FLAGS else flag.partition("=")[0]


def explain_unsupported(settings: StartSettings, python: Interpreter) -> str:
    """Why an interpreter cannot be started with these settings, in one line; empty if it can."""
    refused = next((word for word in settings.words if word in DISABLES_LOCK), "")
    if refused and python.build != FREE_THREADED:
        return f"`{refused}` needs a free-threaded build of Python, which {python.label} is not"
    return ""
