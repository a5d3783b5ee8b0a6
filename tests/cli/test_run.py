"""``perfbench run`` through the real command line, with scenarios that report exact times or misbehave."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from support.command_line import HERE, QUICK, SCENARIOS, measured, one_line, perfbench, variables

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do this")


def rows(output: str) -> dict[str, str]:
    """Mode → its row, with runs of spaces made one."""
    found = {}
    for line in output.splitlines():
        words = line.removeprefix("!").split()
        if len(words) > 1 and re.fullmatch(r"[a-z_]+", words[0]) and re.search(r"\d[ms]?s\b|–", line):
            found[words[0]] = " ".join(words)
    return found


def saved(folder: Path, results: str = "results") -> dict[str, object]:
    (path,) = (folder / results).glob("*.json")
    document: dict[str, object] = json.loads(path.read_text())
    return document


# The table -----------------------------------------------------------------------------------------------------------


def test_constant_times_print_as_in_the_readme(tmp_path: Path) -> None:
    done = measured("known_times", "--rounds", "8", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "known_times · 44,687 updates · 8 rounds" in done.stdout
    assert "6.860s → 2.998s  2.3x ▲" in done.stdout
    assert "faster" in done.stdout.splitlines()[1]
    assert "2.29–2.29" in done.stdout
    assert rows(done.stdout)["after"].endswith("yes")


def test_a_comparison_of_too_few_pairs_has_no_interval_and_no_verdict(tmp_path: Path) -> None:
    done = measured("known_times", "--rounds", "2", folder=tmp_path)
    assert "6.860s → 2.998s  2.3x ?" in done.stdout
    assert "too few pairs for an interval, which takes 6 (after 2)" in done.stdout
    assert "2.29–2.29" not in done.stdout


def test_run_stops_when_every_interval_is_narrow_enough(tmp_path: Path) -> None:
    done = measured("known_times", "--max-time", "100", "--quiet", folder=tmp_path)
    assert done.returncode == 0
    assert "· 8 rounds" in done.stdout


def test_run_stops_at_its_time_limit_and_reports_the_interval_width(tmp_path: Path) -> None:
    done = measured("waits", "--max-time", "0.1", "--precision", "0.0001", "--quiet", folder=tmp_path)
    assert done.returncode == 0
    assert re.search(r"· [1-9] rounds?", done.stdout)


def test_chosen_columns_replace_or_extend_the_usual_ones(tmp_path: Path) -> None:
    few = measured("known_times", "--columns", "memory", folder=tmp_path)
    assert "peak memory" in few.stdout
    assert "interval" not in few.stdout.splitlines()[1]
    more = measured("known_times", "--columns", "+wall,startup,pairs,sigma,doc", folder=tmp_path)
    for head in ("95 % interval", "wall time (solo)", "startup CPU", "pairs", "σ per pair", "description"):
        assert head in more.stdout
    assert "The new way." in more.stdout
    wrong = measured("known_times", "--columns", "memry", folder=tmp_path)
    assert wrong.returncode == 2
    assert "did you mean `memory`?" in one_line(wrong.stderr)


@linux_only
@pytest.mark.real_workers  # a fork begins with the memory of the tests
def test_peak_memory_is_that_of_the_pass(tmp_path: Path) -> None:
    assert measured("allocates", "--rounds", "2", folder=tmp_path).returncode == 0
    peaks = {}
    for measurement in saved(tmp_path)["measurements"]:  # type: ignore[attr-defined]
        samples = measurement["samples"]
        found = [s["metrics"]["peak_rss_bytes"] for s in samples if s["kind"] == "memory"]
        assert len(found) == 3
        assert not any("peak_rss_bytes" in s["metrics"] for s in samples if s["kind"] == "duet")
        peaks[measurement["case"]["mode"]] = sorted(found)[1]
    assert peaks["little"] < 30_000_000
    assert peaks["much"] - peaks["little"] == pytest.approx(80_000_000, abs=5_000_000)


def test_waiting_scenario_is_measured_by_wall_time_in_sequential_pairs(tmp_path: Path) -> None:
    done = measured("waits", "--rounds", "8", folder=tmp_path)
    assert done.returncode == 0
    assert "wall seconds" in done.stdout
    assert "sequential pairs" in done.stdout
    assert "▲" in rows(done.stdout)["shorter"]


@linux_only
def test_a_scenario_that_waits_may_use_every_core(tmp_path: Path) -> None:
    assert measured("cores", "--rounds", "2", folder=tmp_path).returncode == 0
    samples = [s for m in saved(tmp_path)["measurements"] for s in m["samples"]]  # type: ignore[attr-defined]
    assert {sample["numbers"]["cores"] for sample in samples} == {len(os.sched_getaffinity(0))}


# Parameters ----------------------------------------------------------------------------------------------------------


def test_parameters_reach_modes_and_set_ups(tmp_path: Path) -> None:
    done = measured("parameters", "--set", "window=4", "--set", "cost=0.5", "--set", "extra=true", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "· 4 units" in done.stdout
    assert "3.000s → 0.500s  6.0x" in done.stdout


def test_a_sweep_makes_a_table_of_every_value(tmp_path: Path) -> None:
    done = measured("parameters", "--sweep", "window=2,30", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "parameters · 2 units · window 2 " in done.stdout
    assert "parameters · 30 units · window 30 " in done.stdout
    assert "30.000s → 7.500s  4.0x" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--set", "windw=4"), "no parameter `windw`; did you mean `window`?"),
        (("--set", "window=wide"), "window=wide: write a number like 10"),
        (("--set", "extra=perhaps"), "extra=perhaps: write true or false"),
        (("--set", "window"), "--set window: not an assignment\nhint: write NAME=VALUE"),
        (("--mode", "fsat"), "no mode `fsat`; did you mean `fast`?"),
        (("--export", "jsn=x"), "no format `jsn`\nhint: did you mean `json`?"),
        (("--export", "json"), "write json=FILE, or json=- for standard output"),
        (("--export", "json=nowhere/x.json"), "there is no folder nowhere"),
        (("--save", "a/b"), "--save must be a file name, not a path: a/b"),
        (("--scenarios", "nowhere"), "--scenarios nowhere: no such folder"),
        (("--data", "sample-event"), "--data sample-event: parameters replays no market file"),
        (("--accept", "order"), "no change `order`; there are none"),
        (
            ("known_times", "--mode", "fast"),
            "known_times has no mode `fast`\nhint: name one with --mode: after, before",
        ),
        (("known_times", "--mode", "fast", "--set", "known_times.cost=1"), "known_times has no mode `fast`"),
    ],
)
def test_invalid_argument_is_reported_in_one_line_with_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = measured("parameters", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert complaint in one_line(done.stderr)
    assert not (tmp_path / "results").exists()


def test_accepted_change_that_no_scenario_announces_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    done = measured("known_changes", "--accept", "ordre", folder=tmp_path)
    assert done.returncode == 2
    assert "no change `ordre`; did you mean `order`?" in one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "lost", "unknown"),
    [
        (("broken", "parameters", "--mode", "half"), "cannot load scenario broken: ", "no mode `half`"),
        (("broken", "--mode", "half"), "cannot load scenario broken: ", ""),
        (("broken", "parameters", "--set", "broken.rows=5"), "cannot load scenario broken: ", "`broken.rows`"),
        (("broken", "parameters", "--accept", "order"), "cannot load scenario broken: ", "no change `order`"),
        (("broken", "parameters", "--data", "sample-event"), "cannot load scenario broken: ", "no market file"),
        (("needs", "--mode", "engine", "--set", "rows=5"), "needs/engine in here: ", ""),
    ],
)
def test_unknown_name_that_may_belong_to_what_cannot_be_loaded_is_reported_with_the_reason(
    tmp_path: Path, arguments: tuple[str, ...], lost: str, unknown: str
) -> None:
    done = perfbench("run", *arguments, "--scenarios", SCENARIOS, *QUICK, folder=tmp_path)
    assert done.returncode == 5
    assert lost in one_line(done.stderr)
    assert unknown in done.stderr
    assert not (tmp_path / "results").exists()


def test_scenario_with_grouped_modes_only_asks_for_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "grouped.py").write_text(
        "from perfbench import mode\n\n@mode(group='engines')\ndef engine():\n    return 1\n"
    )
    done = perfbench("run", "known_times", "grouped.py", "--scenarios", SCENARIOS, *QUICK, folder=tmp_path)
    assert done.returncode == 2
    assert "grouped has no mode outside a group\nhint: name one with --mode: engine, engines" in one_line(done.stderr)


def test_two_scenario_files_of_one_name_are_refused_and_one_named_twice_is_measured_once(tmp_path: Path) -> None:
    same = SCENARIOS / "known_times.py"
    once = perfbench("run", "known_times", same, "--scenarios", SCENARIOS, *QUICK, folder=tmp_path)
    assert (once.returncode, once.stdout.count("known_times · ")) == (0, 1)
    (tmp_path / "known_times.py").write_text(same.read_text().replace("6.860", "3.430"))
    done = perfbench("run", "known_times", "known_times.py", "--scenarios", SCENARIOS, *QUICK, folder=tmp_path)
    assert done.returncode == 2
    assert "two scenarios are named known_times: " in one_line(done.stderr)


def test_run_measures_chosen_modes_only(tmp_path: Path) -> None:
    done = measured("parameters", "--mode", "fast", folder=tmp_path)
    assert done.returncode == 0
    assert set(rows(done.stdout)) == {"fast"}


# Scenarios that misbehave --------------------------------------------------------------------------------------------


def test_scenario_that_prints_or_reads_does_not_break_the_protocol(tmp_path: Path) -> None:
    done = measured("prints", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1.000s → 0.500s  2.0x" in done.stdout
    assert "a child" not in done.stdout


def test_a_mode_that_crashes_is_named_and_the_others_are_measured(tmp_path: Path) -> None:
    done = measured("crashes", folder=tmp_path)
    assert done.returncode == 5
    assert "1.000s → 0.500s  2.0x" in rows(done.stdout)["also_sound"].replace(" 2.0x", "  2.0x")
    assert "! raises: ValueError: no such price at scenarios/crashes.py:16 (check pass)" in done.stdout
    assert "! dies: the worker was killed by SIGSEGV before it was done (check pass)" in done.stdout
    assert "not everything was measured" in one_line(done.stderr)
    failures = {m["case"]["mode"]: m["failures"] for m in saved(tmp_path)["measurements"]}  # type: ignore[attr-defined]
    assert "Traceback" in failures["raises"][0]["detail"]


def test_mode_whose_baseline_is_missing_has_seconds_and_no_ratio(tmp_path: Path) -> None:
    done = measured("baseline_crashes", folder=tmp_path)
    assert done.returncode == 5
    assert "! broken: ValueError: the baseline fails" in done.stdout
    assert "0.500s" in rows(done.stdout)["sound"]
    assert "→" not in done.stdout


def test_a_mode_that_hangs_is_ended_after_its_time(tmp_path: Path) -> None:
    done = measured("hangs", "--timeout", "0.8", folder=tmp_path)
    assert done.returncode == 5
    assert "! sleeps: timed out after 8 s (raise the limit with --timeout)" in done.stdout
    assert "1.000s" in rows(done.stdout)["sound"]


def test_a_mode_that_ends_the_process_has_failed_even_with_code_0(tmp_path: Path) -> None:
    done = measured("exits", folder=tmp_path)
    assert done.returncode == 5
    assert "! leaves: the scenario called sys.exit(3) at scenarios/exits.py:" in done.stdout
    assert "! vanishes: the worker ended with code 7 before it was done" in done.stdout
    assert "! vanishes_well: the worker ended with code 0 before it was done" in done.stdout


def test_a_mode_that_does_less_is_refused(tmp_path: Path) -> None:
    done = measured("unequal_work", folder=tmp_path)
    assert done.returncode == 6
    assert "! less differs at update 91, amount of work: 100 units → 90 units" in done.stdout
    assert "→ 0.500s" not in done.stdout
    assert "not every mode gives the same output" in one_line(done.stderr)


def test_a_mode_that_does_less_only_when_it_is_timed_is_refused_too(tmp_path: Path) -> None:
    done = measured("less_when_timed", folder=tmp_path)
    assert done.returncode == 6
    assert "lazy did " in done.stdout
    assert "→ 0.500s" not in done.stdout


def test_first_differing_field_is_named_and_the_run_exits_with_6(tmp_path: Path) -> None:
    done = measured("other_output", folder=tmp_path)
    assert done.returncode == 6
    assert "! wrong differs at update 2,501, runners[1].price: 3.5 → 3.55" in done.stdout
    table = rows(done.stdout)
    assert table["wrong"].endswith("no")
    assert table["same"].endswith("yes")


def test_set_ups_that_fail_are_failures_of_their_mode(tmp_path: Path) -> None:
    done = measured("setup_fails", folder=tmp_path)
    assert done.returncode == 5
    assert "! with_server: ConnectionError: the server does not answer" in done.stdout
    assert "! with_bad_end: ConnectionError: the server cannot be closed" in done.stdout


def test_invalid_result_of_a_mode_is_refused(tmp_path: Path) -> None:
    done = measured("bad_results", folder=tmp_path)
    assert done.returncode in (5, 6)
    for complaint in (
        "nothing: a mode must return its amount of work",
        "negative: a mode must return its amount of work",
        "timeless: Work(seconds=0.0): the seconds must be positive",
        "not_a_number: Work(connections=nan): a reported number must be finite",
    ):
        assert f"! {complaint}" in done.stdout
    assert "! idle differs at update 1, amount of work: 10 units → 0 units" in done.stdout


@linux_only
def test_children_of_a_scenario_end_with_their_trial(tmp_path: Path) -> None:
    done = measured("leaks_children", folder=tmp_path)
    assert done.returncode == 0
    children = (tmp_path / "tmp" / "children").read_text().split()
    assert len(children) >= 3
    assert not [child for child in children if _alive(int(child))]


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("scenario", "complaint"),
    [
        ("broken", "cannot load scenario broken: "),
        ("exits_at_import", "the scenario called sys.exit(0)"),
        ("no_modes", "has no mode: mark at least one function with @mode"),
        ("two_baselines", "has more than one mode with baseline=True"),
        ("unknown_setup", "`wants` takes `server`, which is not a @setup of this file"),
    ],
)
def test_scenario_file_that_cannot_be_loaded_is_one_line_and_code_5(
    tmp_path: Path, scenario: str, complaint: str
) -> None:
    done = measured(scenario, folder=tmp_path)
    assert done.returncode == 5
    line = one_line(done.stderr)
    assert complaint in line
    assert line.endswith(f"({SCENARIOS / scenario}.py)")
    assert not done.stdout


def test_sound_scenario_is_measured_beside_a_broken_scenario(tmp_path: Path) -> None:
    done = perfbench("run", "broken", "known_times", "--scenarios", SCENARIOS, *QUICK, folder=tmp_path)
    assert done.returncode == 5
    assert "6.860s → 2.998s  2.3x" in done.stdout
    assert "! cannot load scenario broken: " in done.stdout


def test_unknown_scenario_exits_with_2_and_a_suggestion(tmp_path: Path) -> None:
    done = measured("known_tmes", folder=tmp_path)
    assert done.returncode == 2
    assert "no scenario `known_tmes`; did you mean `known_times`?" in one_line(done.stderr)


def test_a_mode_that_needs_a_missing_package_is_left_out_until_it_is_named(tmp_path: Path) -> None:
    unnamed = measured("needs", folder=tmp_path)
    assert unnamed.returncode == 0
    assert set(rows(unnamed.stdout)) == {"plain"}
    named = measured("needs", "--mode", "engine", "--mode", "plain", folder=tmp_path)
    assert named.returncode == 5
    assert "! needs/engine in here: " in named.stdout
    assert set(rows(named.stdout)) == {"plain"}


def test_a_users_own_scenario_finds_the_helper_beside_it(tmp_path: Path) -> None:
    by_name = perfbench("run", "mine", "--scenarios", HERE / "data" / "helper_scenarios", *QUICK, folder=tmp_path)
    assert "mine · 12 units" in by_name.stdout
    by_file = perfbench("run", HERE / "data" / "helper_scenarios" / "mine.py", *QUICK, folder=tmp_path)
    assert "mine · 12 units" in by_file.stdout
    assert by_file.returncode == by_name.returncode == 0


# How trials are carried out ------------------------------------------------------------------------------------------


def passes(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "tmp" / "passes").read_text().splitlines()]


def test_each_pass_is_a_process_with_a_clean_environment(tmp_path: Path) -> None:
    done = measured("counts_passes", "--rounds", "5", folder=tmp_path, env={"SECRET": "x", "PYTHONPATH": "/nowhere"})
    assert done.returncode == 0, done.stderr
    found = passes(tmp_path)
    # one check pass, three for memory, five duets; none alone, for its modes time themselves
    assert Counter(entry["mode"] for entry in found) == {"one": 9, "two": 9}
    for entry in found:
        assert not {"SECRET", "PYTHONPATH"} & set(entry["variables"])  # type: ignore[call-overload]
        assert entry["user_site"] == 1
        assert str(HERE.parent / "perfbench" / "worker") not in entry["path"]  # type: ignore[operator]


def test_hash_seed_is_the_same_within_a_pair_and_differs_between_pairs(tmp_path: Path) -> None:
    measured("counts_passes", "--rounds", "6", folder=tmp_path)
    duets = [entry["seed"] for entry in passes(tmp_path)[2 + 6 :]]
    assert len(duets) == 12
    assert all(duets[pair] == duets[pair + 1] for pair in range(0, 12, 2))
    assert len(set(duets)) == 6


@linux_only
def test_sides_of_a_pair_are_pinned_to_the_same_core(tmp_path: Path) -> None:
    measured("counts_passes", "--rounds", "2", folder=tmp_path)
    cores = [entry["core"] for entry in passes(tmp_path)[2:]]
    assert all(core == cores[0] for core in cores)
    assert isinstance(cores[0], list)
    assert len(cores[0]) == 1


@linux_only
def test_a_short_pass_is_repeated_in_fresh_processes_beside_a_long_one(tmp_path: Path) -> None:
    done = measured("burns", "--rounds", "6", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "pairs interleaved on one core" in done.stdout
    pairs: dict[str, Counter[str]] = {}
    for measurement in saved(tmp_path)["measurements"]:  # type: ignore[attr-defined]
        for sample in measurement["samples"]:
            if sample["kind"] == "duet":
                pairs.setdefault(sample["pair"], Counter())[measurement["case"]["mode"]] += 1
    assert len(pairs) == 6
    assert all(counted["heavy"] == 1 and counted["light"] >= 2 for counted in pairs.values())


def test_pairs_start_in_random_order(tmp_path: Path) -> None:
    measured("counts_passes", "--rounds", "12", folder=tmp_path)
    orders = {
        (sample["pair"], sample["order"])
        for measurement in saved(tmp_path)["measurements"]  # type: ignore[attr-defined]
        for sample in measurement["samples"]
        if sample["kind"] == "duet" and measurement["case"]["mode"] == "one"
    }
    assert {order for _, order in orders} == {0, 1}


@linux_only
def test_live_table_on_a_terminal_shows_current_case_and_time_left(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "perfbench", "run", "waits", "--scenarios", str(SCENARIOS), "--rounds", "4"]
    environment = variables(tmp_path, TERM="xterm", COLUMNS="120")
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=end, text=True)
    os.close(end)
    shown = ""
    with suppress(OSError):  # the end of a pseudo-terminal
        while part := os.read(terminal, 1000):
            shown += part.decode(errors="replace")
    output, _ = process.communicate()
    os.close(terminal)
    assert process.returncode == 0
    assert "check passes: is the output the same?" in shown
    assert re.search(r"round 4: \w+ \+ \w+ · 3 rounds · \d+ s left · Ctrl-C keeps what is there", shown)
    assert "%" not in output.splitlines()[2]


# Interrupted runs ----------------------------------------------------------------------------------------------------


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return called(folder, "run", "waits", "--scenarios", str(SCENARIOS), *arguments)


def called(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "perfbench", *arguments],
        cwd=folder,
        env=variables(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell ignores it in background jobs
    )


def wait_for_lines(folder: Path, lines: int, results: str = "results") -> Path:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for journal in (folder / results).glob("*.journal"):
            if journal.read_bytes().count(b"\n") >= lines:
                return journal
        time.sleep(0.02)
    raise AssertionError("no journal")


@pytest.mark.essential
@pytest.mark.parametrize(
    ("number", "results", "hint"),
    [
        (signal.SIGINT, "results", "hint: perfbench run --resume goes on where it stopped"),
        (signal.SIGTERM, "my runs", "hint: perfbench run --resume --results 'my runs' goes on where it stopped"),
    ],
)
def test_interrupted_run_shows_finished_measurements_and_can_be_resumed(
    tmp_path: Path, number: signal.Signals, results: str, hint: str
) -> None:
    process = started(tmp_path, "--rounds", "40", "--results", results)
    journal = wait_for_lines(tmp_path, 18, results)
    process.send_signal(number)
    output, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "this run is not finished" in output
    assert hint in one_line("\n".join(complaint.splitlines()[-2:]))
    finished = journal.read_bytes().splitlines()
    done = perfbench("run", "--resume", "--quiet", "--results", results, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "· 40 rounds" in done.stdout
    document = saved(tmp_path, results)
    assert document["finished"] is True
    kept = [s for m in document["measurements"] for s in m["samples"]]  # type: ignore[attr-defined]
    for line in finished[1:]:
        result = json.loads(line)
        if result["sample"] is not None:
            assert result["sample"] in kept
    assert not list((tmp_path / results).glob("*.journal"))


def test_resume_passes_over_a_gate_that_was_interrupted_later(tmp_path: Path) -> None:
    process = started(tmp_path, "--rounds", "3", "--save", "mine")
    journal = wait_for_lines(tmp_path, 5)
    process.kill()
    process.communicate()
    outline = json.loads(journal.read_bytes().splitlines()[0])
    outline["settings"]["gate"] = {}
    gate = journal.with_name("gate.journal")
    gate.write_text(json.dumps(outline) + "\n")
    os.utime(gate, (time.time() + 60, time.time() + 60))
    done = perfbench("run", "--resume", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "mine.json").is_file()
    assert gate.is_file()
    nothing = perfbench("run", "--resume", "--quiet", folder=tmp_path)
    assert nothing.returncode == 5
    assert "results holds no interrupted run to resume, only gates: gate.journal" in one_line(nothing.stderr)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "waiting.py"), "perfbench: interrupted; nothing was measured yet\n"),
        (
            ("gate", "--before", "here", "--scenario", "waiting.py"),
            "perfbench: interrupted; nothing was measured yet\n",
        ),
        (("profile", "waiting.py"), "perfbench: interrupted; nothing was measured yet\n"),
        (("calibrate", "--env", "here", "--scenario", "waiting.py"), "perfbench: interrupted\n"),
    ],
)
def test_interrupt_before_the_first_trial_is_reported(tmp_path: Path, command: tuple[str, ...], said: str) -> None:
    (tmp_path / "waiting.py").write_text(
        f"import pathlib, time\nfrom perfbench import mode\n\npathlib.Path({str(tmp_path / 'loading')!r}).touch()\n"
        "time.sleep(60)\n\n@mode\ndef nothing():\n    return 1\n"
    )
    process = called(tmp_path, *command)
    end = time.monotonic() + 60
    while not (tmp_path / "loading").exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, complaint = process.communicate(timeout=30)
    assert (process.returncode, output, complaint) == (130, "", said)


def test_resume_fails_when_no_run_was_interrupted(tmp_path: Path) -> None:
    done = perfbench("run", "--resume", folder=tmp_path)
    assert done.returncode == 5
    assert "holds no interrupted run to resume" in one_line(done.stderr)


def test_run_is_not_resumed_with_a_modified_scenario(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = (SCENARIOS / "waits.py").read_text()
    (own / "changing.py").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "run", "changing", "--scenarios", str(own), "--rounds", "50", "--quiet"],
        cwd=tmp_path,
        env=variables(tmp_path),
        stderr=subprocess.DEVNULL,
    )
    wait_for_lines(tmp_path, 5)
    process.kill()
    process.wait()
    (own / "changing.py").write_text(text + "\n# another\n")
    done = perfbench("run", "--resume", folder=tmp_path)
    assert done.returncode == 5
    assert "scenario changing is not what it was when the run began\nhint: start a new run" in one_line(done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a folder")
def test_export_that_cannot_be_written_is_refused_before_measuring(tmp_path: Path) -> None:
    options = ("--scenarios", SCENARIOS, "--rounds", "1", "--save", "kept", "--export", "csv=/proc/no-such-process.csv")
    done = perfbench("run", "known_times", *options, folder=tmp_path)
    assert done.returncode == 2
    assert "csv=/proc/no-such-process.csv: no file can be written in /proc (" in one_line(done.stderr)
    assert done.stderr.endswith("\nhint: name another file\n")
    assert not (tmp_path / "results").exists()


def test_saved_run_is_not_overwritten_by_a_run_of_the_same_name(tmp_path: Path) -> None:
    assert measured("known_times", "--save", "first", folder=tmp_path).returncode == 0
    before = (tmp_path / "results" / "first.json").read_bytes()
    again = measured("known_times", "--save", "first", folder=tmp_path)
    assert again.returncode == 2
    assert "already exists\nhint: choose a different --save name" in one_line(again.stderr)
    assert (tmp_path / "results" / "first.json").read_bytes() == before


# What is kept --------------------------------------------------------------------------------------------------------


def test_saved_run_contains_no_folders_or_variables_of_the_machine(tmp_path: Path) -> None:
    env = {"PERFBENCH_SECRET": "of-the-shell"}
    options = ("--mode", "lightweight", *QUICK, "--data", "sample-event")
    assert perfbench("run", *options, folder=tmp_path, env=env).returncode == 0
    (path,) = (tmp_path / "results").glob("*.json")
    text = path.read_text()
    assert "of-the-shell" not in text
    assert str(Path(sys.prefix)) not in text
    assert os.path.expanduser("~") not in text
    assert str(HERE.parent) not in text
