"""Shell completion: asked as the scripts of bash, zsh and fish ask, and by bash itself."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import SCENARIOS, perfbench, variables

from perfbench.cli.app import LazyCommandGroup
from perfbench.cli.completion import data, table
from perfbench.runner.scenarios import find_scenario_files

SCRIPTS = Path(sys.executable).parent
ENTRY = SCRIPTS / "perfbench"


def ask(shell: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    environment = variables(folder, _PERFBENCH_COMPLETE=f"complete_{shell}", **given)
    return subprocess.run(
        [str(ENTRY)], capture_output=True, text=True, cwd=folder, env=environment, timeout=60, check=False
    )


def complete(folder: Path, *words: str) -> list[str]:
    """What bash offers in place of the last of these words after ``perfbench``."""
    line = ("perfbench", *words)
    done = ask("bash", folder, COMP_WORDS="\n".join(line), COMP_CWORD=str(len(line) - 1))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    results = tmp_path / "results"
    results.mkdir()
    for name in (
        "monday.json", "tuesday.journal", "hot.profile.json", "faster.advice.json", "calibration-against.json", "x.svg",
    ):  # fmt: skip
        (results / name).write_text("{}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.json").write_text("{}")
    return tmp_path


def test_words_are_those_of_the_commands(refresh_golden: bool) -> None:
    source = table.build_source()
    if refresh_golden:
        table.DATA_FILE.write_text(source, encoding="utf-8")
    assert source == table.DATA_FILE.read_text(encoding="utf-8"), "pytest --refresh-golden tests/cli/test_completion.py"
    assert {name for name in data.COMMANDS if " " not in name} == set(LazyCommandGroup.names())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("r",), ["run", "report", "runs"]),
        (("data", "ge"), ["generate", "generate-corpus"]),
        (("data", "generate", "--la"), ["--ladder"]),
        (("data", "generate", "--ladder", ""), ["full", "levels"]),
        (("run", "--mo"), ["--mode"]),
        (("--config", "x.toml", "run", "--qui"), ["--quick", "--quiet"]),
        (("run", "--color", "a"), ["auto", "always"]),
        (("run", "--color", "=", "n"), ["never"]),
        (("run", "--quick", "--mo"), ["--mode"]),
        (("profile", "--profiler", "py"), ["pyinstrument", "pyspy"]),
        (("run", "--export", "j"), ["json=", "junit="]),
        (("run", "--export", "=", "j"), ["json=", "junit="]),
        (("run", "--columns", "+st"), ["+startup"]),
        (("calibrate", "--against", "pyperf,h"), ["pyperf,hyperfine", "pyperf,hyperfine-2"]),
        (("advise", "--lever", "gc_f"), ["gc_freeze"]),
        (("run", "--data", "SELF"), ["SELF-1.181223994", "SELF-1.181223995"]),
        (("--ver",), ["--version"]),
        (("--in",), ["--install-completion"]),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else None,
)
def test_commands_options_and_fixed_words_are_offered(
    words: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    assert complete(tmp_path, *words) == expected


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--export", "json", "=", ""),
        ("run", "--export", "json", "=", "out/"),
        ("run", "--results", ""),
        ("compare", "betfairlightweight", "==", "2.1"),
        ("run", "mine.py", "--", "--st"),
        ("run", "--rounds", ""),
        ("nosuch", "--mo"),
    ],
    ids=" ".join,
)
def test_files_and_free_values_are_left_to_the_shell(words: tuple[str, ...], tmp_path: Path) -> None:
    assert complete(tmp_path, *words) == []


def test_commands_stand_in_the_order_of_the_help(tmp_path: Path) -> None:
    offered = complete(tmp_path, "")
    assert offered[:3] == ["run", "scenarios", "compare"]
    assert set(offered) == set(LazyCommandGroup.names())


def test_scenarios_and_topics_are_offered_by_name_also_those_of_a_folder(tmp_path: Path) -> None:
    offered = complete(tmp_path, "run", "")
    assert set(find_scenario_files([])) <= set(offered)
    assert {"network", "calculation"} <= set(offered)
    assert complete(tmp_path, "gate", "--scenario", "vw") == ["vwap"]
    assert complete(tmp_path, "run", "--scenarios", str(SCENARIOS), "known_t") == ["known_times"]


def test_modes_and_parameters_are_those_of_the_scenario_on_the_line(tmp_path: Path) -> None:
    offered = complete(tmp_path, "run", "--mode", "")
    assert {"lightweight", "full", "patched", "engines", "tickrush"} <= set(offered)
    assert complete(tmp_path, "run", "--mode", "lightweight,fu") == ["lightweight,full"]
    assert "list_loop" in complete(tmp_path, "run", "vwap", "--mode", "")
    assert "list_loop" in complete(tmp_path, "gate", "--scenario", "vwap", "--mode", "")
    assert complete(tmp_path, "run", "replay", "--set", "re") == ["read="]
    (tmp_path / "own.py").write_text("from perfbench import mode\n\n@mode\ndef mine(*, size=3): ...\n")
    assert complete(tmp_path, "run", "own.py", "--mode", "") == ["mine"]
    (tmp_path / "broken.py").write_text("def (")
    assert complete(tmp_path, "run", "broken.py", "--mode", "") == []


def test_saved_files_are_offered_where_their_kind_is_wanted(workshop: Path) -> None:
    assert complete(workshop, "show", "") == ["monday", "tuesday"]
    assert complete(workshop, "show", "--results", "elsewhere", "") == ["kept"]
    assert complete(workshop, "gate", "--baseline", "") == ["monday", "tuesday"]
    assert complete(workshop, "profile", "--show", "") == ["hot"]
    assert complete(workshop, "compare", "") == ["here", "monday", "tuesday"]
    assert complete(workshop, "show", "--results", "nosuch", "") == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no Python 3.11")
def test_configured_environments_are_offered(tmp_path: Path) -> None:
    (tmp_path / "perfbench.toml").write_text('[environments]\nthen = "betfairlightweight==2.11.2"\n')
    assert complete(tmp_path, "run", "--env", "") == ["here", "then"]
    (tmp_path / "perfbench.toml").unlink()
    (tmp_path / "pyproject.toml").write_text('[tool.perfbench.environments]\nnow = "here"\n')
    assert complete(tmp_path, "gate", "--before", "n") == ["now"]
    (tmp_path / "pyproject.toml").write_text("[tool.perf")
    assert complete(tmp_path, "gate", "--before", "n") == []


@pytest.mark.parametrize("words", ["", "perfbench", "perfbench\nrun"])
@pytest.mark.parametrize("place", ["", "-1", "0", "99", "many"])
def test_nonsense_from_a_shell_is_no_traceback(words: str, place: str, tmp_path: Path) -> None:
    done = ask("bash", tmp_path, COMP_WORDS=words, COMP_CWORD=place)
    assert (done.returncode, done.stderr) == (0, "")


def test_zsh_and_fish_get_help_beside_the_words(tmp_path: Path) -> None:
    zsh = ask("zsh", tmp_path, _TYPER_COMPLETE_ARGS="perfbench run --mod")
    assert zsh.stdout == """_arguments '*: :(("--mode":"Mode or group of modes"))'\n"""
    assert ask("zsh", tmp_path, _TYPER_COMPLETE_ARGS="perfbench run --results ").stdout == "_files\n"
    line = {"_TYPER_COMPLETE_ARGS": "perfbench data p"}
    fish = ask("fish", tmp_path, _TYPER_COMPLETE_FISH_ACTION="get-args", **line)
    assert fish.stdout.startswith("pull\tDownload the real market files")
    assert ask("fish", tmp_path, _TYPER_COMPLETE_FISH_ACTION="is-args", **line).returncode == 0
    none = {"_TYPER_COMPLETE_ARGS": "perfbench run --results x"}
    assert ask("fish", tmp_path, _TYPER_COMPLETE_FISH_ACTION="is-args", **none).returncode == 1


def test_completion_imports_no_command_and_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "os.environ.update(_PERFBENCH_COMPLETE='complete_bash', COMP_WORDS='perfbench\\nrun\\n--mode\\n', COMP_CWORD='3')\n"
        "from perfbench.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('typer', 'click', 'rich', 'numpy', 'json', 'dataclasses', 'pathlib', 'perfbench.cli.app')\n"
        "print('IMPORTED', *(m for m in heavy if m in sys.modules))"
    )
    isolated = [sys.executable, "-c", code]
    done = subprocess.run(isolated, capture_output=True, text=True, cwd=tmp_path, check=True, env=variables(tmp_path))
    assert done.stdout.splitlines()[0] == "lightweight"
    imported = done.stdout.splitlines()[-1].split()[1:]
    plain = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not set(imported) - set(plain.stdout.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_of_each_shell_is_shown(tmp_path: Path, shell: str) -> None:
    done = perfbench(
        "--show-completion", folder=tmp_path, process=True, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": ""}
    )
    assert done.returncode in (0, 1), done.stderr  # it detects the shell that runs the tests, if any
    source = ask_for_script(shell, tmp_path)
    assert f"_PERFBENCH_COMPLETE=complete_{shell}" in source


def ask_for_script(shell: str, folder: Path) -> str:
    done = subprocess.run(
        [str(ENTRY)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=variables(folder, _PERFBENCH_COMPLETE=f"source_{shell}"),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Bash itself -------------------------------------------------------------------------------------------------------------

BASH = shutil.which("bash")
with_bash = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@with_bash
def test_installed_script_is_sourced_by_bash(tmp_path: Path) -> None:
    code = (
        'PATH="$SCRIPTS:$PATH"; perfbench --install-completion && cat ~/.bashrc && . ~/.bashrc && complete -p perfbench'
    )
    done = subprocess.run(
        [str(BASH), "--norc", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**variables(tmp_path), "HOME": str(tmp_path), "SCRIPTS": str(SCRIPTS), "SHELL": str(BASH)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "complete -o default -F _perfbench_completion perfbench" in done.stdout
    assert (tmp_path / ".bash_completions" / "perfbench.sh").is_file()


@with_bash
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("perfbench doc\t", "perfbench doctor "),
        ("perfbench run vwap --mode list_\t", "perfbench run vwap --mode list_loop "),
        ("perfbench run --color=al\t", "perfbench run --color=always "),
        ("perfbench run --export=openm\t", "perfbench run --export=openmetrics="),
        ("perfbench run --data ./note\t", "perfbench run --data ./notes.txt "),
    ],
    ids=["command", "mode", "assigned", "format", "file"],
)
def test_tab_in_an_interactive_bash_completes_the_line(tmp_path: Path, typed: str, shown: str) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "script.sh").write_text(ask_for_script("bash", tmp_path))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [str(BASH), "--norc", "--noprofile", "-i"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=tmp_path,
        env={**variables(tmp_path), "PATH": f"{SCRIPTS}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(follower)
    try:
        os.write(leader, b"bind 'set bell-style none'; . ./script.sh; echo rea''dy\n")
        read_until(leader, "ready")
        os.write(leader, typed.encode())
        text = read_until(leader, shown)
        assert shown in text, text
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def read_until(leader: int, wanted: str, timeout: float = 60.0) -> str:
    """What the terminal showed up to this text, or until the time is over."""
    text, end = "", time.monotonic() + timeout
    while wanted not in text and time.monotonic() < end:
        if select.select([leader], [], [], 0.2)[0]:
            text += re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", os.read(leader, 4096).decode())
    return text
