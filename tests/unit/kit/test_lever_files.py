"""Lever files: what is loaded, how proposals become complete, and which errors name the lever."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.levers import note_program

from perfbench.kit.program.lever_files import levers_applied, load_lever, parse_levers
from perfbench.kit.program.noted import Noted
from perfbench.kit.program.proposals import propose_levers
from perfbench.worker.program_messages import Proposal, replace_infinity
from perfbench.worker.scenario_api import ScenarioError

HEAD = '''"""Do something better.

More about it.
"""
from contextlib import contextmanager
from perfbench.kit.lever import Proposal

KIND = "same"
SOURCE = "https://example.org/"
SEEN = []
'''
PROPOSE = """
def propose(noted):
    yield Proposal(value="3", write="x = 3", reason="it is 4")
"""
APPLY = """
@contextmanager
def apply(value):
    SEEN.append("enter " + value)
    yield
    SEEN.append("leave " + value)
"""


def write_lever(folder: Path, *parts: str, name: str = "mine") -> str:
    """The path of a new lever file."""
    path = folder / f"{name}.py"
    path.write_text("".join(parts), encoding="utf-8")
    return str(path)


def test_proposal_is_completed_from_its_file(tmp_path: Path) -> None:
    path = write_lever(tmp_path, HEAD, PROPOSE, APPLY)
    (proposal,) = load_lever(path).propose(note_program())
    assert proposal == Proposal(
        lever="mine",
        title="Do something better",
        kind="same",
        value="3",
        applies=True,
        write="x = 3",
        reason="it is 4",
        source="https://example.org/",
    )


def test_lever_without_apply_is_an_environment(tmp_path: Path) -> None:
    text = '\ndef propose(noted):\n    yield Proposal(environment="python==3.12", kind="changes", title="new")\n'
    (proposal,) = load_lever(write_lever(tmp_path, HEAD, text)).propose(note_program())
    assert (proposal.applies, proposal.kind, proposal.title) == (False, "changes", "new")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + PROPOSE + "syntax error", r"lever mine \(.*mine.py\) cannot be loaded: SyntaxError"),
        ("raise ValueError('no')", "cannot be loaded: ValueError: no"),
        (PROPOSE, "KIND must be one of same, less, changes"),
        (HEAD.replace('"same"', '"faster"') + PROPOSE, "KIND must be one of"),
        (HEAD, r"needs SOURCE, a text, and propose\(noted\)"),
        (HEAD.replace("SOURCE", "LINK") + PROPOSE, "needs SOURCE"),
    ],
)
def test_file_that_is_no_lever_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ScenarioError, match=reason):
        load_lever(write_lever(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "def propose(noted):\n    return [1 / 0]\n",
            r"propose\(\) raises ZeroDivisionError: division by zero at line \d+",
        ),
        ("def propose(noted):\n    return ['x']\n", "propose yields 'x', which is not a Proposal"),
        ("def propose(noted):\n    yield Proposal(kind='more', environment='x')\n", "kind 'more' is none of"),
        ("def propose(noted):\n    yield Proposal()\n", "neither an environment nor what apply"),
    ],
)
def test_lever_that_proposes_nonsense_is_named(tmp_path: Path, text: str, reason: str) -> None:
    lever = load_lever(write_lever(tmp_path, HEAD, text))
    with pytest.raises(ScenarioError, match=r"^lever mine \(.*\): .*" + reason):
        lever.propose(note_program())


def test_levers_are_applied_one_in_the_other(tmp_path: Path) -> None:
    paths = [write_lever(tmp_path, HEAD, PROPOSE, APPLY, name=name) for name in ("one", "two")]
    with levers_applied([(paths[0], "1"), (paths[1], "2")]):
        pass
    levers = [load_lever(path) for path in paths]
    assert [lever.name for lever in levers] == ["one", "two"]


def test_context_of_a_lever_is_entered_and_left(tmp_path: Path) -> None:
    lever = load_lever(write_lever(tmp_path, HEAD, PROPOSE, APPLY))
    seen: list[str] = vars(lever.module)["SEEN"]
    with lever.applied("3"):
        assert seen == ["enter 3"]
    assert seen == ["enter 3", "leave 3"]


def test_error_of_apply_names_the_lever_and_its_line(tmp_path: Path) -> None:
    apply = "\n@contextmanager\ndef apply(value):\n    import no_such_module\n    yield\n"
    lever = load_lever(write_lever(tmp_path, HEAD, PROPOSE, apply))
    with (
        pytest.raises(ScenarioError, match=r"apply\(\) raises ModuleNotFoundError: No module named .* at line \d+"),
        lever.applied(""),
    ):
        pass


def test_lever_without_apply_cannot_be_applied(tmp_path: Path) -> None:
    lever = load_lever(write_lever(tmp_path, HEAD, PROPOSE))
    with pytest.raises(ScenarioError, match=r"has no apply\(\)"), lever.applied(""):
        pass


def test_error_of_the_program_passes_unchanged(tmp_path: Path) -> None:
    lever = load_lever(write_lever(tmp_path, HEAD, PROPOSE, APPLY))
    with pytest.raises(KeyError, match="mine"), lever.applied(""):
        raise KeyError("mine")


def test_chosen_levers_are_read_from_json() -> None:
    assert parse_levers("") == []
    assert parse_levers(json.dumps([["/a/b.py", "600"], ["/a/c.py", ""]])) == [("/a/b.py", "600"), ("/a/c.py", "")]
    for text in ("{", "[1]", '["abc"]', "3"):
        with pytest.raises(ScenarioError, match="not a list of"):
            parse_levers(text)


OBSERVE = """
@contextmanager
def observe():
    SEEN.append("before")
    yield
    SEEN.append("after")
"""


def test_levers_observe_the_pass_and_then_propose_in_order(tmp_path: Path) -> None:
    text = "\ndef propose(noted):\n    yield Proposal(environment=','.join(noted.available), reason=repr(SEEN))\n"
    paths = [
        write_lever(tmp_path, HEAD, OBSERVE, text, name="b"),
        write_lever(tmp_path, HEAD, PROPOSE, APPLY, name="a"),
    ]
    runs = []

    def run() -> Noted:
        runs.append(1)
        return note_program()

    proposals, noted = propose_levers(run, paths, ["python==3.12", "x"])
    assert runs == [1]
    assert noted.available == ["python==3.12", "x"]
    assert [proposal.lever for proposal in proposals] == ["b", "a"]
    assert proposals[0].environment == "python==3.12,x"
    assert proposals[0].reason == "['before', 'after']"


def test_program_that_fails_is_not_asked_about(tmp_path: Path) -> None:
    def run() -> Noted:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        propose_levers(run, [write_lever(tmp_path, HEAD, OBSERVE, PROPOSE, APPLY)], [])


def test_infinite_numbers_become_none() -> None:
    assert replace_infinity({"a": [1.0, float("inf")], "b": (float("nan"), "x", None)}) == {
        "a": [1.0, None],
        "b": [None, "x", None],
    }
