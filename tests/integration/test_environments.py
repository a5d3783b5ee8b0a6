"""Environments are built by the real uv from a made-up index, kept, reused, and refused in one line."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import one_line, perfbench, variables
from support.deadline import wait_until
from support.package_index import Index, checkout
from support.small_disks import tiny_disk

from perfbench.environments import cache, host, interpreters, provide, prune
from perfbench.environments.provide import EnvironmentRequest
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="mounts and kills as on Linux")
CLOSED = "http://127.0.0.1:9/simple"
"""An index that refuses the connection."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The only index that there is; what is built and cached stays in the test's folder."""
    made_up = Index(tmp_path / "index")
    made_up.wheel("engine", "1.0", ("helper==1.0",))
    made_up.wheel("engine", "2.0", ("helper>=1.0",))
    made_up.wheel("helper", "1.0")
    made_up.wheel("helper", "1.5")
    for name, value in using(made_up.url, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / "cache"))
    yield made_up
    for key in list(cache._shared_locks):
        cache.release_shared_lock(key)


def using(url: str, folder: Path) -> dict[str, str]:
    return {"UV_DEFAULT_INDEX": url, "UV_CACHE_DIR": str(folder / "uv"), "UV_HTTP_RETRIES": "0"}


def build(*specs: str, folder: Path, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    """``perfbench environments SPEC…``, as a user calls it."""
    return perfbench("environments", *specs, "--quiet", folder=folder, env={**using(url, folder), **more})


def provided(*wanted: EnvironmentRequest, names: dict[str, str] | None = None) -> tuple[Environment, ...]:
    answers = provide.provide_environments(wanted, names or {}, print)
    for answer in answers:
        assert isinstance(answer, Environment), answer
    return tuple(answer for answer in answers if isinstance(answer, Environment))


def refused(*wanted: EnvironmentRequest) -> str:
    answer = provide.provide_environments(wanted, {}, print)[-1]
    assert isinstance(answer, EnvironmentProblem), answer
    return str(answer)


def versions(environment: Environment) -> dict[str, str]:
    return {package.name: package.version for package in environment.packages}


def imported(environment: Environment, module: str) -> str:
    """The version that the environment's own interpreter imports."""
    code = f"import {module}; print({module}.__version__)"
    done = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


# What is built -----------------------------------------------------------------------------------------------------------


def test_release_is_built_with_its_dependencies(index: Index) -> None:
    (built,) = provided(EnvironmentRequest("engine==1.0"))
    assert built.name == "engine==1.0"
    assert built.version == sys.version.split()[0]
    assert versions(built) == {"engine": "1.0", "helper": "1.0"}
    assert built.demanded == (("engine", "1.0"),)
    assert built.recipe == "pins"
    assert imported(built, "engine") == "1.0"


def test_two_releases_are_provided_in_the_requested_order(index: Index) -> None:
    after, before = provided(EnvironmentRequest("engine==2.0"), EnvironmentRequest("engine==1.0"))
    assert (imported(after, "engine"), imported(before, "engine")) == ("2.0", "1.0")


def test_same_versions_share_an_environment_unless_a_separate_copy_is_requested(index: Index) -> None:
    pinned, newest, copy = provided(
        EnvironmentRequest("engine==2.0"), EnvironmentRequest("engine"), EnvironmentRequest("engine==2.0", copy=1)
    )
    assert pinned.python == newest.python != copy.python
    assert versions(pinned) == versions(copy)


def test_a_configured_name_is_the_name_of_the_environment(index: Index) -> None:
    (built,) = provided(EnvironmentRequest("old"), names={"old": "engine==1.0"})
    assert (built.name, built.demanded) == ("old", (("engine", "1.0"),))


def test_another_python_that_is_here_is_taken(index: Index) -> None:
    other = next((one for one in interpreters.find_interpreters() if one.version[:4] != sys.version[:4]), None)
    if other is None:
        pytest.skip("there is only one Python here")
    (built,) = provided(EnvironmentRequest(f"engine==1.0 python=={other.version}"))
    asked = subprocess.run([built.python, "--version"], capture_output=True, text=True, check=True)
    assert asked.stdout.split()[1] == built.version == other.version


def test_environment_here_is_not_built(index: Index) -> None:
    (here,) = provided(EnvironmentRequest("here"))
    assert here.python == sys.executable


def test_environment_here_is_used_when_the_required_package_is_installed(index: Index) -> None:
    (here,) = provided(EnvironmentRequest("here", ("pytest --no-deps",)))
    assert here.python == sys.executable


def test_unknown_extra_of_a_release_is_reported(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    provided(EnvironmentRequest("engine[speed]==2.0"))
    assert "engine[speed]==2.0: engine 2.0 has no extra `speed`" in capsys.readouterr().out


# How it is started -------------------------------------------------------------------------------------------------------


def test_settings_of_a_spec_are_no_part_of_what_is_built(index: Index) -> None:
    plain, optimized = provided(EnvironmentRequest("engine==1.0"), EnvironmentRequest("engine==1.0 -O env:A=1"))
    assert plain.python == optimized.python
    assert (plain.flags, plain.variables) == ((), ())
    assert (optimized.name, optimized.flags) == ("engine==1.0 -O env:A=1", ("-O",))
    assert optimized.variables == (("A", "1"),)


def test_here_with_settings_is_the_interpreter_that_runs_perfbench(index: Index) -> None:
    (here,) = provided(EnvironmentRequest("here -X utf8 env:A=1"))
    assert here.python == sys.executable
    assert (here.name, here.flags, here.variables) == ("here -X utf8 env:A=1", ("-Xutf8",), (("A", "1"),))


def test_setting_that_an_interpreter_does_not_have_is_refused(index: Index) -> None:
    if host.describe_host().build:
        pytest.skip("there is only one Python here")
    for spec in ("here -X gil=0", "engine==1.0 -X gil=0"):
        assert refused(EnvironmentRequest(spec)).startswith(f"{spec}: `-Xgil=0` needs a free-threaded build of Python")


# Here with other packages ------------------------------------------------------------------------------------------------


@pytest.fixture
def same_index(index: Index) -> Index:
    """The index with what is installed here of the measured packages and what they need, without dependencies."""
    for name, text in host.pin_packages().items():
        if "==" in text:
            index.wheel(name, text.partition("==")[2])
    index.wheel("betfairlightweight", "99.0")
    return index


def test_here_with_another_package_has_all_that_is_installed_here(same_index: Index) -> None:
    (built,) = provided(EnvironmentRequest("here engine==1.0"))
    pins = dict(text.split("==") for text in host.pin_packages().values() if "==" in text)
    assert versions(built) == {**pins, "engine": "1.0", "helper": "1.0"}
    assert {"engine", "betfairlightweight", "flumine"} == {name for name, _ in built.demanded}


def test_here_with_another_version_has_that_one(same_index: Index) -> None:
    (built,) = provided(EnvironmentRequest("here betfairlightweight==99.0"))
    assert versions(built)["betfairlightweight"] == "99.0"
    assert versions(built)["flumine"] == versions(host.describe_host())["flumine"]


def test_here_on_another_python_has_the_same_packages(same_index: Index) -> None:
    other = next((one for one in interpreters.find_interpreters() if one.version[:4] != sys.version[:4]), None)
    if other is None:
        pytest.skip("there is only one Python here")
    (built,) = provided(EnvironmentRequest(f"here python=={other.version}"))
    assert built.version == other.version
    assert versions(built)["flumine"] == versions(host.describe_host())["flumine"]


# What one mode needs on top ----------------------------------------------------------------------------------------------


def test_required_package_is_added_and_other_versions_stay(index: Index) -> None:
    index.wheel("reader", "0.3", ("helper",))
    below, above = provided(EnvironmentRequest("engine==1.0"), EnvironmentRequest("engine==1.0", ("reader==0.3",)))
    assert versions(above) == {**versions(below), "reader": "0.3"}
    assert above.demanded == (("engine", "1.0"), ("reader", "0.3"))


def test_required_package_with_no_deps_ignores_its_dependencies(index: Index) -> None:
    index.wheel("framework", "3.0", ("engine==2.0", "helper>=1.5"))
    (built,) = provided(EnvironmentRequest("engine==1.0", ("framework --no-deps",)))
    assert versions(built) == {"engine": "1.0", "helper": "1.0", "framework": "3.0"}


def test_required_package_that_is_installed_changes_nothing(index: Index) -> None:
    below, above = provided(EnvironmentRequest("engine==1.0"), EnvironmentRequest("engine==1.0", ("helper --no-deps",)))
    assert below.python == above.python


def test_conflicting_required_package_is_reported_in_one_line(index: Index) -> None:
    index.wheel("framework", "3.0", ("engine==2.0",))
    reason = refused(EnvironmentRequest("engine==1.0", ("framework",)))
    assert "framework" in reason
    assert "engine==2.0" in reason


def test_required_package_gets_the_same_version_on_both_sides(index: Index) -> None:
    index.wheel("framework", "3.0")
    (before,) = provided(EnvironmentRequest("engine==1.0", ("framework --no-deps",)))
    index.wheel("framework", "3.1")
    (after,) = provided(EnvironmentRequest("engine==2.0", ("framework --no-deps",)))
    assert versions(before)["framework"] == versions(after)["framework"] == "3.0"


# Old releases ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def aged(index: Index) -> Index:
    """Old releases pin a compiled package of which only the newest release has a wheel."""
    index.wheel("fast", "9.0", compiled=True)
    index.sdist("fast", "1.0", before="raise SystemExit('it takes minutes to compile this')")
    index.wheel("old-engine", "1.0", ("fast==1.0", "helper==1.0"))
    index.wheel("old-engine", "2.0", ("helper==1.0",))
    index.wheel("old-engine", "3.0", ("fast>=9", "helper==1.0"))
    return index


def test_old_release_with_unavailable_pins_gets_the_newest_dependencies(aged: Index) -> None:
    (built,) = provided(EnvironmentRequest("old-engine==1.0"))
    assert built.recipe == "newest dependencies"
    assert versions(built) == {"old-engine": "1.0", "fast": "9.0", "helper": "1.5"}


def test_other_releases_of_a_package_with_unavailable_pins_use_the_same_recipe(aged: Index) -> None:
    alone, other = provided(EnvironmentRequest("old-engine==2.0"), EnvironmentRequest("engine==1.0"))
    assert (alone.recipe, versions(alone)["helper"]) == ("pins", "1.0")
    old, together, other = provided(
        EnvironmentRequest("old-engine==1.0"), EnvironmentRequest("old-engine==2.0"), EnvironmentRequest("engine==1.0")
    )
    assert (old.recipe, together.recipe, other.recipe) == ("newest dependencies", "newest dependencies", "pins")
    assert versions(together)["helper"] == "1.5"


def test_newest_is_the_same_for_both_sides_although_a_release_came_between(aged: Index) -> None:
    (before,) = provided(EnvironmentRequest("old-engine==1.0"))
    aged.wheel("helper", "1.6")
    _, after = provided(EnvironmentRequest("old-engine==1.0"), EnvironmentRequest("old-engine==3.0"))
    assert versions(before)["helper"] == versions(after)["helper"] == "1.5"


def test_a_dependency_that_never_had_a_wheel_is_built_and_the_release_not_passed_over(index: Index) -> None:
    index.wheel("framework", "1.0")
    index.wheel("framework", "1.5", ("logger==2.0",))
    index.sdist("logger", "2.0")
    (built,) = provided(EnvironmentRequest("framework"))
    assert versions(built) == {"framework": "1.5", "logger": "2.0"}
    assert built.recipe == "pins"


# Reuse -------------------------------------------------------------------------------------------------------------------


def test_pinned_spec_is_provided_from_the_cache_when_the_index_is_down(index: Index, tmp_path: Path) -> None:
    assert build("engine==2.0", folder=tmp_path, url=index.url).returncode == 0
    again = build("engine==2.0", folder=tmp_path, url=CLOSED, UV_CACHE_DIR=str(tmp_path / "empty"))
    assert again.returncode == 0
    assert not (tmp_path / "empty").exists(), "uv was not even started"


def test_unpinned_spec_is_resolved_again(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    (before,) = provided(EnvironmentRequest("engine"))
    index.wheel("engine", "3.0")
    (after,) = provided(EnvironmentRequest("engine"))
    assert (versions(before)["engine"], versions(after)["engine"]) == ("2.0", "3.0")


def test_unpinned_spec_keeps_its_last_resolution_when_the_index_is_unreachable(index: Index, tmp_path: Path) -> None:
    assert build("engine", folder=tmp_path, url=index.url).returncode == 0
    again = perfbench("environments", "engine", folder=tmp_path, env=using(CLOSED, tmp_path / "other"))
    assert again.returncode == 0
    assert "engine: the index cannot be reached; using the resolution of 20" in again.stderr


def test_environment_is_rebuilt_when_damaged_or_when_its_interpreter_was_replaced(index: Index) -> None:
    (built,) = provided(EnvironmentRequest("engine==1.0"))
    Path(built.python).unlink()
    (again,) = provided(EnvironmentRequest("engine==1.0"))
    assert imported(again, "engine") == "1.0"


# Checkouts ---------------------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main")
    command = ["git", *who, "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(index: Index, tmp_path: Path) -> Path:
    folder = checkout(tmp_path / "work", "engine", "2.0", ("helper",))
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def test_a_checkout_is_built_as_it_is_with_its_commit(repository: Path) -> None:
    clean, release = provided(EnvironmentRequest(str(repository)), EnvironmentRequest("engine==2.0"))
    assert (clean.name, clean.demanded, clean.python != release.python) == (str(repository), release.demanded, True)
    assert (clean.sources[0].commit, clean.sources[0].dirty) == (git(repository, "rev-parse", "HEAD"), False)


def test_edited_checkout_gets_a_new_environment_and_the_reverted_checkout_the_first(repository: Path) -> None:
    module = repository / "engine/__init__.py"
    text = module.read_text()
    (clean,) = provided(EnvironmentRequest(str(repository)))
    module.write_text("__version__ = 'edited'\n")
    (edited,) = provided(EnvironmentRequest(str(repository)))
    assert edited.sources[0].dirty
    assert (imported(clean, "engine"), imported(edited, "engine")) == ("2.0", "edited")
    module.write_text(text)
    assert provided(EnvironmentRequest(str(repository)))[0].python == clean.python


def test_untracked_files_belong_to_the_snapshot_and_ignored_ones_do_not(repository: Path) -> None:
    (repository / ".gitignore").write_text("ignored.py\n")
    (repository / "engine/ignored.py").write_text("1\n")
    (repository / "engine/added.py").write_text("1\n")
    (built,) = provided(EnvironmentRequest(str(repository)))
    installed = Path(built.python).parent.parent.glob("lib/python*/site-packages/engine/*.py")
    assert sorted(path.name for path in installed) == ["__init__.py", "added.py"]


def test_a_folder_without_git_is_built_too(index: Index, tmp_path: Path) -> None:
    (built,) = provided(EnvironmentRequest(str(checkout(tmp_path / "plain", "engine", "0.1"))))
    assert imported(built, "engine") == "0.1"
    assert built.sources[0].commit == ""


def test_a_git_url_is_built_at_its_revision(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v2")
    (repository / "engine/__init__.py").write_text("__version__ = 'later'\n")
    git(repository, "commit", "--quiet", "--all", "--message", "second")
    url = f"git+{repository.as_uri()}"
    tagged, short, branch = provided(
        EnvironmentRequest(f"{url}@v2"), EnvironmentRequest(f"{url}@{first[:9]}"), EnvironmentRequest(f"{url}@main")
    )
    assert [imported(one, "engine") for one in (tagged, short, branch)] == ["2.0", "2.0", "later"]
    assert tagged.sources[0].commit == short.sources[0].commit == first


# Twelve ways to fail -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("engine==9.0", "engine==9.0: there is no engine 9.0; the nearest is 2.0"),
        ("engine==1.5", "engine==1.5: there is no engine 1.5; the nearest are 1.0 and 2.0"),
        ("nobody==1.0", "nobody==1.0: nobody is not in the package index"),
        (
            "engine==1.0 helper==1.5",
            "engine<=1.0 depends on helper==1.0 and you require engine==1.0 and you require helper==1.5",
        ),
        ("engine==1.0 python==3.99", "Python 3.99 is not on this machine; found: 3."),
        ("./nowhere", "./nowhere is not a folder"),
        (".", "cannot build .: it has neither pyproject.toml nor setup.py"),
    ],
)
def test_impossible_environment_is_reported_in_one_line_with_the_reason(
    index: Index, tmp_path: Path, spec: str, reason: str
) -> None:
    done = build(spec, folder=tmp_path, url=index.url)
    assert done.returncode == 5
    assert reason in one_line(done.stderr)


def test_invalid_spec_is_a_usage_error(index: Index, tmp_path: Path) -> None:
    done = build("engine==", folder=tmp_path, url=index.url)
    assert done.returncode == 2
    assert "is not a valid environment spec" in one_line(done.stderr)


def test_other_environments_are_built_when_one_fails(index: Index, tmp_path: Path) -> None:
    done = build("engine==9.0", "engine==1.0", "nobody", folder=tmp_path, url=index.url)
    assert done.returncode == 5
    assert "engine==1.0" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("perfbench: 2 of 3 environments cannot be built")


def test_unreachable_index_is_reported_in_one_line(index: Index, tmp_path: Path) -> None:
    done = build("engine==1.0", folder=tmp_path, url=CLOSED)
    assert done.returncode == 5
    assert "engine==1.0: the package index cannot be reached" in one_line(done.stderr)


def test_failed_build_is_reported_in_one_line_and_its_log_is_kept(index: Index, tmp_path: Path) -> None:
    checkout(tmp_path / "work", "engine", "2.0", before="print('step one'); int('no number')")
    done = build("./work", folder=tmp_path, url=index.url)
    assert done.returncode == 5
    line = one_line(done.stderr)
    assert "cannot build ./work: ValueError: invalid literal for int() with base 10: 'no number'" in line
    log = Path(line.rpartition("full log: ")[2].rstrip(")"))
    assert "step one" in log.read_text()


def test_a_syntax_error_in_a_checkout_is_its_file_and_line(index: Index, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "work", "engine", "2.0")
    (folder / "engine/broken.py").write_text("ok = 1\ndef x(:\n")
    done = build("./work", folder=tmp_path, url=index.url)
    assert done.returncode == 5
    assert f"{folder / 'engine/broken.py'}:2: " in one_line(done.stderr)


@linux_only
def test_disk_that_fills_up_during_a_build_is_reported_and_leaves_no_partial_environment(
    index: Index, tmp_path: Path
) -> None:
    checkout(tmp_path / "work", "engine", "7.0")
    (tmp_path / "work/engine/large.py").write_text(f"text = '{'x' * 400_000}'\n")
    disk = tmp_path / "disk"
    with tiny_disk(disk, "300k"):
        done = build("./work", "engine==1.0", folder=tmp_path, url=index.url, PERFBENCH_CACHE=str(disk))
        assert done.returncode == 5
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert any("./work: " in line and "No space left on device" in line for line in done.stderr.splitlines())
        assert all((folder.parent / "complete.json").is_file() for folder in disk.glob("environments/*/bin"))


def started(*specs: str, folder: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "perfbench", "environments", *specs],
        cwd=folder,
        env=variables(folder, **using(url, folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def slow(index: Index, tmp_path: Path) -> Iterator[Path]:
    """A release with a dependency whose build says that it goes on, and ends only when this file is gone."""
    gate = tmp_path / "gate"
    gate.touch()
    wait = f"open({str(tmp_path / 'building')!r}, 'a').write('x')\n    while os.path.exists({str(gate)!r}): time.sleep(0.01)"
    index.sdist("slow", "1.0", before=wait)
    index.wheel("lagging", "1.0", ("slow==1.0",))
    yield gate
    gate.unlink(missing_ok=True)


@linux_only
def test_a_killed_build_is_not_taken_for_a_finished_one(index: Index, tmp_path: Path, slow: Path) -> None:
    killed = started("lagging==1.0", folder=tmp_path, url=index.url)
    wait_until((tmp_path / "building").exists, "a build has begun")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert perfbench("environments", folder=tmp_path).stdout == "no cached environments\n"
    assert list((tmp_path / "cache/environments").glob("*/pyvenv.cfg")), "something half built is there"
    next_one = started("lagging==1.0", folder=tmp_path, url=index.url)
    slow.unlink()
    _, said = next_one.communicate(timeout=60)
    assert next_one.returncode == 0, said
    assert "building lagging==1.0" in said
    (built,) = provided(EnvironmentRequest("lagging==1.0"))
    assert versions(built) == {"lagging": "1.0", "slow": "1.0"}


@linux_only
def test_two_builds_at_once_do_not_disturb_each_other(index: Index, tmp_path: Path, slow: Path) -> None:
    first = started("lagging==1.0", folder=tmp_path, url=index.url)
    wait_until((tmp_path / "building").exists, "a build has begun")
    second = started("lagging==1.0", folder=tmp_path, url=index.url)
    assert second.stderr is not None
    assert second.stderr.readline() == "waiting for another perfbench to build lagging==1.0\n"
    slow.unlink()
    for process in (first, second):
        out, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "lagging" in out
    assert (tmp_path / "building").read_text() == "x", "it was built once"


# The list, and pruning ---------------------------------------------------------------------------------------------------


@linux_only
def test_build_that_was_waited_for_is_used_before_its_builder_ends(index: Index, tmp_path: Path) -> None:
    (built,) = provided(EnvironmentRequest("engine==1.0"))
    folder = Path(built.python).parents[1]
    cache.release_shared_lock(folder.name)
    marker = (folder / cache.MARKER_FILE).rename(tmp_path / "marker")
    lock = cache.acquire_build_lock(folder.name)
    assert lock is not None
    command = [sys.executable, "-m", "perfbench", "environments", "engine==1.0"]
    environment = variables(tmp_path, **using(index.url, tmp_path))
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as other:
        assert other.stderr is not None
        assert any("waiting for another perfbench" in line for line in other.stderr)
        marker.rename(folder / cache.MARKER_FILE)
        fcntl.flock(lock, fcntl.LOCK_SH)  # as whoever built it shares it until its own end
        try:
            assert other.wait(60) == 0
        finally:
            other.kill()
            os.close(lock)


def test_cached_environments_are_listed_with_their_packages(index: Index, tmp_path: Path) -> None:
    assert perfbench("environments", folder=tmp_path).stdout == "no cached environments\n"
    assert build("engine==1.0", folder=tmp_path, url=index.url).returncode == 0
    listed = perfbench("environments", folder=tmp_path, env={"COLUMNS": "200"}).stdout
    head, row, foot = listed.splitlines()
    assert head.split() == ["spec", "Python", "recipe", "size", "built", "used", "packages"]
    assert row.startswith(f"engine==1.0  {sys.version.split()[0]}  pins")
    assert row.rstrip().endswith("just now  engine 1.0, helper 1.0")
    assert foot.startswith("1 environment, ")


def test_pruning_frees_everything_except_environments_in_use(index: Index, tmp_path: Path) -> None:
    assert build("engine==1.0", folder=tmp_path, url=index.url).returncode == 0
    (used,) = provided(EnvironmentRequest("engine==2.0"))
    pruned = perfbench("environments", "--prune", folder=tmp_path).stdout.splitlines()
    assert pruned[0].startswith("removed 1 environment, freed ")
    assert pruned[1] == f"not removed: engine==2.0 on Python {sys.version.split()[0]} is in use"
    assert imported(used, "engine") == "2.0"
    assert [one.spec for one in prune.list_cached_environments()] == ["engine==2.0"]


def test_pruning_by_age_keeps_recently_used_environments(index: Index, tmp_path: Path) -> None:
    assert build("engine==1.0", "engine==2.0", folder=tmp_path, url=index.url).returncode == 0
    (old,) = [one for one in prune.list_cached_environments() if one.spec == "engine==1.0"]
    long_ago = time.time() - 40 * 86400
    os.utime(Path(old.path) / cache.MARKER_FILE, (long_ago, long_ago))
    before = sum(file.lstat().st_blocks * 512 for file in (tmp_path / "cache").rglob("*"))
    pruned = perfbench("environments", "--prune", "--older-than", "30", folder=tmp_path)
    assert pruned.stdout.startswith("removed 1 environment, freed ")
    after = sum(file.lstat().st_blocks * 512 for file in (tmp_path / "cache").rglob("*"))
    assert before - after >= old.size_bytes > 0
    assert [one.spec for one in prune.list_cached_environments()] == ["engine==2.0"]


def test_prune_age_requires_the_prune_option(tmp_path: Path) -> None:
    done = perfbench("environments", "--older-than", "3", folder=tmp_path)
    assert done.returncode == 2
    assert "--older-than requires --prune" in one_line(done.stderr)


# Real releases: these need the package index -----------------------------------------------------------------------------


@pytest.fixture
def real_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package index as this machine is set up for it."""
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / "cache"))
    answer = provide.provide_environments([EnvironmentRequest("betfairlightweight==2.12.0")], {}, print)[0]
    if isinstance(answer, EnvironmentProblem) and "cannot be reached" in str(answer):
        pytest.skip("the package index cannot be reached")
    yield
    for key in list(cache._shared_locks):
        cache.release_shared_lock(key)


def test_real_releases_of_betfairlightweight_with_a_mode_of_flumine(real_index: None) -> None:
    before, after = provided(
        EnvironmentRequest("betfairlightweight==2.11.2", ("flumine --no-deps",)),
        EnvironmentRequest("betfairlightweight==2.12.0", ("flumine --no-deps",)),
    )
    assert (imported(before, "betfairlightweight"), imported(after, "betfairlightweight")) == ("2.11.2", "2.12.0")
    assert before.recipe == after.recipe == "pins"
    assert versions(before)["flumine"] == versions(after)["flumine"] >= "3"


def test_a_real_old_release_with_compiled_pins_has_no_wheels_for_this_python(real_index: None) -> None:
    old, new = provided(
        EnvironmentRequest("betfairlightweight[speed]==2.15.4"), EnvironmentRequest("betfairlightweight[speed]==2.24.0")
    )
    assert old.recipe == new.recipe == "newest dependencies"
    assert versions(old)["orjson"] == versions(new)["orjson"]
    assert imported(old, "betfairlightweight") == "2.15.4"


def test_environment_here_with_a_required_package_is_built_from_installed_versions(real_index: None) -> None:
    here = versions(host.describe_host())
    (built,) = provided(EnvironmentRequest("here", ("tickrush==0.1.0",)))
    assert versions(built)["tickrush"] == "0.1.0"
    shared = {name for name in versions(built) if name in here}
    assert {"betfairlightweight", "flumine", "requests"} <= shared
    assert {name: versions(built)[name] for name in shared} == {name: here[name] for name in shared}
