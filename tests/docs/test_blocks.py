"""README.md and the pages in docs: what they show is what perfbench prints, what they tell the reader to type works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from perfbench_docs import blocks
from perfbench_docs.blocks import ACCEPTED_CODES, Block, list_blocks, render_block
from perfbench_docs.pages import list_code_blocks, list_pages
from perfbench_docs.project import DOCS, RESULTS, ROOT
from support.command_line import perfbench

from perfbench.cli.app import LazyCommandGroup, app

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in list_pages()}
BLOCKS = [(page, block) for page, text in PAGES.items() for block in list_blocks(text)]
QUICK = {"COLUMNS": "100"} | {
    f"PERFBENCH_{command}_{option}": "1" for command in ("RUN", "COMPARE", "PROFILE") for option in ("ROUNDS", "QUIET")
}
SHORT = {
    "PERFBENCH_GATE_MAX_TIME": "1",
    "PERFBENCH_CALIBRATE_ROUNDS": "24",
    "PERFBENCH_ADVISE_MAX_TIME": "5",
    "PERFBENCH_ADVISE_LEVER": "gc_freeze",
}
PROGRAM = ROOT / "scenarios" / "_programs" / "best_price_backtest.py"
"""What the pages call my_backtest.py."""


def list_lines(page: str, language: str) -> list[str]:
    """The lines of all blocks of a language, with continued lines joined."""
    texts = [
        block.content.replace("\\\n", " ") for block in list_code_blocks(PAGES[page]) if block.language == language
    ]
    return [line for text in texts for line in text.splitlines()]


def identify(value: object) -> str:
    return f"{value.kind}-{value.name}" if isinstance(value, Block) else str(value)


# What pages show --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=identify)
def test_block_is_what_perfbench_prints(tmp_path: Path, page: str, block: Block) -> None:
    def run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        done = perfbench(*arguments, folder=tmp_path, env=environment)
        assert done.returncode in ACCEPTED_CODES, done.stderr
        return done.stdout

    assert block.text == render_block(block, run)


def test_pages_show_the_saved_runs() -> None:
    shown = {block.name for _, block in BLOCKS if block.kind != "help"}
    names = {path.name.split(".")[0] for path in RESULTS.glob("reference-*.json")}
    parts = {"reference-calibration-against", "reference-calibration-slower"}
    assert {name for name in names - parts if not name.startswith("reference-verdicts")} <= shown


def test_reference_has_the_help_of_every_command() -> None:
    shown = [block.name for page, block in BLOCKS if page == "docs/reference/cli.md"]
    golden = {path.stem for path in blocks.GOLDEN_HELP.glob("help*.txt")}
    assert sorted(shown) == sorted({name.removeprefix("help-") for name in golden - {"help"}} | {"perfbench"})


def test_block_selects_the_tables_of_a_market_file() -> None:
    output = "replay · a · 3 updates\n  mode\n\nreplay · b · 4 updates\n  mode\n"
    assert Block("shown", "run", "", {"data": "b"}).select(output) == "replay · b · 4 updates\n  mode\n"
    with pytest.raises(ValueError, match="run has nothing of c"):
        Block("shown", "run", "", {"data": "c"}).select(output)


def test_block_is_replaced_with_its_options() -> None:
    text = "a\n<!-- shown: run width=80 columns=claim -->\n```text\nold\n```\nb\n"
    calls: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        calls.append((arguments, environment))
        return "new\n"

    assert blocks.replace_blocks(text, run) == text.replace("old", "new")
    assert calls == [(["show", str(RESULTS / "run.json"), "--columns", "claim"], {"COLUMNS": "80"})]


# What pages tell the reader to type -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in PAGES if list_lines(page, "console")])
def test_console_commands_of_page_work_in_order(tmp_path: Path, page: str) -> None:
    shutil.copy(PROGRAM, tmp_path / "my_backtest.py")
    for block in list_code_blocks(PAGES[page]):
        if block.language == "python":
            path = tmp_path / block.content.partition("\n")[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.content, encoding="utf-8")
    copy_kept_runs(list_lines(page, "console"), tmp_path / "results")
    for line in list_lines(page, "console"):
        if line == "$ perfbench data pull":
            continue  # tested with its failures in test_datasets.py
        assert line.startswith("$ "), line
        done = run_line(shlex.split(line.removeprefix("$ ")), tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    if (tmp_path / "table.md").exists():
        assert (tmp_path / "table.md").read_text(encoding="utf-8").startswith("**replay · sample")


def copy_kept_runs(lines: Sequence[str], folder: Path) -> None:
    """Copy the kept runs that these commands name into a folder, as a reader of the page has them in a clone."""
    folder.mkdir()
    for path in RESULTS.glob("reference-*.json"):
        if any(path.stem in line.split() for line in lines):
            shutil.copy(path, folder)


def run_line(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command of a page in a folder: perfbench, or a Python file of the page."""
    program, *arguments = words
    if program == "perfbench":
        return perfbench(*arguments, folder=folder, env=QUICK | SHORT, timeout=240)
    assert program == "python"
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False)


def list_shell_commands() -> Iterator[tuple[str, str]]:
    """The calls of perfbench in blocks that are not executed, with their page."""
    for page in PAGES:
        for line in list_lines(page, "sh"):
            if line.startswith("perfbench "):
                yield page, line


@pytest.mark.parametrize(("page", "line"), [*list_shell_commands()])
def test_shell_command_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, line: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    parse_command(shlex.split(line, comments=True)[1:])


def test_parsing_refuses_an_option_that_does_not_exist() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse_command(["run", "--no-such-option"])


def parse_command(words: Sequence[str]) -> None:
    """Parse a call of perfbench without running it. Raises what the command line raises for wrong usage."""
    group: Any = typer.main.get_command(app)
    assert isinstance(group, LazyCommandGroup)
    context = group.make_context("perfbench", list(words))
    command: Any = group
    rest = [*context._protected_args, *context.args]
    while getattr(command, "commands", None) is not None or command is group:
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        rest = [*getattr(context, "_protected_args", ()), *context.args]


def test_make_tasks_that_pages_name_exist() -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for page, text in {**PAGES, "CONTRIBUTING.md": contributing}.items():
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= tasks, page
    assert "make run" in PAGES["README.md"]


# Tables that list what the code has -------------------------------------------------------------------------------------------


def test_exit_codes_of_the_table_are_those_of_the_code() -> None:
    from perfbench.errors import ExitCode

    for page in ((DOCS / "reference" / "exit-codes.md"), ROOT / "CONTRIBUTING.md"):
        table = page.read_text(encoding="utf-8").partition("| code | meaning |\n")[2].partition("\n\n")[0]
        listed = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
        assert listed == {code.value for code in ExitCode}, page


def test_toml_blocks_are_valid_configuration(tmp_path: Path) -> None:
    texts = [block.content for page in PAGES.values() for block in list_code_blocks(page) if block.language == "toml"]
    assert len(texts) >= 3
    for text in texts:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        for command in re.findall(r"^\[tool\.perfbench\.(\w+)\]", text, re.MULTILINE):
            done = perfbench(command, "--help", folder=tmp_path)
            assert done.returncode == 0, f"{text}\n{done.stderr}"


def test_inputs_of_the_action_in_yaml_blocks_exist() -> None:
    import yaml

    action = yaml.safe_load((ROOT / ".github/actions/gate/action.yml").read_text(encoding="utf-8"))
    documents = [
        yaml.safe_load(block.content)
        for page in PAGES.values()
        for block in list_code_blocks(page)
        if block.language == "yaml"
    ]
    jobs = [job for document in documents if isinstance(document, dict) for job in document.values()]
    steps = [step for job in jobs if isinstance(job, dict) for step in job.get("steps", ())]
    (gate,) = [step for step in steps if "actions/gate" in step.get("uses", "")]
    assert set(gate["with"]) <= set(action["inputs"])
    table = PAGES["docs/ci/github.md"].partition("| output |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(action["outputs"])
