"""The differential flame graph: its sums, what its page may hold, and the page itself in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from support.browser import Browser
from support.profiles import HOSTILE, large, profile

from perfbench.profiling.model import Profile
from perfbench.report.profiles import flamegraph

ROOT = Path(__file__).resolve().parents[3]
TOP, SHARED = "lib/a.py:top", "lib/a.py:shared"
BEFORE = profile({TOP: 1.0, f"{TOP} > {SHARED}": 2.0, f"{TOP} > lib/a.py:old": 1.0}, unprofiled=(4.0,))
AFTER = profile(
    {f"{TOP} > lib/b.py:new": 1.0, f"{TOP} > {SHARED}": 1.0},
    unprofiled=(3.0,),
    environment="betfairlightweight==2.12.0",
)


def data(before: Profile, after: Profile, changes: Mapping[str, float] | None = None) -> dict[str, Any]:
    """What the page draws."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', flamegraph.render(before, after, changes)
    )
    assert found is not None
    read: dict[str, Any] = json.loads(found[1])
    return read


def stacks(page: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The own seconds of every frame, before and after, by its stack."""
    names, frames = page["functions"], page["frames"]
    paths = [""]
    for parent, place in zip(frames["parents"][1:], frames["functions"][1:], strict=True):
        paths.append(f"{paths[parent]}/{names[place]['name']}")
    return dict(zip(paths, zip(frames["before"], frames["after"], strict=True), strict=True))


def test_stacks_are_matched_by_the_keys_of_their_functions() -> None:
    assert stacks(data(BEFORE, AFTER)) == {
        "": (0.0, 0.0),
        "/top": (1.0, 0.0),
        "/top/shared": (2.0, 1.5),
        "/top/old": (1.0, 0.0),
        "/top/new": (0.0, 1.5),
    }


def test_all_frames_together_take_a_pass_of_each_side() -> None:
    before, after = large(), large(faster=True)
    frames = data(before, after)["frames"]
    assert sum(frames["before"]) == pytest.approx(before.seconds)
    assert sum(frames["after"]) == pytest.approx(after.seconds)
    assert all(parent < number for number, parent in enumerate(frames["parents"]))


def test_title_names_differing_and_common_parts() -> None:
    page = data(BEFORE, AFTER)
    assert (page["title"], page["what"]) == (
        "betfairlightweight==2.11.2 → betfairlightweight==2.12.0",
        "replay/full · PRO-1.170258213",
    )
    other = data(BEFORE, profile({TOP: 1.0}, data="1.200806927"))
    assert (other["title"], other["what"]) == (
        "betfairlightweight==2.11.2",
        "replay/full · PRO-1.170258213 → 1.200806927",
    )
    assert "<title>betfairlightweight==2.11.2 → betfairlightweight==2.12.0 ·" in flamegraph.render(BEFORE, AFTER)


def test_flamegraph_states_the_weight_of_a_sample() -> None:
    first, second = data(BEFORE, AFTER)["sides"]
    assert (first["sample"], second["sample"]) == (4.0 / 4000, 3.0 / 2000)
    assert first["about"] == "1 profiled pass, 4,000 samples by pyinstrument every 1 ms, Python 3.11.2"
    assert data(profile({TOP: 1.0}, {TOP: 1.0}), AFTER)["sides"][0]["about"].startswith("2 profiled passes, ")


def test_changes_are_assigned_to_their_functions() -> None:
    functions = data(BEFORE, AFTER, {SHARED: -0.25, "elsewhere.py:f": 1.0})["functions"]
    assert {one["name"]: one["change"] for one in functions} == {"top": None, "shared": -0.25, "old": None, "new": None}


def test_no_foreign_name_leaves_its_place() -> None:
    hostile = profile({f"{HOSTILE}:{HOSTILE} {{{{data}}}} \u2028": 1.0}, environment=HOSTILE, data=HOSTILE)
    html = flamegraph.render(hostile, hostile, None)
    assert html.count("</script>") == 2
    assert "<img" not in html
    assert data(hostile, hostile)["functions"][0]["name"] == f"{HOSTILE} {{{{data}}}} \\u2028"


def test_the_page_names_no_address_and_forbids_the_network() -> None:
    html = flamegraph.render(BEFORE, AFTER)
    assert "http://" not in html
    assert "https://" not in html
    assert "default-src 'none'" in html
    assert "{{" not in html


def test_the_template_is_in_the_wheel() -> None:
    inside = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert "perfbench/report/profiles/flamegraph.html" in inside


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this file."""
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """The browser with the page of two small profiles; nothing went wrong in it at the end, and nothing was fetched."""
    path = written(tmp_path, BEFORE, AFTER)
    browser.open(path)
    yield browser
    assert browser.errors == []
    assert browser.requests == [path.as_uri()]


def written(folder: Path, before: Profile, after: Profile, changes: Mapping[str, float] | None = None) -> Path:
    """The page as a file."""
    path = folder / "page.html"
    path.write_text(flamegraph.render(before, after, changes), encoding="utf-8")
    return path


def frames(browser: Browser) -> dict[str, float]:
    """The names that are seen in the graph, with their widths in pixels."""
    script = "[...document.querySelectorAll('.frame')].map((e) => [e.getAttribute('aria-label').split(',')[0], e.offsetWidth])"
    return dict(browser.run(script))


def text(browser: Browser, place: str) -> str:
    """The text of the first element that a selector of CSS finds, with single spaces."""
    return " ".join(browser.run(f"document.querySelector({place!r}).innerText").split())


def on(browser: Browser, name: str, *, click: bool = False) -> None:
    """The mouse is on this frame, and clicks it."""
    x, y = browser.run(
        f"(() => {{ const e = [...document.querySelectorAll('.frame')].find((e) => e.textContent === {name!r});"
        " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )
    browser.point(x, y, click=click)


def test_browser_detects_a_fetch_and_an_error(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<link rel=icon href='data:,'><img src='http://fetched.invalid/x'><script>console.error('complaint'); lost()</script>"
    )
    browser.open(path)
    assert "http://fetched.invalid/x" in browser.requests
    assert [error for error in browser.errors if "complaint" in error]
    assert [error for error in browser.errors if "lost" in error]
    browser.requests.clear()
    browser.errors.clear()


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "browser" in request.fixturenames:
        opened: Browser = request.getfixturevalue("browser")
        opened.requests.clear()
        opened.errors.clear()


def test_widths_are_seconds_after_and_by_a_switch_before(shown: Browser) -> None:
    widths = frames(shown)
    assert widths.keys() == {"whole pass", "top", "shared", "new"}
    assert widths["shared"] == pytest.approx(widths["whole pass"] / 2, abs=1.5)
    shown.run("document.querySelector('input[value=\"0\"]').click()")
    widths = frames(shown)
    assert widths.keys() == {"whole pass", "top", "shared", "old"}
    assert widths["shared"] == pytest.approx(widths["whole pass"] / 2, abs=1.5)
    assert widths["old"] == pytest.approx(widths["whole pass"] / 4, abs=1.5)


def test_colors_are_red_where_slower_and_blue_where_faster(shown: Browser) -> None:
    script = "Object.fromEntries([...document.querySelectorAll('.frame')].map((e) => [e.textContent, e.style.backgroundColor]))"
    colors = shown.run(script)
    assert "--slower" in colors["new"]
    assert "--faster" in colors["shared"]
    assert "100.0%" in colors["new"]
    assert shown.run("document.querySelector('#legend').innerText").split() == [
        *("faster", "−1.500s", "−0.375s", "0", "+0.375s", "+1.500s", "slower")
    ]


def test_frame_shows_its_seconds_under_the_mouse(shown: Browser) -> None:
    on(shown, "shared")
    assert text(shown, "#tip") == (
        "shared lib/a.py:12 before after change of the pass"
        " with all it calls 2.000s 1.500s −0.500s −25.0 % 50.0 % → 50.0 %"
        " itself, here 2.000s 1.500s −0.500s −25.0 % 50.0 % → 50.0 %"
        " itself, everywhere 2.000s 1.500s −0.500s −25.0 % 50.0 % → 50.0 %"
    )


def test_root_shows_the_whole_pass(shown: Browser) -> None:
    on(shown, "whole pass")
    assert "with all it calls 4.000s 3.000s −1.000s −25.0 % 100.0 % → 100.0 %" in text(shown, "#tip")


def test_a_click_zooms_in_and_escape_zooms_out(shown: Browser) -> None:
    on(shown, "new", click=True)
    widths = frames(shown)
    assert widths.keys() == {"whole pass", "top", "new"}
    assert len(set(widths.values())) == 1
    shown.press("Escape")
    assert "shared" in frames(shown)
    on(shown, "new", click=True)
    shown.run("document.querySelector('#whole').click()")
    assert "shared" in frames(shown)


def test_the_colors_are_for_the_changes_in_what_is_drawn(shown: Browser) -> None:
    on(shown, "shared", click=True)
    assert "+0.500s" in text(shown, "#legend")
    shown.press("Escape")
    assert "+1.500s" in text(shown, "#legend")


def test_a_frame_that_the_other_side_lacks_zooms_out_to_the_one_above(shown: Browser) -> None:
    on(shown, "new", click=True)
    shown.run("document.querySelector('input[value=\"0\"]').click()")
    assert frames(shown).keys() == {"whole pass", "top", "shared", "old"}


def test_a_search_marks_and_sums_what_it_finds_once(shown: Browser) -> None:
    shown.run(
        "(() => { const s = document.querySelector('#search'); s.value = 'A.PY'; s.dispatchEvent(new Event('input')); })()"
    )
    assert text(shown, "#result") == (
        "3 functions found, with all that they call: 4.000s → 3.000s of a pass (−1.000s, −25.0 %); 100.0 % → 100.0 % of it"
    )
    assert shown.run("[...document.querySelectorAll('.found')].map((e) => e.textContent)") == ["top", "shared"]
    shown.run(
        "(() => { const s = document.querySelector('#search'); s.value = 'zzz'; s.dispatchEvent(new Event('input')); })()"
    )
    assert text(shown, "#result") == "nothing found"


def test_the_graph_is_read_with_the_keyboard_alone(shown: Browser) -> None:
    shown.press("Tab")
    shown.run("document.querySelector('.frame[tabindex=\"0\"]').focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        shown.press(key)
    assert shown.run("document.activeElement.textContent") == "new"
    assert text(shown, "#tip").startswith("new lib/b.py:")
    shown.press("Enter")
    assert frames(shown).keys() == {"whole pass", "top", "new"}
    assert shown.run("document.activeElement.textContent") == "new"
    shown.press("ArrowUp")
    assert shown.run("document.activeElement.textContent") == "top"
    shown.press("Escape")
    assert "shared" in frames(shown)


def test_functions_are_listed_by_their_change_and_those_of_one_side_alone(shown: Browser) -> None:
    script = "[...document.querySelectorAll('#functions tbody tr')].map((e) => e.innerText.split(/\\s+/).join(' '))"
    assert shown.run(script) == [
        "new only after lib/b.py:11 0.000s 1.500s +1.500s",
        "top lib/a.py:10 1.000s 0.000s −1.000s",
        "old only before lib/a.py:12 1.000s 0.000s −1.000s",
        "shared lib/a.py:12 2.000s 1.500s −0.500s",
    ]
    assert (
        text(shown, "#gone") == "1 function only before (1.000s themselves) · 1 function only after (1.500s themselves)"
    )
    shown.run(
        "(() => { const s = document.querySelector('#which'); s.value = 'before'; s.dispatchEvent(new Event('change')); })()"
    )
    assert [line.split()[0] for line in shown.run(script)] == ["old"]


def test_narrow_neighbours_are_one_frame_that_opens(browser: Browser, tmp_path: Path) -> None:
    many = profile({"a.py:wide": 1000.0, **{f"a.py:n{number}": 0.5 for number in range(40)}})
    browser.open(written(tmp_path, many, many))
    assert frames(browser).keys() == {"whole pass", "wide", "40 narrow frames"}
    browser.run("document.querySelector('.rest').click()")
    assert frames(browser).keys() == {"whole pass", *(f"n{number}" for number in range(40))}
    assert browser.errors == []


@pytest.mark.parametrize("width", [900, 1600])
def test_page_fits_every_width(width: int, browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path, large(), large(faster=True)), width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelectorAll('.frame').length") > 50
    assert browser.errors == []


def test_a_hostile_name_is_text_in_the_browser(browser: Browser, tmp_path: Path) -> None:
    hostile = profile({f"{HOSTILE}:{HOSTILE}": 1.0}, environment=HOSTILE, data=HOSTILE)
    path = written(tmp_path, hostile, hostile)
    browser.open(path)
    on(browser, HOSTILE)
    assert HOSTILE in text(browser, "#tip")
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.errors == []
    assert browser.requests == [path.as_uri()]


def test_profiles_without_stacks_give_a_page_without_frames(browser: Browser, tmp_path: Path) -> None:
    empty = profile({})
    browser.open(written(tmp_path, empty, empty))
    assert frames(browser) == {}
    assert browser.errors == []
