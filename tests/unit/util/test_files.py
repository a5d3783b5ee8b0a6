"""Atomic writes: whole or not at all for plain files; links, pipes and devices stay what they are."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from support.special_files import FULL, NOWHERE, NULL, Reader, bound_socket, device_numbers, is_fifo, make_device

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.util.files import check_destination, check_results_folder, open_atomically, write_atomically

CONTENT = b"a line\n" * 50_000
"""More than a pipe takes at once."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such devices")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_while_writing(path: Path) -> None:
    with open_atomically(path) as file:
        file.write(CONTENT)
        raise ZeroDivisionError


# Plain files --------------------------------------------------------------------------------------------------------


def test_new_file_is_whole_and_alone_in_its_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, CONTENT)
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["file"]


def test_plain_file_keeps_its_content_and_nothing_is_left_over_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_plain_file_is_replaced_not_overwritten_so_that_readers_keep_what_they_opened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as opened:
        write_atomically(path, CONTENT)
        assert opened.read() == b"old"
    assert path.read_bytes() == CONTENT


def test_file_with_the_longest_possible_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_atomically(path, CONTENT)
    assert path.read_bytes() == CONTENT


# Links --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["real/file", "real/missing", "other-link"])
def test_link_stays_a_link_and_its_target_is_written(tmp_path: Path, target: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    (tmp_path / "other-link").symlink_to(tmp_path / "real" / "file")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, CONTENT)
    assert os.readlink(link) == target
    assert (tmp_path / "other-link").is_symlink()
    assert link.read_bytes() == CONTENT
    assert set(names(tmp_path / "real")) <= {"file", "missing"}
    assert names(tmp_path) == ["link", "other-link", "real"]


def test_target_of_a_link_keeps_its_content_when_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real/file")
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(tmp_path / "link")
    assert (tmp_path / "link").read_bytes() == b"old"
    assert names(tmp_path / "real") == ["file"]


def test_link_to_itself_is_refused_and_stays(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("link")
    with pytest.raises(StorageProblem, match=r"link cannot be written \("):
        write_atomically(link, CONTENT)
    assert os.readlink(link) == "link"


# Pipes, devices, sockets --------------------------------------------------------------------------------------------


def test_pipe_stays_a_pipe_and_its_reader_gets_everything(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "pipe")
    write_atomically(tmp_path / "pipe", CONTENT)
    assert reader.content() == CONTENT
    assert is_fifo(tmp_path / "pipe")
    assert names(tmp_path) == ["pipe"]


def test_link_to_a_pipe_writes_into_the_pipe(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    write_atomically(tmp_path / "link", CONTENT)
    assert reader.content() == CONTENT
    assert is_fifo(tmp_path / "pipe")
    assert (tmp_path / "link").is_symlink()


def test_pipe_whose_reader_leaves_is_an_error_and_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    def write_after_the_reader_left() -> None:
        with open_atomically(tmp_path / "pipe") as file:
            os.close(reader)
            file.write(CONTENT)

    with pytest.raises(BrokenPipeError):
        write_after_the_reader_left()
    assert is_fifo(tmp_path / "pipe")


def test_pipe_that_nobody_reads_is_an_error_and_stays_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfbench.util.files.READER_TIMEOUT", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageProblem, match=r"pipe cannot be written \(nobody reads the pipe\)"):
        write_atomically(tmp_path / "pipe", CONTENT)
    assert is_fifo(tmp_path / "pipe")


@linux_only
def test_device_stays_a_device_and_is_written_into(tmp_path: Path) -> None:
    make_device(tmp_path / "null", NULL)
    write_atomically(tmp_path / "null", CONTENT)
    assert device_numbers(tmp_path / "null") == NULL
    assert names(tmp_path) == ["null"]


@linux_only
def test_full_device_is_an_error_and_stays_a_device(tmp_path: Path) -> None:
    make_device(tmp_path / "full", FULL)
    with pytest.raises(StorageProblem, match=r"full cannot be written \(No space left on device\)"):
        write_atomically(tmp_path / "full", CONTENT)
    assert device_numbers(tmp_path / "full") == FULL


@linux_only
def test_block_device_is_refused_unopened(tmp_path: Path) -> None:
    make_device(tmp_path / "disk", NOWHERE, stat.S_IFBLK)
    with pytest.raises(StorageProblem, match=r"disk cannot be written \(it is a block device\)"):
        write_atomically(tmp_path / "disk", CONTENT)
    assert stat.S_ISBLK((tmp_path / "disk").lstat().st_mode)


def test_socket_is_refused_and_stays_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have 100 characters or so
    with bound_socket(Path("sock")):
        with pytest.raises(StorageProblem, match=r"sock cannot be written \(it is a socket\)"):
            write_atomically(Path("sock"), CONTENT)
        assert Path("sock").is_socket()


def test_folder_is_refused_and_stays_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageProblem, match=r"folder cannot be written \(it is a folder\)"):
        write_atomically(tmp_path / "folder", CONTENT)
    assert (tmp_path / "folder").is_dir()
    assert names(tmp_path) == ["folder"]


# Hints --------------------------------------------------------------------------------------------------------------


def test_hint_names_the_option_and_speaks_of_space_only_when_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageProblem) as raised:
        write_atomically(tmp_path / "folder", CONTENT)
    assert raised.value.hint == "choose another --results folder"
    with pytest.raises(StorageProblem) as raised:
        write_atomically(tmp_path / "folder", CONTENT, "--export file")
    assert raised.value.hint == "choose another --export file"


@linux_only
def test_hint_of_a_full_disk_is_to_free_space(tmp_path: Path) -> None:
    make_device(tmp_path / "full", FULL)
    with pytest.raises(StorageProblem) as raised:
        write_atomically(tmp_path / "full", CONTENT)
    assert raised.value.hint == "free some space or choose another --results folder"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, in which even root can make no file")
def test_file_that_cannot_be_made_is_found_out_before_measuring() -> None:
    with pytest.raises(UsageProblem, match=r"--plot x\.png: no file can be written in /proc \("):
        check_destination("--plot x.png", Path("/proc/no-such-process.png"))
    with pytest.raises(StorageProblem, match=r"--results /proc/runs: no file can be written in /proc \("):
        check_results_folder(Path("/proc/runs"))


def test_results_folder_may_be_made_and_may_not_be_below_a_file(tmp_path: Path) -> None:
    check_results_folder(tmp_path / "new" / "runs")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(StorageProblem, match="file is not a folder"):
        check_results_folder(tmp_path / "file" / "runs")
