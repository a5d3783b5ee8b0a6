"""Provide the environments of specs: resolved, built four at a time, or taken from the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from perfbench.environments import build, cache, host, interpreters, resolve
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.resolve import Resolution
from perfbench.environments.resolve_specs import Observe, resolve_specs, run_parallel
from perfbench.environments.spec import EnvironmentSpec, ModeNeed, parse_need, parse_spec
from perfbench.environments.start_settings import explain_unsupported
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment


@dataclass(frozen=True, slots=True)
class EnvironmentRequest:
    """A requested environment: a spec, or the configured name of one, and the needs of a mode on top.

    A need is written ``betfair-data==0.3.4``, or ``flumine --no-deps`` for the package without its own dependencies.
    ``copy`` distinguishes builds of the same versions.
    """

    spec: str
    needs: tuple[str, ...] = ()
    copy: int = 0


@dataclass(frozen=True, slots=True)
class _ParsedRequest:
    name: str
    spec: EnvironmentSpec
    needs: tuple[ModeNeed, ...]
    copy: int


def provide_environments(
    requests: Sequence[EnvironmentRequest], names: Mapping[str, str], observe: Callable[[str], None]
) -> list[Environment | EnvironmentProblem]:
    """A finished environment for each request, in the same order, or the reason why it cannot be built.

    ``names`` are the configured names of specs. ``observe`` is called with a line of progress, from several threads but never
    concurrently. Environments of the same package are built by the same recipe where possible.

    Raises UsageProblem for an invalid spec.
    """
    parsed = [
        _ParsedRequest(
            _format_environment_name(request.spec),
            parse_spec(request.spec, names),
            tuple(map(parse_need, request.needs)),
            request.copy,
        )
        for request in requests
    ]
    guard = threading.Lock()

    def report(line: str) -> None:
        with guard:
            observe(line)

    missing = list(dict.fromkeys(request for request in parsed if not _host_satisfies(request)))
    resolutions = resolve_specs([request.spec.without_settings for request in missing], report)
    built = run_parallel(
        lambda request: _build_requested(request, resolutions[request.spec.without_settings], report), missing
    )
    results = dict(zip(missing, built, strict=True))
    return [results[request] if request in results else _describe_host(request) for request in parsed]


def _describe_host(request: _ParsedRequest) -> Environment | EnvironmentProblem:
    """The interpreter that runs perfbench with the settings of the request, or why it cannot be started with them."""
    try:
        _require_supported(request, interpreters.find_running_interpreter())
    except EnvironmentProblem as problem:
        return problem
    settings = request.spec.settings
    return replace(host.describe_host(), name=request.name, variables=settings.variables, flags=settings.flags)


def _require_supported(request: _ParsedRequest, python: Interpreter) -> None:
    """Raises EnvironmentProblem for settings that this interpreter cannot be started with."""
    if reason := explain_unsupported(request.spec.settings, python):
        raise EnvironmentProblem(f"{request.name}: {reason}", hint="name one, such as python==3.14t")


def _format_environment_name(spec: str) -> str:
    return " ".join(spec.split())


def _build_requested(
    request: _ParsedRequest, resolution: Resolution | EnvironmentProblem, report: Observe
) -> Environment:
    if isinstance(resolution, EnvironmentProblem):
        raise resolution
    _require_supported(request, resolution.python)
    extended = _extend_with_needs(resolution, request.needs)
    label = " + ".join((request.spec.text, *(need.release.text for need in request.needs)))
    built = build.build_environment(
        extended, key := build.compute_environment_key(extended, request.copy), label, report
    )
    versions = {package.name: package.version for package in built.packages}
    return Environment(
        name=request.name,
        python=str(cache.locate_python(cache.environment_folder(key))),
        version=built.python.version,
        packages=built.packages,
        demanded=tuple((name, versions[name]) for name in extended.named),
        recipe=extended.recipe,
        sources=tuple(wheel.checkout for wheel in extended.wheels),
        build=resolution.python.build,
        variables=request.spec.settings.variables,
        flags=request.spec.settings.flags,
    )


def _extend_with_needs(base: Resolution, needs: tuple[ModeNeed, ...]) -> Resolution:
    """Add needs on top; they keep the versions of their first resolution for the same base."""
    if not needs:
        return base
    texts = [(need.release.text, need.alone) for need in needs]
    key = cache.compute_key("needs", build.compute_environment_key(base, 0), base.relaxed, texts)
    if cached := cache.load_note("resolved", key, Resolution):
        return replace(cached, wheels=base.wheels)
    extended = resolve.extend_resolution(base, needs)
    cache.save_note("resolved", key, extended)
    return extended


def _host_satisfies(request: _ParsedRequest) -> bool:
    """Whether the interpreter that runs perfbench satisfies the request."""
    if not request.spec.is_host:
        return False
    versions = {package.name: package.version for package in host.describe_host().packages}
    return all(resolve.is_satisfied(need.release, versions) for need in request.needs)
