"""What is kept of the installed packages where a spec changes ``here``."""

from __future__ import annotations

import pytest

from perfbench.environments import changed_host, host, resolve
from perfbench.environments.changed_host import HostChange
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.resolve import Resolution
from perfbench.environments.spec import LocalCheckout, PackageRequirement, SpecPart, parse_spec
from perfbench.environments.uv_errors import IndexUnreachable
from perfbench.errors import EnvironmentProblem

INSTALLED = {
    "betfairlightweight": "betfairlightweight==2.23.0",
    "flumine": "/src/flumine",
    "requests": "requests==2.32.0",
}
PYTHON = Interpreter("3.12.1", "/python")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "pin_packages", lambda: INSTALLED)


def change(words: str) -> HostChange:
    return changed_host.change_host(parse_spec(f"here {words}", {}), ())


def texts(parts: tuple[SpecPart, ...]) -> list[str]:
    return [part.text if isinstance(part, PackageRequirement) else str(part) for part in parts]


def test_other_version_replaces_the_installed_one_and_the_rest_stays() -> None:
    changed = change("betfairlightweight==2.24.0")
    assert texts(changed.parts) == ["betfairlightweight==2.24.0"]
    assert texts(changed.kept) == [str(LocalCheckout("/src/flumine", ())), "requests==2.32.0"]
    assert changed.named == ("betfairlightweight", "flumine")


def test_extra_without_a_version_keeps_the_installed_version() -> None:
    assert texts(change("betfairlightweight[speed]").parts) == ["betfairlightweight[speed]==2.23.0"]


def test_extra_of_an_installed_checkout_keeps_the_checkout() -> None:
    changed = change("flumine[speed]")
    assert changed.parts == (LocalCheckout("/src/flumine", ("speed",)),)
    assert changed.list_others(parse_spec("here flumine[speed]", {}))[0] == changed.parts[0]


def test_other_python_changes_no_package() -> None:
    assert len(change("python==3.13").kept) == len(INSTALLED)


def resolving(monkeypatch: pytest.MonkeyPatch, problem: EnvironmentProblem | None) -> list[list[str]]:
    """The names of each call of the resolver, the first of which ends with this problem."""
    calls: list[list[str]] = []

    def resolve_versions(releases: tuple[PackageRequirement, ...], *_rest: object) -> Resolution:
        calls.append([release.name for release in releases])
        if problem is not None and len(calls) == 1:
            raise problem
        return Resolution(PYTHON, "pins", (), named=tuple(calls[-1]))

    monkeypatch.setattr(resolve, "resolve_versions", resolve_versions)
    return calls


def resolved(words: str) -> Resolution:
    changed = change(words)
    releases = [part for part in (*changed.parts, *changed.kept) if isinstance(part, PackageRequirement)]
    return changed_host.resolve_changed_host(changed, releases, (), PYTHON, "pins", 0)


def test_installed_versions_are_kept_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = resolving(monkeypatch, None)
    assert resolved("tickrush==1.0").named == ("tickrush", "betfairlightweight")
    assert calls == [["tickrush", "betfairlightweight", "requests"]]


def test_other_packages_are_chosen_again_where_theirs_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = resolving(monkeypatch, EnvironmentProblem("no such versions"))
    resolved("tickrush==1.0")
    assert calls[1] == ["tickrush", "betfairlightweight"]


def test_index_that_cannot_be_reached_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = resolving(monkeypatch, IndexUnreachable("offline"))
    with pytest.raises(IndexUnreachable):
        resolved("tickrush==1.0")
    assert len(calls) == 1
