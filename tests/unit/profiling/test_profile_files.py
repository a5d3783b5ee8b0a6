"""What a profile is saved as: sums hold, and every file is taken by the program that it is for.

speedscope, which is a web application, is represented by its file format in ``schemas`` and by its rule that frames are closed in
the order in which they were opened; flamegraph.pl by the pattern with which it reads a line.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from pyinstrument.session import Session
from support.browser import Browser
from support.command_line import HERE, variables
from support.profiles import HOSTILE, large, profile

from perfbench.errors import StorageProblem
from perfbench.profiling.model import Profile
from perfbench.report.profiles import files
from perfbench.report.profiles.files import format_collapsed, format_speedscope, render_html
from perfbench.report.profiles.pyinstrument_session import build_session, fold_recursions, render_tree

SCHEMA = json.loads((HERE / "data" / "schemas" / "speedscope.json").read_text(encoding="utf-8"))
COLLAPSED = re.compile(r"^(.*)\s+?(\d+(?:\.\d*)?)$")
"""How flamegraph.pl takes a line apart."""

UPDATE, CALLED, LOADS, RAW = (
    "lib/cache.py:Book.update",
    "lib/cache.py:Level.add",
    "json/__init__.py:loads",
    "json/d.py:raw",
)
KINDS = {"json/": "standard"}
SMALL = profile(
    {UPDATE: 1.0, f"{UPDATE} > {CALLED}": 2.0, f"{UPDATE} > {LOADS} > {RAW} > {RAW}x": 1.0},
    {UPDATE: 3.0, f"{UPDATE} > {CALLED}": 1.0},
    unprofiled=(2.0, 1.9, 2.4),
    kinds=KINDS,
)
PROFILES = {
    "small": SMALL,
    "large": large(),
    "several roots": profile({"a.py:one": 1.0, "b.py:two > b.py:three": 0.3}),
    "hostile": profile(
        {f"{HOSTILE};x y.py:{HOSTILE} ; \x1b[31m\x00\x01\n > a.py:f": 1.0}, data=HOSTILE, environment=HOSTILE
    ),
    "deep": profile({" > ".join(f"lib/a.py:f{n % 7}" for n in range(900)): 1.0}),
    "no path": profile({"{built-in method len}": 1.0}, kinds={"{": "built-in"}),
}


@pytest.fixture(params=PROFILES)
def made(request: pytest.FixtureRequest) -> Profile:
    """One profile after the other."""
    return PROFILES[request.param]


def test_all_stacks_together_take_the_median_pass_without_the_profiler() -> None:
    assert SMALL.seconds == 2.0
    assert {stack.frames: stack.seconds for stack in SMALL.pool_stacks()} == pytest.approx(
        {(0,): 1.0, (0, 1): 0.75, (0, 2, 3, 4): 0.25}
    )


def test_the_root_of_the_session_takes_the_seconds_of_a_pass(made: Profile) -> None:
    found = build_session(made)
    root = found.root_frame()
    assert root is not None
    assert root.time == pytest.approx(made.seconds)
    assert found.duration == found.cpu_time == made.seconds
    assert made.case.data.isprintable()
    assert found.target_description.startswith(made.case.id)


def test_pyinstrument_takes_the_library_for_application_code_and_not_the_standard_library() -> None:
    root = build_session(SMALL).root_frame()
    assert root is not None
    shown = {frame.function: frame.is_application_code for frame in (root, *root.children)}
    assert shown == {"Book.update": True, "[self]": False, "Level.add": True, "loads": False}
    assert root.code_position_short() == "lib/cache.py:10"


def test_a_file_of_the_library_is_shown_though_the_standard_library_has_one_of_that_name() -> None:
    both = profile({"lib.py:f > json/a.py:g": 1.0}, kinds={"lib.py": "standard"})
    more = replace(both, functions=(*both.functions, replace(both.functions[1], key="lib.py.py:h")))
    assert build_session(both).sys_prefixes == ["lib.py"]
    assert build_session(more).sys_prefixes == []


def test_the_tree_has_seconds_and_shares_and_folds_the_standard_library() -> None:
    assert render_tree(SMALL, width=80, color=False) == (
        "2.000 100.0% Book.update  lib/cache.py:10\n"
        "├─ 1.000 50.0% [self]  lib/cache.py\n"
        "├─ 0.750 37.5% Level.add  lib/cache.py:11\n"
        "└─ 0.250 12.5% loads  json/__init__.py:12\n"
        "      [2 frames hidden]  json\n"
    )


def test_the_tree_keeps_to_its_width_and_threshold() -> None:
    lines = render_tree(large(), width=60, color=False, threshold=0.1).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) < len(render_tree(large(), width=60, color=False, threshold=0.01).splitlines())
    assert all(float(line.split("%")[0].split()[-1]) >= 10 for line in lines if "%" in line)


def test_tree_shows_a_recursion_as_one_line_and_says_how_deep_it_is() -> None:
    down = " > ".join(["a.py:run", *["a.py:down"] * 300])
    text = render_tree(profile({down: 1.0, f"{down} > a.py:end": 3.0}, unprofiled=(4.0,)), width=80, color=False)
    assert text == (
        "4.000 100.0% run  a.py:10\n"
        "└─ 4.000 100.0% down  a.py:11\n"
        "   ├─ 3.000 75.0% end  a.py:12\n"
        "   └─ 1.000 25.0% [self]  a.py\n"
        "  a.py:down calls itself: up to 300 calls inside each other are one line\n"
    )


def test_recursion_of_several_functions_is_folded_and_its_seconds_stay() -> None:
    made = profile({" > ".join(["a.py:even", "a.py:odd"] * 200): 1.0, "a.py:even > a.py:once": 1.0}, unprofiled=(2.0,))
    stacks, often = fold_recursions(made.pool_stacks())
    assert set(often.values()) == {200}
    assert max(len(stack.frames) for stack in stacks) == 2
    assert sum(stack.seconds for stack in stacks) == pytest.approx(2.0)


def test_call_that_repeats_a_few_times_is_not_folded() -> None:
    made = profile({" > ".join(["a.py:down"] * 4): 1.0})
    assert fold_recursions(made.pool_stacks()) == (made.pool_stacks(), {})


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tree_of_a_deep_stack_ends_where_its_lines_still_show_a_name(width: int) -> None:
    deep = " > ".join(f"a.py:call_{number}" for number in range(400))
    text = render_tree(profile({deep: 1.0}), width=width, color=False)
    tree, _, note = text.partition("\n  deeper than ")
    lines = tree.splitlines()
    assert 8 <= len(lines) <= 60
    assert all("call_" in line or "[self]" in line for line in lines if len(line) < width)
    assert not any(line.strip() == "…" for line in lines)
    if width == 200:
        assert note == "50 calls: 100.0% of the pass, which count for the last call shown\n"


def test_tree_of_many_branches_has_a_limited_number_of_lines() -> None:
    made = profile({f"a.py:root > a.py:call_{number}": 1.0 for number in range(500)})
    text = render_tree(made, width=80, color=False, threshold=0.0)
    assert len(text.splitlines()) == 201
    assert text.endswith("  301 more lines are in the saved files\n")


def test_tree_has_colors_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.setenv(variable, "1")
        assert "\x1b[31m2.000\x1b[0m" in render_tree(SMALL, width=80, color=True)
        assert "\x1b" not in render_tree(SMALL, width=80, color=False)


def test_no_name_commands_the_terminal() -> None:
    text = render_tree(PROFILES["hostile"], width=200, color=False)
    assert HOSTILE in text
    assert not set(text) & {"\x1b", "\x00", "\x01"}


def test_a_profile_without_whole_stacks_gives_no_files(tmp_path: Path) -> None:
    one = SMALL.passes[0]
    none = replace(SMALL, passes=(replace(one, stacks=()),))
    halves = replace(SMALL, passes=(replace(one, inclusive=tuple(1.0 for _ in SMALL.functions)),))
    for lacking in (none, halves):
        assert files.write_profile_files(lacking, tmp_path / "folder", "stem") == ()
        assert render_tree(lacking, width=80, color=False) == ""
    assert not (tmp_path / "folder").exists()


def test_four_files_are_written(tmp_path: Path) -> None:
    paths = files.write_profile_files(SMALL, tmp_path / "new", "stem")
    assert [path.name for path in paths] == [
        "stem.pyisession",
        "stem.speedscope.json",
        "stem.collapsed.txt",
        "stem.html",
    ]
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StorageProblem, match="cannot be written"):
        files.write_profile_files(SMALL, tmp_path / "taken", "stem")


def test_pyinstrument_loads_what_was_saved(made: Profile, tmp_path: Path) -> None:
    path = files.write_profile_files(made, tmp_path, "stem")[0]
    loaded = Session.load(path)
    saved = build_session(made, recorded=loaded.start_time)
    assert loaded.to_json() == json.loads(json.dumps(saved.to_json()))
    assert loaded.start_time > 1e9


@pytest.mark.parametrize("renderer", ["text", "html", "json", "speedscope", "pstats"])
def test_the_command_line_of_pyinstrument_shows_what_was_saved(renderer: str, tmp_path: Path) -> None:
    path = files.write_profile_files(SMALL, tmp_path, "stem")[0]
    command = [sys.executable, "-m", "pyinstrument", "--load", str(path), "-r", renderer, "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=variables(tmp_path))
    assert done.returncode == 0, done.stderr
    assert b"Level.add" in (tmp_path / "out").read_bytes()


def test_speedscope_takes_its_file(made: Profile) -> None:
    document = json.loads(format_speedscope(build_session(made)))
    jsonschema.validate(document, SCHEMA)
    (found,) = document["profiles"]
    assert document["name"] == found["name"] == build_session(made).target_description
    assert found["endValue"] == made.seconds
    opened: list[int] = []
    last = 0.0
    for event in found["events"]:
        assert event["at"] >= last
        last = event["at"]
        if event["type"] == "O":
            opened.append(event["frame"])
        else:
            assert opened.pop() == event["frame"]
    assert not opened
    assert last == pytest.approx(made.seconds)
    assert "[self]" not in {frame["name"] for frame in document["shared"]["frames"]}


def test_speedscope_keeps_small_frames_and_the_own_time_of_large_ones() -> None:
    rare = profile({"a.py:often": 999.0, "a.py:often > a.py:rarely": 1.0})
    document = json.loads(format_speedscope(build_session(rare)))
    names = [frame["name"] for frame in document["shared"]["frames"]]
    times = {(event["type"], names[event["frame"]]): event["at"] for event in document["profiles"][0]["events"]}
    assert times["C", "rarely"] - times["O", "rarely"] == pytest.approx(0.002)
    assert times["C", "often"] - times["O", "often"] == pytest.approx(2.0)


def test_collapsed_stacks_are_read_by_flamegraph_pl_and_sum_to_a_pass(made: Profile) -> None:
    counts: Counter[str] = Counter()
    for line in format_collapsed(made).splitlines():
        found = COLLAPSED.match(line)
        assert found is not None, line
        counts[found[1]] += int(found[2])
    assert abs(counts.total() - made.seconds * 1e6) <= 1
    depths = {stack.count(";") + 1 for stack in counts}
    assert depths <= {len(stack.frames) for stack in made.pool_stacks()}
    assert not any(" " in stack for stack in counts)


def test_collapsed_stacks_name_frames_by_their_keys() -> None:
    assert format_collapsed(SMALL).splitlines()[:2] == [f"{UPDATE} 1000000", f"{UPDATE};{CALLED} 750000"]
    assert format_collapsed(profile({"my file.py:a;b > x.py:c": 1.0})) == "my_file.py:a,b;x.py:c 2000000\n"


def test_the_page_fetches_nothing_and_keeps_foreign_names_in_their_place(made: Profile) -> None:
    html = render_html(build_session(made))
    assert "googleapis" not in html
    assert html.count("default-src 'none'") == 1
    assert html.count("<script>") == html.count("</script>") == 2
    assert "<img" not in html
    assert set(re.findall(r"https?://[\w.]+", html)) <= {"http://www.w3.org"}


def test_the_page_runs_in_a_browser(made: Profile, tmp_path: Path) -> None:
    path = files.write_profile_files(made, tmp_path, "stem")[3]
    with Browser(tmp_path) as browser:
        browser.open(path)
        text = browser.run("document.body.innerText")
        browser.run("document.querySelectorAll('input[type=radio]')[1].click()")
        browser.point(600, 300, click=True)
        browser.run("new Promise((done) => setTimeout(() => done(0), 200))")
        assert browser.run("document.querySelectorAll('img, script[src]').length") == 0
        assert browser.errors == []
        assert [url for url in browser.requests if not url.startswith("data:")] == [path.as_uri()]
    assert f"{made.seconds:.3f}" in text
    assert build_session(made).target_description in text
