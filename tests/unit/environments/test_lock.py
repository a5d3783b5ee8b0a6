"""The lock of an environment: what it has of the interpreter that runs perfbench, and how another installation differs."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from perfbench.environments import host, lock, locked_build
from perfbench.environments.lock import EnvironmentLock, LockedPackage
from perfbench.errors import EnvironmentProblem


def nothing(_line: str) -> None:
    return


@pytest.fixture(scope="module")
def of_host() -> EnvironmentLock:
    return lock.lock_environment(host.describe_host(), 0, nothing)


def installed(folder: Path, name: str, version: str, *files: tuple[str, str]) -> dict[str, Distribution]:
    """A distribution with these files and hashes in its record."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("".join(f"{file},sha256={value},1\n" for file, value in files))
    return lock.list_distributions(folder)


def test_lock_of_the_host_has_what_is_measured_and_nothing_else_of_it(of_host: EnvironmentLock) -> None:
    names = {package.name for package in of_host.packages}
    assert {"betfairlightweight", "flumine"} <= names
    assert "pytest" not in names
    assert of_host.is_host
    assert of_host.python == sys.version.split()[0]
    assert of_host.build == " ".join(sys.version.split())


def test_host_with_the_same_build_and_packages_is_measured_itself(of_host: EnvironmentLock) -> None:
    environment = locked_build.build_locked_environment(replace(of_host, name="here (2)"), nothing)
    assert environment.python == sys.executable
    assert environment.name == "here (2)"


def test_python_that_is_not_here_is_refused_with_those_that_are(of_host: EnvironmentLock) -> None:
    locked = replace(of_host, is_host=False, python="3.9.99", name="x==1")
    with pytest.raises(
        EnvironmentProblem, match=r"x==1 needs Python 3\.9\.99, which is not on this machine; found: 3\."
    ):
        locked_build.build_locked_environment(locked, nothing)


def test_other_build_of_the_same_python_is_refused(of_host: EnvironmentLock) -> None:
    version = of_host.python
    locked = replace(of_host, build=f"{version} (main, Jan 1 2020) [GCC 1.0]")
    with pytest.raises(EnvironmentProblem, match=f"Python {version} is another build here, .* than in the plan, "):
        locked_build.build_locked_environment(locked, nothing)


def test_interpreter_that_cannot_be_started_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="does not print its version"):
        lock.read_build(str(tmp_path / "python"))


def test_digest_depends_on_python_files_alone(tmp_path: Path) -> None:
    plain = installed(tmp_path / "a", "x", "1", ("x.py", "aa"), ("x.so", "bb"))
    other_binary = installed(tmp_path / "b", "x", "1", ("x.so", "cc"), ("x.py", "aa"), ("INSTALLER", "dd"))
    other_code = installed(tmp_path / "c", "x", "1", ("x.py", "ab"), ("x.so", "bb"))
    digests = [lock.digest_distribution(found["x"]) for found in (plain, other_binary, other_code)]
    assert digests[0] == digests[1] != digests[2]


def test_distribution_without_a_record_has_no_digest_and_is_compared_by_version(tmp_path: Path) -> None:
    there = installed(tmp_path, "x", "1")
    (tmp_path / "x-1.dist-info" / "RECORD").unlink()
    assert lock.digest_distribution(there["x"]) == ""
    assert lock.describe_differences([LockedPackage("x", "1", "x==1", "a" * 64)], there) == ""


def test_differences_name_versions_missing_packages_and_other_files(tmp_path: Path) -> None:
    there = installed(tmp_path, "x", "1", ("x.py", "aa"))
    expected = [
        LockedPackage("x", "1", "x==1", "a" * 64),
        LockedPackage("x", "2", "x==2", ""),
        LockedPackage("y", "1", "y==1", ""),
    ]
    assert lock.describe_differences(expected, there) == "x 1 has other files; x 1, not 2; y missing, not 1"
