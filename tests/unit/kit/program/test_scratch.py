"""The scratch folder of a program: what it writes is redirected, what it reads is where it was."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perfbench.kit.program import redirection
from perfbench.kit.program.redirection import install_redirection, redirected_to
from perfbench.kit.program.scratch import Scratch, share_scratch


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of the user with a file, a folder, and a program in a folder of its own."""
    made = tmp_path / "home"
    (made / "work" / "data").mkdir(parents=True)
    (made / "program").mkdir()
    (made / "work" / "settings.txt").write_text("stake=2\n")
    (made / "work" / "data" / "1.1").write_text("market\n")
    (made / "work" / "market.bz2").write_bytes(b"BZh9")
    (made / "beside.txt").write_text("beside\n")
    return made


@pytest.fixture
def scratch(home: Path, tmp_path: Path) -> Iterator[Scratch]:
    (tmp_path / "scratch").mkdir()
    made = Scratch(str(tmp_path / "scratch"), str(home / "work"), [str(home / "program"), str(home / "work")])
    with install_redirection(), redirected_to(made):
        yield made


@contextmanager
def redirected_away() -> Iterator[None]:
    """The view of the user, for whom nothing is redirected."""
    active, redirection._active[:] = list(redirection._active), []
    try:
        yield
    finally:
        redirection._active[:] = active


def list_files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_relative_paths_are_read_in_the_working_directory_and_around_it(scratch: Scratch) -> None:
    assert Path("settings.txt").read_text() == "stake=2\n"
    assert Path("data/1.1").read_text() == "market\n"
    assert Path("../beside.txt").read_text() == "beside\n"
    assert sorted(os.listdir()) == ["data", "market.bz2", "settings.txt"]


def test_recursive_searches_find_what_is_below_the_working_directory(home: Path, scratch: Scratch) -> None:
    assert [str(path) for path in Path().rglob("1.*")] == ["data/1.1"]
    assert glob.glob("**/1.*", recursive=True) == ["data/1.1"]
    walked = [(top, sorted(folders), sorted(files)) for top, folders, files in os.walk(".")]
    assert walked == [(".", ["data"], ["market.bz2", "settings.txt"]), ("./data", [], ["1.1"])]


def test_files_that_are_written_appear_to_the_program_and_not_to_the_user(home: Path, scratch: Scratch) -> None:
    with redirected_away():
        before = list_files(home)
    places = ["new.txt", "data/new.txt", "settings.txt", "../new.txt", str(home / "program" / "new.txt")]
    for place in places:
        Path(place).write_text("written")
        with open(place) as file:
            assert file.read() == "written"
        assert os.path.getsize(place) == len("written")
    with redirected_away():
        assert list_files(home) == before


def test_appending_keeps_the_content_of_the_users_file(home: Path, scratch: Scratch) -> None:
    for place in ("settings.txt", str(home / "beside.txt")):
        before = Path(place).read_text()
        for line in ("first\n", "second\n"):
            with open(place, "a") as file:
                file.write(line)
        assert Path(place).read_text() == before + "first\nsecond\n"
    with redirected_away():
        assert (home / "work" / "settings.txt").read_text() == "stake=2\n"


def test_folders_are_made_and_listed_in_the_mirror(home: Path, scratch: Scratch) -> None:
    made = home / "program" / "out" / "today"
    os.makedirs(made)
    (made / "a.txt").write_text("a")
    os.mkdir(home / "program" / "out" / "other")
    os.makedirs(made, exist_ok=True)
    with pytest.raises(FileExistsError):
        made.mkdir()
    assert sorted(os.listdir(home / "program" / "out")) == ["other", "today"]
    assert [path.name for path in made.iterdir()] == ["a.txt"]
    os.replace(made / "a.txt", made / "b.txt")
    assert (made / "b.txt").exists()
    assert not (made / "a.txt").exists()
    os.remove(made / "b.txt")
    assert os.listdir(made) == []


def test_temporary_file_replaces_a_file_of_the_user_in_the_mirror(home: Path, scratch: Scratch) -> None:
    target = home / "beside.txt"
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write("replaced")
    os.replace(file.name, target)
    assert target.read_text() == "replaced"
    with pytest.raises(FileNotFoundError):
        os.stat(file.name)


def test_new_file_in_a_folder_that_does_not_exist_is_an_error(home: Path, scratch: Scratch) -> None:
    with pytest.raises(FileNotFoundError):
        (home / "nowhere" / "file.txt").open("w")
    with pytest.raises(FileExistsError):
        (home / "beside.txt").open("x")


def test_program_may_write_among_temporary_files_but_not_in_its_own_folder_there(
    home: Path, scratch: Scratch, tmp_path: Path
) -> None:
    assert scratch.may_write(str(tmp_path / "other" / "file"))
    assert scratch.may_write("/dev/null")
    assert not scratch.may_write(str(home / "program" / "file"))
    assert not scratch.may_write("/etc/file")
    assert not scratch.may_write("market.bz2")
    assert scratch.may_write("market.bz2", follow=False)
    assert scratch.may_write("settings.txt")  # a copy


def test_functions_are_the_real_ones_outside_of_the_context(home: Path) -> None:
    before = open, os.stat, os.replace
    with install_redirection():
        (home / "plain.txt").write_text("really")
        with install_redirection():
            pass
        assert open is not before[0]
    assert (open, os.stat, os.replace) == before
    assert shutil.disk_usage(home).total
    assert (home / "plain.txt").read_text() == "really"


def test_scratch_folder_is_shared_and_removed_with_its_last_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "work")
    with share_scratch(str(home / "program")) as first:
        with share_scratch(str(home / "program")) as second:
            assert second is first
        assert os.path.isdir(first.work)
    assert not os.path.exists(first.folder)
