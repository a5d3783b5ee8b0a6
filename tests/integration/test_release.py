"""What is released: few packages in the core, the same bytes each time, an sdist that tests itself, locks with hashes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.command_line import HERE, perfbench, variables

import perfbench as package

ROOT = HERE.parent
PROJECT = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())
LOCKS = sorted((ROOT / ".ci").glob("lock-*.txt"))
PYTHONS = [
    text.rpartition(" ")[2] for text in PROJECT["project"]["classifiers"] if re.search(r"Python :: 3\.\d+$", text)
]
MAX_PACKAGES = 25
EPOCH = "1700000000"


def locked(name: str, python: str) -> dict[str, str]:
    """The packages of a lock on Linux with this Python, and their versions."""
    lines = re.findall(r"^([a-z0-9].*?) *\\$", (ROOT / ".ci" / f"lock-{name}.txt").read_text(), re.MULTILINE)
    here = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    here |= {"platform_system": "Linux", "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    found = [entry for entry in map(Requirement, lines) if entry.marker is None or entry.marker.evaluate(here)]
    return {canonicalize_name(entry.name): str(entry.specifier).removeprefix("==") for entry in found}


# The locks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", PYTHONS)
def test_the_core_brings_at_most_25_packages(python: str) -> None:
    brought = locked("core", python)
    assert len(brought) <= MAX_PACKAGES, sorted(brought)
    applicable = [
        entry
        for entry in map(Requirement, PROJECT["project"]["dependencies"])
        if entry.marker is None or entry.marker.evaluate({"python_version": python})
    ]
    for entry in applicable:
        assert entry.specifier.contains(brought[canonicalize_name(entry.name)]), f"{entry}: run make lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_all_locks_hold_the_same_versions(python: str) -> None:
    tested = locked("test", python)
    for name in ("core", "run", "build", "release"):
        other = {package: version for package, version in locked(name, python).items() if package in tested}
        assert other.items() <= tested.items(), name
    assert locked("core", python).items() <= locked("run", python).items() <= tested.items()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_line_of_a_lock_is_a_version_with_hashes_and_no_place_to_get_it(path: Path) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", path.read_text())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9.-]*==\S+( ; .*)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    assert not re.search(r"://|--(extra-)?index|--find-links", path.read_text())


def test_every_supported_python_is_tested() -> None:
    assert PYTHONS[0] == PROJECT["project"]["requires-python"].removeprefix(">=")
    for workflow in ("ci", "release"):
        text = (ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text()
        (matrix,) = re.findall(r"python: \[(.*)\]", text)
        assert matrix == ", ".join(f'"{python}"' for python in PYTHONS)


# What is built --------------------------------------------------------------------------------------------------------


def built(source: Path, folder: Path, *, umask: int = 0o022) -> tuple[Path, Path]:
    """The sdist and the wheel of a folder, as ``.ci/release`` builds them."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    environment = {**variables(folder.parent), "SOURCE_DATE_EPOCH": EPOCH}
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True, umask=umask)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(ROOT, tmp_path_factory.mktemp("release") / "dist")


@pytest.fixture(scope="module")
def unpacked(release: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "xzf", str(release[0]), "-C", str(folder)], check=True)
    (top,) = folder.iterdir()
    return top


def test_the_version_stands_in_one_place_and_is_what_is_built_and_printed(
    release: tuple[Path, Path], tmp_path: Path
) -> None:
    assert "version" not in PROJECT["project"]
    assert "version" in PROJECT["project"]["dynamic"]
    sdist, wheel = release
    assert sdist.name == f"betfair_perfbench-{package.__version__}.tar.gz"
    assert wheel.name == f"betfair_perfbench-{package.__version__}-py3-none-any.whl"
    metadata = zipfile.ZipFile(wheel).read(f"betfair_perfbench-{package.__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {package.__version__}\n" in metadata
    assert perfbench("--version", folder=tmp_path).stdout == f"perfbench {package.__version__}\n"


def test_the_same_source_gives_the_same_bytes_also_from_the_sdist(
    release: tuple[Path, Path], unpacked: Path, tmp_path: Path
) -> None:
    again = built(ROOT, tmp_path / "again", umask=0o077)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in release]
    from_sdist = built(unpacked, tmp_path / "from-sdist")
    assert [path.name for path in from_sdist] == [path.name for path in release]
    assert from_sdist[1].read_bytes() == release[1].read_bytes()


def test_the_sdist_holds_what_tests_and_set_up_read_and_nothing_of_a_run(unpacked: Path) -> None:
    for name in ("README.md", "LICENSE", "SECURITY.md", "Makefile", ".ci/run", ".ci/release", "tests/conftest.py"):
        assert (unpacked / name).is_file(), name
    shipped = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert {path.relative_to(ROOT).as_posix() for path in [*LOCKS, *(ROOT / "results").glob("reference-*")]} <= shipped
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / ".github").rglob("*.yml")} <= shipped
    assert not [name for name in shipped if "__pycache__" in name or name.startswith((".venv", "dist/"))]


def test_the_tests_of_the_sdist_run_without_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    files = ["tests/unit/util", "tests/unit/report/test_status.py", "tests/cli/test_show.py"]
    environment = {**variables(tmp_path), "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [*command, *files], cwd=unpacked, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"^\d+ passed", done.stdout.splitlines()[-1]), done.stdout[-300:]


# The workflows --------------------------------------------------------------------------------------------------------


def test_zizmor_finds_nothing_in_workflows_and_action(tmp_path: Path) -> None:
    program = shutil.which("zizmor", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if program is None:
        pytest.skip("zizmor is not installed here; it is in the lock of the tests")
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    command = [program, "--offline", "--no-progress", "--color", "never", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout + done.stderr


def test_every_step_of_a_release_is_one_that_the_script_has() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    called = {step for line in re.findall(r"run: bash \.ci/release (.*)", text) for step in line.split()}
    assert called == {"build", "check", "sbom", "smoke", "sdist"}
    done = subprocess.run(
        ["bash", str(ROOT / ".ci" / "release"), "publish"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "no step publish: build, check, sbom, smoke, sdist\n"
