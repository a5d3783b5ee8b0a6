"""The files of levers are listed, and never imported by the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.advise.lever_files import EXAMPLE_PROGRAM, list_lever_files
from perfbench.errors import UsageProblem
from perfbench.worker.program_spec import parse_program_spec


def test_shipped_levers_are_listed_with_those_of_a_folder_which_take_precedence(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("")
    (tmp_path / "inplay.py").write_text("")
    (tmp_path / "_shared.py").write_text("")
    files = list_lever_files([str(tmp_path)])
    assert {"inplay", "seconds_to_start", "mine"} <= files.keys()
    assert "_shared" not in files
    assert files["inplay"] == (tmp_path / "inplay.py").resolve()


def test_named_levers_alone_are_listed() -> None:
    assert list(list_lever_files([], ["inplay"])) == ["inplay"]


@pytest.mark.parametrize(
    ("folders", "names", "cause"),
    [
        (["no/such"], [], "--levers no/such: no such folder"),
        (["."], [], "--levers .: no lever files"),
        ([], ["inplai"], "--lever inplai: no such lever; did you mean `inplay`?"),
    ],
)
def test_unusable_lever_option_is_one_clear_line(
    folders: list[str], names: list[str], cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblem) as caught:
        list_lever_files(folders, names)
    assert caught.value.cause.startswith(cause)


def test_shipped_program_is_a_function_of_a_file_that_is_there() -> None:
    spec = parse_program_spec(EXAMPLE_PROGRAM)
    assert spec is not None
    assert Path(spec.path).is_file()
    assert f"def {spec.function}(" in Path(spec.path).read_text()
