"""``perfbench data cut``: files of any kind become plain files of their last part, and nothing else is changed."""

from __future__ import annotations

import bz2
import tarfile
from pathlib import Path

import pytest
from support.command_line import HERE, one_line, perfbench

SAMPLE = HERE.parent / "sample_data" / "sample-win"


def cut(folder: Path, *arguments: object) -> tuple[int, str, str]:
    done = perfbench("data", "cut", *arguments, folder=folder)
    return done.returncode, done.stdout, done.stderr


def test_known_file_and_packed_file_are_cut_into_a_folder(tmp_path: Path) -> None:
    packed = tmp_path / "1.234.bz2"
    packed.write_bytes(bz2.compress(SAMPLE.read_bytes()))
    code, said, errors = cut(tmp_path, "sample-win", packed, "--seconds-to-start", "60", "-o", "cut")
    assert code == 0, errors
    assert said.startswith("wrote 2 market files into cut: ")
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["1.234", "sample-win"]
    assert (tmp_path / "cut" / "1.234").read_bytes() == (tmp_path / "cut" / "sample-win").read_bytes()
    assert 0 < (tmp_path / "cut" / "sample-win").stat().st_size < SAMPLE.stat().st_size
    assert packed.read_bytes() == bz2.compress(SAMPLE.read_bytes())


def test_file_that_was_cut_can_be_measured_and_described(tmp_path: Path) -> None:
    assert cut(tmp_path, "sample-win", "--seconds-to-start", "2m", "-o", "cut")[0] == 0
    done = perfbench(
        "run", "--data", "cut/sample-win", "--mode", "full", "--mode", "patched", "--quick", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "yes" in done.stdout
    described = perfbench("data", "describe", "cut/sample-win", folder=tmp_path)
    assert described.returncode == 0, described.stdout + described.stderr


def test_archive_is_cut_file_by_file(tmp_path: Path) -> None:
    made = perfbench("data", "generate-corpus", "month.tar", "--markets", "5", "--updates", "60", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    code, said, errors = cut(tmp_path, "month.tar", "--seconds-to-start", "600", "--output", "cut")
    assert code == 0, errors
    assert "wrote 5 market files into cut" in said
    with tarfile.open(tmp_path / "month.tar") as tar:
        names = {Path(name).name.removesuffix(".bz2") for name in tar.getnames() if name.endswith(".bz2")}
    assert {path.name for path in (tmp_path / "cut").iterdir()} == names


def test_existing_file_stays_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "sample-win").write_text("mine")
    code, said, errors = cut(tmp_path, "sample-win", "sample-event", "--seconds-to-start", "60", "-o", "cut")
    assert code == 5
    assert "! cut/sample-win already exists" in errors
    assert "wrote 1 market file into cut" in said
    assert (tmp_path / "cut" / "sample-win").read_text() == "mine"
    assert cut(tmp_path, "sample-win", "--seconds-to-start", "60", "-o", "cut", "--force")[0] == 0
    assert (tmp_path / "cut" / "sample-win").read_text() != "mine"


@pytest.mark.parametrize("option", [(), ("--force",)])
def test_file_is_never_cut_in_place(tmp_path: Path, option: tuple[str, ...]) -> None:
    own = tmp_path / "1.5"
    own.write_bytes(SAMPLE.read_bytes())
    code, _, errors = cut(tmp_path, "1.5", "--seconds-to-start", "60", "-o", ".", *option)
    assert code == 5
    assert "1.5 is the file that is to be cut" in errors
    assert own.read_bytes() == SAMPLE.read_bytes()


def test_damaged_file_is_named_and_the_others_are_cut(tmp_path: Path) -> None:
    (tmp_path / "1.6").write_bytes(SAMPLE.read_bytes()[:-40])
    code, said, errors = cut(tmp_path, "1.6", "sample-event", "--seconds-to-start", "60", "-o", "cut")
    assert code == 5
    assert "wrote 1 market file into cut" in said
    assert "! 1.6" in errors
    assert "1 of the files cannot be cut" in errors
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["sample-event"]


def test_two_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for folder, sample in (("one", "sample-win"), ("two", "sample-event")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.7").write_bytes((SAMPLE.parent / sample).read_bytes())
    code, said, errors = cut(tmp_path, "one/1.7", "two/1.7", "--seconds-to-start", "60", "-o", "cut")
    assert code == 0, errors
    assert "wrote 2 market files into cut" in said
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["1.7", "1.7 (2)"]


@pytest.mark.parametrize("bad", ["nothing", "empty", "notes"])
def test_nothing_to_cut_writes_nothing(tmp_path: Path, bad: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").write_text("no market")
    code, said, errors = cut(tmp_path, bad, "--seconds-to-start", "60", "-o", "cut")
    assert code == 5
    assert "1 of the files cannot be cut" in errors
    assert said == ""
    assert not (tmp_path / "cut").exists()


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut").write_text("a file")
    code, _, errors = cut(tmp_path, "sample-win", "--seconds-to-start", "60", "-o", "cut")
    assert code == 5
    assert "cut cannot be made: File exists" in one_line(errors)


@pytest.mark.parametrize("seconds", ["soon", "-5"])
def test_bad_seconds_are_refused(tmp_path: Path, seconds: str) -> None:
    code, _, errors = cut(tmp_path, "sample-win", "--seconds-to-start", seconds, "-o", "cut")
    assert code == 2
    assert "--seconds-to-start" in one_line(errors)
