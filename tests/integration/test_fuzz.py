"""The fuzzer: inputs that once failed, a short run of each target, and what it makes of faults, hangs and crashes."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz import __main__ as command
from fuzz import campaign
from fuzz.campaign import run_campaign
from fuzz.minimise import minimise
from fuzz.targets import CORPUS, TARGETS, Target, list_corpus, load_target

TESTS = Path(__file__).resolve().parents[1]
FILES = [path for name in TARGETS for path in list_corpus(name)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_input_that_once_failed_has_the_outcome_of_its_suffix(path: Path) -> None:
    outcome = load_target(path.parent.name).check(path.read_bytes())
    assert outcome.replace("/", "-").replace(" ", "-") == path.suffix[1:]


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_are_the_same_for_the_same_seed(name: str) -> None:
    generate = load_target(name).generate
    first = list(generate(7, 12))
    assert first == list(generate(7, 12))
    assert first != list(generate(8, 12))


@pytest.mark.stress
@pytest.mark.parametrize("name", TARGETS)
def test_short_run_of_a_target_finds_nothing(name: str, tmp_path: Path) -> None:
    summary = command.run_apart(load_target, name, tmp_path, seed=1, seconds=120.0, inputs=300)
    assert not summary.failures, summary.failures
    assert summary.inputs > 20
    assert not summary.has_failed


def generate_texts(seed: int, count: int) -> Iterator[bytes]:
    """Texts with a number; every seventh has the word that fails."""
    for number in range(count):
        yield b"%d some text%s and more of it" % (seed + number, b" BAD" if number % 7 == 3 else b"")


def refuse_bad(data: bytes) -> str:
    assert b"BAD" not in data, "it is bad"
    return "0"


def load_bad(name: str) -> Target:
    return Target(name, generate_texts, refuse_bad)


def test_campaign_counts_inputs_of_a_fault_and_keeps_the_smallest(tmp_path: Path) -> None:
    summary = run_campaign(load_bad("texts"), tmp_path, seed=1, seconds=60.0, inputs=21)
    (failure,) = summary.failures.values()
    assert (summary.inputs, summary.outcomes, failure.count) == (21, {"0": 18, "failure": 3}, 3)
    assert failure.path.read_bytes() == b"BAD"
    assert failure.cause.startswith("AssertionError at test_fuzz.py:")
    assert summary.has_failed


def test_campaign_whose_generator_fails_reports_it_with_what_was_checked(tmp_path: Path) -> None:
    def generate(seed: int, count: int) -> Iterator[bytes]:
        yield from generate_texts(seed, 3)
        raise ValueError("no more")

    summary = run_campaign(Target("texts", generate, lambda _data: "0"), tmp_path, seed=1, seconds=60.0, inputs=50)
    assert summary.inputs == 3
    (cause,) = summary.failures
    assert cause.startswith("the generator failed: ValueError at test_fuzz.py:")


def test_campaign_ends_an_input_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(data: bytes) -> str:
        while b"BAD" in data:
            try:
                time.sleep(60)
            except Exception:
                continue
        return "0"

    monkeypatch.setattr(campaign, "HANG_SECONDS", 0.05)
    summary = run_campaign(Target("waits", generate_texts, wait), tmp_path, seed=1, seconds=60.0, inputs=7)
    assert summary.outcomes == {"0": 6, "hang": 1}
    assert [failure.cause for failure in summary.failures.values()] == ["hang (> 0.05 s)"]


def test_campaign_notices_growth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[mmap.mmap] = []

    def keep(data: bytes) -> str:
        pages = mmap.mmap(-1, 1 << 16)  # no bytes object: a test before this one may have left free heap to put it in
        pages.write(os.urandom(1 << 16))
        kept.append(pages)
        return "0"

    monkeypatch.setattr(campaign, "GROWTH_LIMIT_BYTES", 8 << 20)
    summary = run_campaign(Target("keeps", generate_texts, keep), tmp_path, seed=1, seconds=60.0, inputs=600)
    assert not summary.failures
    assert summary.growth_bytes > 8 << 20
    assert summary.has_failed


def test_target_whose_process_dies_is_reported_with_its_input(tmp_path: Path) -> None:
    def die(data: bytes) -> str:
        if b"BAD" in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return "0"

    summary = command.run_apart(lambda name: Target(name, generate_texts, die), "dies", tmp_path, 1, 60.0, 50)
    (failure,) = summary.failures.values()
    assert failure.cause == "the process ended with exit code -9"
    assert failure.path.read_bytes() == b"4 some text BAD and more of it"


def test_target_that_never_ends_is_reported_with_its_input(tmp_path: Path) -> None:
    def block(data: bytes) -> str:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)
        return "0"

    target = Target("blocks", generate_texts, block)
    summary = command.run_apart(lambda _name: target, "blocks", tmp_path, 1, 0.1, 50, patience=0.5)
    (failure,) = summary.failures.values()
    assert failure.cause == "hang that nothing in its process ended (> 0.5 s)"
    assert failure.path.read_bytes() == b"1 some text and more of it"


def test_input_that_does_not_fail_again_stays_as_it_is() -> None:
    assert minimise(b"some text", lambda _data: False) == b"some text"


def test_command_reports_a_fault_with_the_line_that_reproduces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "load_target", load_bad)
    code = command.main(["specs", "--inputs", "10", "--seed", "1", "--folder", str(tmp_path)])
    output = capfd.readouterr().out
    assert code == 1
    (path,) = (tmp_path / "specs").iterdir()
    assert f"python -m fuzz specs --input {path}" in output
    assert command.main(["specs", "--input", str(path), "--folder", str(tmp_path)]) == 1


def test_command_ends_with_0_when_nothing_fails(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fuzz", "specs", "--inputs", "20", "--folder", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "FUZZ_SEED": "5"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "seed 5, " in done.stdout
    assert "specs: 20 inputs, 0 faults" in done.stdout
    assert not list(tmp_path.iterdir())


def test_unknown_target_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        command.main(["nosuch"])
    assert error.value.code == 2
    assert "unknown target nosuch: one of market_files, archives" in capsys.readouterr().err
