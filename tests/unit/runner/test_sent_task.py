"""What is sent to a worker of a cluster, and what its machine makes of it: market files, scenario files, environments."""

from __future__ import annotations

import bz2
from dataclasses import replace
from pathlib import Path

import pytest
from support import corpora
from support.runs import MARKET, offer, program, scenario, settings

from perfbench.datasets.corpus.listing import list_corpus
from perfbench.datasets.corpus.members import Member
from perfbench.datasets.corpus.opening import open_member
from perfbench.environments import lock
from perfbench.errors import DataProblem, EngineProblem, EnvironmentProblem
from perfbench.model import CaseGroup, Draw, Environment, Package
from perfbench.runner import plan
from perfbench.runner.survey import sent_task, task_packer
from perfbench.runner.survey.draw import DrawTask
from perfbench.runner.survey.sent_task import PartsMissing, SentFile
from perfbench.runner.survey.task_packer import TaskPacker, pack_contents, pack_scenario
from perfbench.worker.program_spec import ProgramSpec


def write_corpus(folder: Path, kind: str, count: int = 3) -> Path:
    """A corpus as a folder, a tar or a zip."""
    members = corpora.markets(count)
    if kind == "folder":
        for name, content in members.items():
            path = folder / "corpus" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / "corpus"
    path = folder / f"corpus.{kind}"
    path.write_bytes(corpora.tarred(members) if kind == "tar" else corpora.zipped(members))
    return path


def members_of(corpus: Path) -> list[Member]:
    return list(list_corpus([str(corpus)]).members)


def group_of(path: str = "made_up.py") -> CaseGroup:
    made = replace(scenario("base", "one"), path=path)
    (group,) = plan.plan_groups([[offer(made)]], [], settings())
    return group


def task_of(members: list[Member], group: CaseGroup | None = None) -> DrawTask:
    return DrawTask(Draw(0, "1.9", 0.1), group or group_of(), tuple(members), 1, settings())


@pytest.mark.parametrize("kind", ["folder", "tar", "zip"])
def test_sent_members_are_the_same_markets_under_the_same_names(tmp_path: Path, kind: str) -> None:
    members = members_of(write_corpus(tmp_path, kind))
    contents, reason = pack_contents(members)
    assert contents is not None
    assert not reason
    stored = sent_task.store_contents(members, contents, tmp_path / "there")
    for member, copy in zip(members, stored, strict=True):
        here, there = (open_member(either, tmp_path) for either in (member, copy))
        assert not there.problems
        assert [(m.name, m.sha256) for m in there.markets] == [(m.name, m.sha256) for m in here.markets]
        assert there.labels == here.labels


def test_sent_file_that_is_no_market_is_skipped_as_where_it_came_from(tmp_path: Path) -> None:
    archive = tmp_path / "corpus.tar"
    archive.write_bytes(corpora.tarred({**corpora.markets(1), "notes/read me.txt": b"these are notes\n" * 9}))
    members = members_of(archive)
    contents, _ = pack_contents(members)
    assert contents is not None
    for member, copy in zip(members, sent_task.store_contents(members, contents, tmp_path / "there"), strict=True):
        here, there = (open_member(either, tmp_path) for either in (member, copy))
        assert len(there.skipped) == len(here.skipped)
        assert len(there.markets) == len(here.markets)


@pytest.mark.parametrize("path", ["../../outside.bz2", "/etc/passwd", "a\\b.bz2", "line\nbreak", ".hidden", "x" * 300])
def test_stored_member_stays_in_its_folder_whatever_its_path(tmp_path: Path, path: str) -> None:
    (member,) = members_of(write_corpus(tmp_path, "tar", 1))
    (stored,) = sent_task.store_contents([replace(member, path=path)], [b"content"], tmp_path / "there")
    files = [file for file in tmp_path.rglob("*") if file.is_file() and file.read_bytes() == b"content"]
    assert len(files) == 1
    assert files[0].parent == tmp_path / "there" / "0"
    assert stored.packed_bytes == len(b"content")


def test_contents_that_are_too_large_are_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = members_of(write_corpus(tmp_path, "tar"))
    monkeypatch.setattr(task_packer, "MAX_SENT_BYTES", members[0].packed_bytes)
    assert pack_contents(members[:1])[0] is not None
    assert pack_contents(members) == (None, pack_contents(members)[1])
    assert pack_contents(members)[1].startswith("too large to be sent (")


def test_content_that_grows_in_a_zip_is_measured_as_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "corpus.zip"
    path.write_bytes(corpora.zipped({"1.900000100": corpora.market(1)}))
    members = members_of(path)
    monkeypatch.setattr(task_packer, "MAX_SENT_BYTES", members[0].packed_bytes + 10)
    assert pack_contents(members) == (None, "too large to be sent: share it by path or URL")


def test_content_that_cannot_be_read_is_not_sent(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, "folder", 1)
    members = members_of(corpus)
    next(corpus.rglob("*.bz2")).unlink()
    contents, reason = pack_contents(members)
    assert contents is None
    assert reason.startswith("not readable here (")


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_member_is_at_hand_where_its_path_leads_to_it(tmp_path: Path, kind: str) -> None:
    corpus = write_corpus(tmp_path, kind)
    members = members_of(corpus)
    assert all(map(sent_task.is_at_hand, members))
    corpus.rename(tmp_path / "moved")
    assert not any(map(sent_task.is_at_hand, members))


def test_file_of_another_size_is_not_at_hand(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, "folder", 1)
    members = members_of(corpus)
    next(corpus.rglob("*.bz2")).write_bytes(bz2.compress(b"another file"))
    assert not sent_task.is_at_hand(members[0])


def test_member_behind_a_url_is_at_hand_everywhere(tmp_path: Path) -> None:
    (member,) = members_of(write_corpus(tmp_path, "folder", 1))
    url = replace(member, source=replace(member.source, location="s3://bucket/2025"))
    assert sent_task.is_at_hand(url)


def test_scenario_is_sent_with_the_modules_that_it_may_import(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios" / "mine"
    folder.mkdir(parents=True)
    for name in ("replay.py", "beside.py", "_shared.py"):
        (folder / name).write_text(f"# {name}")
    (tmp_path / "scenarios" / "_common.py").write_text("# common")
    (tmp_path / "scenarios" / "other.py").write_text("# not imported")
    (tmp_path / "outside.py").write_text("# not sent")
    sent = pack_scenario(folder / "replay.py")
    assert sent[0] == SentFile("scenarios/mine/replay.py", b"# replay.py")
    assert {file.path for file in sent[1:]} == {
        "scenarios/_common.py", "scenarios/mine/_shared.py", "scenarios/mine/beside.py",
    }  # fmt: skip
    stored = sent_task.store_scenario(sent, tmp_path / "there")
    assert stored.read_text() == "# replay.py"
    assert (stored.parent.parent / "_common.py").read_text() == "# common"


def test_scenario_in_a_folder_of_many_modules_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "replay.py").write_text("# scenario")
    (tmp_path / "data.py").write_text("#" * 100)
    monkeypatch.setattr(task_packer, "MAX_SCENARIO_BYTES", 50)
    with pytest.raises(DataProblem, match=r"replay\.py and the modules beside it are too large to be sent"):
        pack_scenario(tmp_path / "replay.py")


def test_packer_sends_only_what_a_worker_asked_for(tmp_path: Path) -> None:
    members = members_of(write_corpus(tmp_path, "folder", 1))
    (tmp_path / "made_up.py").write_text("# scenario")
    here = Environment("here", __import__("sys").executable, "3.11.7")
    group = group_of(str(tmp_path / "made_up.py"))
    group = replace(group, places=tuple(replace(place, environment=here) for place in group.places))
    packer = TaskPacker(lambda _line: None)
    plain = packer.pack(task_of(members, group))
    assert plain.group is None
    assert plain.contents is None
    packer.add_parts(PartsMissing(group=False, contents=True))
    with_contents = packer.pack(task_of(members, group))
    assert with_contents.group is None
    assert with_contents.contents is not None
    packer.add_parts(PartsMissing(group=True, contents=False))
    both = packer.pack(task_of(members, group))
    assert both.group is not None
    assert both.contents is not None
    assert both.group.locks[0].is_host
    assert packer.pack(task_of(members, group)).group is both.group, "packed once"


def test_environment_that_cannot_be_locked_ends_the_survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise EnvironmentProblem("its wheel is gone", hint="build it again")

    monkeypatch.setattr(lock, "lock_environment", fail)
    packer = TaskPacker(lambda _line: None, sends_group=True)
    with pytest.raises(EngineProblem, match="its wheel is gone") as problem:
        packer.pack(task_of([]))
    assert problem.value.hint == "build it again"


def test_equal_environments_are_locked_as_builds_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up.py").write_text("# scenario")
    copies: list[int] = []
    monkeypatch.setattr(lock, "lock_environment", lambda _e, copy, _o: copies.append(copy))
    packages = (Package("betfairlightweight", "2.23.2"),)
    environments = [Environment(f"x{n}", f"/cache/{n}/bin/python", "3.11.7", packages) for n in range(2)]
    group = group_of(str(tmp_path / "made_up.py"))
    places = tuple(replace(p, environment=e) for p, e in zip(group.places, environments, strict=True))
    task_packer.pack_group(replace(group, places=places), lambda _line: None)
    assert copies == [0, 1]


def test_program_is_sent_with_the_modules_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    own = tmp_path / "mine" / "backtest.py"
    own.write_text("import signals\n\n\ndef run(market):\n    return 1\n")
    (tmp_path / "mine" / "signals.py").write_text("# imported")
    (tmp_path / "mine" / "notes.py").write_text("# not imported")
    sent, _ = task_packer.pack_program(ProgramSpec(str(own), "run"), (), lambda _line: None)
    assert [file.path for file in sent] == ["mine/backtest.py", "mine/signals.py"]


NAMING = """
import json
import sys
from pathlib import Path

import signals

HERE = Path(__file__).parent
json.loads((HERE / "ratings.json").read_text())
list(HERE.glob("prices*.csv"))
list((HERE / "models").iterdir())
MARKETS = ["1.170258213", "data/1.170258214.bz2"]


def run(market):
    with open("settings/stakes.txt") as file:
        return file.read()
"""


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_program_is_sent_with_the_data_files_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(
        tmp_path / "project",
        {
            "strategies/backtest.py": NAMING,
            "strategies/signals.py": 'EXTRA = "extra.txt"\n',
            "strategies/ratings.json": "{}",
            "strategies/prices-2024.csv": "1",
            "strategies/extra.txt": "named by a module",
            "strategies/models/deep/first.bin": "in a named folder",
            "strategies/notes.txt": "not named",
            "strategies/1.170258213": '{"op":"mcm"}',
            "strategies/.git/ratings.json": "hidden",
            "settings/stakes.txt": "2",
            "settings/other.txt": "not named",
            "limits.toml": "an argument",
        },
    )
    monkeypatch.chdir(tmp_path / "project")
    sent, working = task_packer.pack_program(
        ProgramSpec("strategies/backtest.py", "run"), ("--limits", "limits.toml"), pytest.fail
    )
    assert sent[0].path == "project/strategies/backtest.py"
    assert {file.path: file.content.decode() for file in sent[1:]} == {
        "project/strategies/signals.py": 'EXTRA = "extra.txt"\n',
        "project/strategies/ratings.json": "{}",
        "project/strategies/prices-2024.csv": "1",
        "project/strategies/extra.txt": "named by a module",
        "project/strategies/models/deep/first.bin": "in a named folder",
        "project/settings/stakes.txt": "2",
        "project/limits.toml": "an argument",
    }
    assert working == "project"


def test_working_directory_that_is_not_around_a_program_gets_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, {"mine/backtest.py": 'open("stakes.txt")\n', "here/stakes.txt": "2"})
    monkeypatch.chdir(tmp_path / "here")
    sent, working = task_packer.pack_program(ProgramSpec(str(tmp_path / "mine" / "backtest.py")), (), pytest.fail)
    assert [file.path for file in sent] == ["mine/backtest.py", "working/stakes.txt"]
    assert working == "working"


def test_data_file_that_is_too_large_is_left_out_with_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"backtest.py": 'open("a.txt"), open("b.txt")\n', "a.txt": "x" * 300, "b.txt": "x"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(task_packer, "MAX_SCENARIO_BYTES", 200)
    lines: list[str] = []
    sent, _ = task_packer.pack_program(ProgramSpec("backtest.py"), (), lines.append)
    assert [Path(file.path).name for file in sent] == ["backtest.py", "b.txt"]
    (line,) = lines
    assert line.startswith("! not sent with backtest, because too large: a.txt (300 B); name a path")


def test_working_directory_of_a_program_is_that_of_its_user() -> None:
    (group,) = plan.plan_groups([[offer(program("run"))]], [], settings())
    (scenario_group, *_) = plan.plan_groups([[offer(scenario("run"))]], [MARKET], settings())
    assert sent_task.work_in(group, "/home/user").working == "/home/user"
    assert sent_task.work_in(scenario_group, "/home/user").working == ""


def test_program_that_was_removed_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="gone:run cannot be sent"):
        task_packer.pack_program(ProgramSpec(str(tmp_path / "gone.py"), "run"), (), pytest.fail)


def test_program_and_settings_of_an_environment_move_to_another_machine() -> None:
    (group,) = plan.plan_groups([[offer(program("run"))]], [], settings(arguments=("7",)))
    here = Environment("here -O", "/here/python", "3.11.7", variables=(("A", "1"),), flags=("-O",))
    plain = replace(here, name="here", variables=(), flags=())
    places = (*(replace(place, environment=here) for place in group.places),)
    places = (*places, *(replace(place, environment=plain) for place in group.places))
    there = Environment("here", "/there/python", "3.11.7")
    moved = sent_task.move_group(replace(group, places=places), {"/here/python": there}, Path("/there/mine.py"))
    assert moved.scenario.path == moved.scenario.program == "/there/mine.py:run"
    assert moved.arguments == ("7",)
    environments = [place.environment for place in moved.places]
    assert [environment.python for environment in environments] == ["/there/python"] * 2
    assert [(e.name, e.variables, e.flags) for e in environments] == [
        ("here -O", (("A", "1"),), ("-O",)),
        ("here", (), ()),
    ]
