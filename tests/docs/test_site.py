"""The site: the gallery, the fields of a saved run, llms.txt, and a build without warnings."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from perfbench_docs import gallery_pages, llms, run_format
from perfbench_docs.generated_files import write_folder
from perfbench_docs.pages import list_pages, read_summary, read_title
from perfbench_docs.project import DOCS, GENERATED_FOLDERS, RAW, README, RESULTS, ROOT

BUILD_SECONDS = 900


# Gallery ----------------------------------------------------------------------------------------------------------------------


def test_gallery_has_a_page_for_every_saved_run_but_parts_of_others() -> None:
    names = gallery_pages.list_runs(RESULTS)
    files = {path.name.removesuffix(".json") for path in RESULTS.glob("reference-*.json")}
    assert files - set(names) == set(gallery_pages.PARTS_OF_OTHERS)
    assert names[0] == "reference-headline"


def test_gallery_shows_what_perfbench_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []

    def run(arguments: Sequence[str], _environment: Mapping[str, str]) -> str:
        calls.append((arguments[0], Path(arguments[-1]).name))
        return f"printed by {arguments[0]}\n"

    monkeypatch.setattr(gallery_pages, "run_perfbench", run)
    for name in ("reference-headline", "reference-blame.profile", "reference-tips.advice", "reference-calibration"):
        (tmp_path / f"{name}.json").write_text("{}", encoding="utf-8")
    pages = gallery_pages.render_pages(tmp_path, {"reference-headline": "runs/reference-headline.html"})
    assert sorted(set(calls)) == [
        ("calibrate", "reference-calibration.json"),
        ("profile", "reference-blame.profile.json"),
        ("show", "reference-headline.json"),
        ("show", "reference-tips.advice.json"),
    ]
    assert '<a href="../runs/reference-headline.html">' in pages["reference-headline.md"]
    assert '<a href="../runs/index.html">' in pages["index.md"]
    assert "<a href" not in gallery_pages.render_pages(tmp_path, {})["index.md"]
    assert "```text\nprinted by show\n```" in pages["reference-headline.md"]
    assert "<a href" not in pages["reference-calibration.md"]
    assert "Measured by `make blame`." in pages["reference-blame.profile.md"]
    assert pages["reference-tips.advice.md"].startswith("# reference-tips\n")


def test_gallery_links_to_pages_of_report_if_there_is_that_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(arguments: Sequence[str], _environment: Mapping[str, str]) -> str:
        command, results, option, folder = arguments
        assert (command, option) == ("report", "-o")
        assert {path.name for path in Path(results).iterdir()} == {
            path.name for path in RESULTS.glob("reference-*.json")
        }
        for name in ("index", "reference-headline"):
            (Path(folder) / f"{name}.html").write_text("", encoding="utf-8")
        return ""

    monkeypatch.setattr(gallery_pages, "run_perfbench", report)
    monkeypatch.setattr(gallery_pages, "has_command", lambda name: name == "report")
    links = gallery_pages.build_html_pages(RESULTS, tmp_path)
    assert links["reference-headline"] == "runs/reference-headline.html"
    assert links["reference-blame.profile"] == "runs/index.html", "a run without a page of its own"
    monkeypatch.setattr(gallery_pages, "has_command", lambda _name: False)
    assert gallery_pages.build_html_pages(RESULTS, tmp_path) == {}


def test_tasks_of_the_gallery_are_tasks_of_make() -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {subject.task for subject in gallery_pages.SUBJECTS.values()} - {""} <= tasks


# Generated folders ------------------------------------------------------------------------------------------------------------


def test_generated_folder_holds_exactly_what_was_generated(tmp_path: Path) -> None:
    write_folder(tmp_path / "f", {"a.md": "1", "deep/b.md": "2", "old/c.md": "3"})
    unchanged = (tmp_path / "f" / "a.md").stat().st_mtime_ns
    write_folder(tmp_path / "f", {"a.md": "1", "deep/b.md": b"4"})
    files = {path.relative_to(tmp_path / "f").as_posix(): path.read_text() for path in (tmp_path / "f").rglob("*.md")}
    assert files == {"a.md": "1", "deep/b.md": "4"}
    assert not (tmp_path / "f" / "old").exists()
    assert (tmp_path / "f" / "a.md").stat().st_mtime_ns == unchanged


def test_generated_folders_are_not_in_the_repository() -> None:
    ignored = (DOCS / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {f"/{folder}/" for folder in (*GENERATED_FOLDERS, "_generated", "_build")} <= set(ignored)


# Fields of a saved run --------------------------------------------------------------------------------------------------------


def test_every_type_and_field_of_the_schema_is_listed() -> None:
    definitions = json.loads(run_format.SCHEMA.read_text(encoding="utf-8"))["$defs"]
    text = run_format.render_fields()
    for name, definition in definitions.items():
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert [field for field in definition.get("properties", {}) if f"| `{field}` |" not in section] == []


def test_types_are_described_in_words() -> None:
    assert run_format.describe_type({"type": "array", "items": {"$ref": "#/$defs/Sample"}}) == "array of Sample"
    assert run_format.describe_type({"anyOf": [{"type": "integer"}, {"type": "null"}]}) == "integer or null"
    assert run_format.describe_type({"enum": ["a", "b"]}) == "one of `a`, `b`"


# llms.txt ---------------------------------------------------------------------------------------------------------------------


def test_llms_txt_is_current() -> None:
    assert llms.PATH.read_text(encoding="utf-8") == llms.render_llms(), "make golden writes it again"


def test_llms_txt_lists_every_page_with_a_description() -> None:
    text = llms.render_llms()
    for page in list_pages():
        if page not in (README, DOCS / "index.md") and page.name != "index.md":
            entry = re.search(
                rf"^- \[(.+)\]\({re.escape(RAW + page.relative_to(ROOT).as_posix())}\): (.+)$", text, re.MULTILINE
            )
            assert entry, page
            assert entry[1] == read_title(page.read_text(encoding="utf-8"))
            assert entry[2].endswith((".", "?", ":")), page


def test_summary_is_the_first_sentence_below_the_title() -> None:
    text = "# A `b`\n\n<!-- note -->\n\nSee [this](x.md) in\nversion 2.0. More.\n"
    assert (read_title(text), read_summary(text)) == ("A b", "See this in version 2.0.")


# Build ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from a copy of docs with warnings as errors."""
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip("the extra docs is not installed")
    root = tmp_path_factory.mktemp("root")
    for path in ROOT.iterdir():
        if path.name not in ("docs", ".git"):
            (root / path.name).symlink_to(path)
    ignored = shutil.ignore_patterns("_build", "_generated", "__pycache__")
    shutil.copytree(DOCS, root / "docs", ignore=ignored)
    for folder in GENERATED_FOLDERS:
        shutil.rmtree(root / "docs" / folder, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(root / "docs"),
        str(root / "site"),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return root / "site"


@pytest.mark.slow
@pytest.mark.timeout(BUILD_SECONDS)
def test_site_builds_without_warnings_and_has_every_page(site: Path) -> None:
    for page in list_pages()[1:]:
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file()
    assert (site / "llms.txt").read_text(encoding="utf-8") == llms.render_llms()
    assert len(list((site / "advice").glob("*/*.html"))) > 20
    assert "load_run" in (site / "reference" / "python-api.html").read_text(encoding="utf-8")
    assert "Claim" in (site / "reference" / "scenario-api.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(BUILD_SECONDS)
def test_links_inside_of_the_site_lead_to_files(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#?]+)[^"]*"', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", link):
                assert (page.parent / link).exists(), f"{page.relative_to(site)}: {link}"
