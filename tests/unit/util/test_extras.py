"""Optional packages: what is said of one that is missing or broken."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from perfbench.errors import UsageProblem
from perfbench.util import extras
from perfbench.util.extras import EXTRAS, import_extra, is_installed, require_extra

ROOT = Path(__file__).resolve().parents[3]


def test_every_optional_package_is_one_of_its_extra() -> None:
    section = (
        (ROOT / "pyproject.toml").read_text().partition("[project.optional-dependencies]\n")[2].partition("\n\n")[0]
    )
    declared = dict(re.findall(r"^(\w+) = \[(.*)\]$", section, re.MULTILINE))
    for package, extra in EXTRAS.items():
        assert f'"{package.partition(".")[0]}>=' in declared[extra], package


def test_installed_package_is_found_without_importing_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "made_up_package.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert is_installed("made_up_package")
    assert not is_installed("no_such_package_of_perfbench")
    assert not is_installed("no_such_package_of_perfbench.part")


def test_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "no_such_package_of_perfbench", "data")
    with pytest.raises(UsageProblem) as raised:
        require_extra("--export x=y", "no_such_package_of_perfbench")
    assert raised.value.lines == (
        "--export x=y needs no_such_package_of_perfbench, which is not installed",
        "hint: pip install 'betfair-perfbench[data]'",
    )
    with pytest.raises(
        UsageProblem, match=r"x\(\) needs no_such_package_of_perfbench, which is not installed: pip install"
    ):
        import_extra("x()", "no_such_package_of_perfbench")


def test_broken_package_is_not_called_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "made_up_broken.py").write_text("raise ImportError('no libfoo.so')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "made_up_broken", None)
    monkeypatch.delitem(sys.modules, "made_up_broken")
    monkeypatch.setitem(extras.EXTRAS, "made_up_broken", "data")
    with pytest.raises(UsageProblem, match=r"which cannot be imported: no libfoo\.so"):
        import_extra("x()", "made_up_broken")
