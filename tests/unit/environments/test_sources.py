"""The sources of a checkout: all files and links and nothing else, read in parts, and copied with a word if they are large."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.releases import commit, git

from perfbench.environments import sources
from perfbench.errors import EnvironmentProblem

MEGABYTE = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    (made / "package").mkdir(parents=True)
    (made / "package" / "__init__.py").write_text("A = 1\n")
    return made


@pytest.fixture
def checkout(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    commit(folder, "first")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.as_posix() for path in sources.list_sources(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and sockets are files elsewhere")
@pytest.mark.parametrize("kind", ["plain", "checkout"])
def test_pipes_and_sockets_are_left_out(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue("folder" if kind == "plain" else "checkout")
    os.mkfifo(folder / "pipe")
    (folder / "package" / "__init__.py").rename(folder / "package" / "module.py")
    os.mkfifo(folder / "package" / "__init__.py")  # in git a tracked file has become a pipe
    with socket.socket(socket.AF_UNIX) as server:
        before = os.getcwd()
        os.chdir(folder)  # the name of a socket may have 107 characters
        try:
            server.bind("socket")
        finally:
            os.chdir(before)
        assert names(folder) == ["package/module.py"]
        assert sources.digest_files(folder, sources.list_sources(folder))


def test_links_are_copied_as_links_also_to_folders(folder: Path, tmp_path: Path) -> None:
    (folder / "linked").symlink_to("package")
    (folder / "dangling").symlink_to("nowhere")
    files = sources.list_sources(folder)
    assert names(folder) == ["dangling", "linked", "package/__init__.py"]
    sources.copy_files(folder, files, tmp_path / "copy")
    assert os.readlink(tmp_path / "copy" / "linked") == "package"
    assert sources.digest_files(folder, files) == sources.digest_files(tmp_path / "copy", files)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the names of files are Unicode")
def test_file_whose_name_is_not_utf_8_belongs_to_the_sources(checkout: Path) -> None:
    name = os.fsencode(checkout) + b"/caf\xe9.py"
    with open(name, "wb") as file:
        file.write(b"B = 1\n")
    files = sources.list_sources(checkout)
    assert [os.fsencode(file) for file in files if file.parent == Path()] == [b"caf\xe9.py"]
    assert sources.digest_files(checkout, files) != sources.digest_files(checkout, files[:1])


def test_digest_changes_with_content_name_mode_and_link(folder: Path) -> None:
    file = folder / "package" / "__init__.py"
    digests = []
    for change in (
        lambda: None,
        lambda: file.write_text("A = 2\n"),
        lambda: file.chmod(0o755),
        lambda: file.rename(file.with_name("other.py")),
        lambda: (folder / "link").symlink_to("a"),
        lambda: (folder / "link").rename(folder / "renamed"),
    ):
        change()
        digests.append(sources.digest_files(folder, sources.list_sources(folder)))
    assert len(set(digests)) == len(digests)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_large_untracked_file_is_named_and_not_read_into_memory(checkout: Path) -> None:
    with (checkout / "data.tar").open("wb") as file:
        file.truncate(600 * MEGABYTE)
    files = sources.list_sources(checkout)
    assert sources.describe_large_sources(checkout, files) == (
        "copying 600.0 MB in 2 files, the largest is data.tar (600.0 MB); files in .gitignore are left out"
    )
    code = (
        "import pathlib, sys; from perfbench.environments import sources; "
        "sources.digest_files(pathlib.Path(sys.argv[1]), [pathlib.Path('data.tar')]); "
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, checkout], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 200 * MEGABYTE
    (checkout / ".gitignore").write_text("*.tar\n")
    assert sources.describe_large_sources(checkout, sources.list_sources(checkout)) == ""


def test_many_small_files_count_together(folder: Path) -> None:
    for number in range(3):
        with (folder / f"part-{number}").open("wb") as file:
            file.truncate((40 + number) * MEGABYTE)
    text = sources.describe_large_sources(folder, sources.list_sources(folder))
    assert text.startswith("copying 123.0 MB in 4 files, the largest is part-2 (42.0 MB)")


def test_unreadable_file_is_reported(folder: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"package cannot be read \(Is a directory\)"):
        sources.digest_files(folder, [Path("package")])
