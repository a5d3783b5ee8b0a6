"""The spec that rebuilds the environment of a saved run: the same versions, extras, Python, repository and folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support import runs
from support.releases import commit, git

from perfbench.errors import EnvironmentProblem, NotMeasured, StorageProblem
from perfbench.gate.baseline import build_baseline_spec, choose_title, find_baseline, pin_inputs
from perfbench.model import Checkout, Corpus, Environment, Failure, GatePolicy, Package, PinnedInput, Run


def run_in(spec: str, *sources: Checkout, demanded: tuple[tuple[str, str], ...] = ()) -> Run:
    """A run that was measured in the environment of this spec."""
    (first,) = (runs.measurement("plain", [1.0], baseline=True),)
    measured = replace(first, case=replace(first.case, environment=spec))
    packages = (Package("engine", "2.0"), Package("helper", "1.5"))
    place = Environment(spec, "", "3.12.1", packages, demanded=demanded, sources=sources)
    made = runs.run([measured], environments=((spec,),), names=(("old", "engine[fast]>=1"),))
    return replace(made, environments=(place,))


@pytest.mark.parametrize(
    ("spec", "rebuilt"),
    [
        ("engine==1.0", "engine==1.0"),
        ("engine", "engine==2.0"),
        ("engine[fast,small]>=1 python==3.12", "engine[fast,small]==2.0 python==3.12"),
        ("helper<2 engine", "helper==1.5 engine==2.0"),
        ("old", "engine[fast]==2.0"),
    ],
)
def test_releases_are_pinned_to_the_measured_versions(spec: str, rebuilt: str, tmp_path: Path) -> None:
    assert build_baseline_spec(run_in(spec), tmp_path) == rebuilt


def test_git_repository_is_pinned_to_the_measured_commit(tmp_path: Path) -> None:
    source = Checkout("bf", "a" * 40, dirty=False)
    spec = "bf[speed]@git+https://host/bf@master#subdirectory=lib python==3.11"
    run = run_in(spec, source, demanded=(("betfairlightweight", "2.0"),))
    assert build_baseline_spec(run, tmp_path) == (
        f"betfairlightweight[speed]@git+https://host/bf@{'a' * 40}#subdirectory=lib python==3.11"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a package in a folder, two commits on main and one on feature."""
    folder = tmp_path / "work"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "pyproject.toml").touch()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    commit(folder, "first")
    commit(folder, "second")
    git(folder, "switch", "--quiet", "--create", "feature")
    commit(folder, "third")
    return folder


def test_checkout_is_rebuilt_from_its_own_repository_folder_and_extras(repository: Path, tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    commit(other, "unrelated")
    run = run_in("../work/lib[speed] python==3.12", Checkout("lib", head, dirty=False), demanded=(("lib", "1"),))
    spec = f"lib[speed]@git+{repository.as_uri()}@{head}#subdirectory=lib python==3.12"
    assert build_baseline_spec(run, other) == spec
    assert build_baseline_spec(run_in("./lib", Checkout("lib", head, dirty=False)), repository) == (
        f"git+{repository.as_uri()}@{head}#subdirectory=lib"
    )


def test_checkout_that_was_moved_is_sought_around_the_working_folder(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    run = run_in("/gone/from/here", Checkout("here", head, dirty=False))
    assert build_baseline_spec(run, repository) == f"git+{repository.as_uri()}@{head}"


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ((Checkout("lib", "", dirty=False),), "outside of git"),
        ((Checkout("lib", "a" * 40, dirty=True),), "with uncommitted changes"),
        ((Checkout("lib", "a" * 40, dirty=False), Checkout("b", "b" * 40, dirty=False)), "of several checkouts"),
        ((), "outside of git"),
    ],
)
def test_checkout_that_cannot_be_rebuilt_is_refused(
    sources: tuple[Checkout, ...], reason: str, repository: Path
) -> None:
    with pytest.raises(NotMeasured, match=f"was measured {reason}, which cannot be rebuilt"):
        build_baseline_spec(run_in("./lib", *sources), repository)


def test_release_without_a_known_version_is_kept_as_it_was_named(tmp_path: Path) -> None:
    assert build_baseline_spec(run_in("engine elsewhere>=2"), tmp_path) == "engine==2.0 elsewhere>=2"


# The environment of the host -----------------------------------------------------------------------------------------------


def run_here(*imported: Package, source: Checkout | None = None, version: str = "3.12.1") -> Run:
    """A run that was measured in the interpreter of perfbench itself, whose workers imported these packages."""
    measured = replace(runs.measurement("plain", [1.0], baseline=True), packages=imported)
    place = Environment("here", "", version, sources=(source,) if source else ())
    return replace(runs.run([measured]), environments=(place,))


def test_packages_that_were_imported_here_are_rebuilt_on_the_same_python(tmp_path: Path) -> None:
    imported = Package("engine", "2.0", "{prefix}/engine/__init__.py"), Package("helper", "1.5", "{prefix}/helper.py")
    assert build_baseline_spec(run_here(*imported), tmp_path) == "engine==2.0 helper==1.5 python==3.12"


@pytest.mark.parametrize(
    ("imported", "cause"),
    [
        ((), "made-up imported no package, which cannot be rebuilt"),
        (
            (Package("engine", "2.0", "{prefix}/engine.py"), Package("own", "0", "/home/me/own.py")),
            "made-up imported own from a folder, which cannot be rebuilt",
        ),
    ],
)
def test_imports_that_no_index_has_are_refused(imported: tuple[Package, ...], cause: str, tmp_path: Path) -> None:
    with pytest.raises(NotMeasured) as caught:
        build_baseline_spec(run_here(*imported), tmp_path)
    assert caught.value.lines == (cause, "hint: measure it with --env")


def test_checkout_that_is_installed_here_is_rebuilt_from_its_commit(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    run = run_here(source=Checkout("work", head, dirty=False))
    assert build_baseline_spec(run, repository / "lib") == f"git+{repository.as_uri()}@{head}"
    with pytest.raises(NotMeasured, match="with uncommitted changes"):
        build_baseline_spec(run_here(source=Checkout("work", head, dirty=True)), repository)


# Runs that are no baseline -------------------------------------------------------------------------------------------------


def failed(run: Run) -> Run:
    (only,) = run.measurements
    return replace(run, measurements=(replace(only, failures=(Failure("duet 0", "it crashed"),)),))


@pytest.mark.parametrize(
    "run",
    [
        replace(run_in("engine"), finished=False),
        replace(run_in("engine"), problems=("old: cannot be built",)),
        failed(run_in("engine")),
    ],
)
def test_incomplete_run_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NotMeasured) as caught:
        build_baseline_spec(run, tmp_path)
    assert caught.value.lines == (
        "made-up cannot serve as a baseline: it is incomplete",
        "hint: measure it again",
    )


@pytest.mark.parametrize(
    "run", [replace(run_in("engine"), environments=()), replace(run_in("engine"), measurements=())]
)
def test_run_whose_packages_are_unknown_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="its installed packages are unknown"):
        build_baseline_spec(run, tmp_path)


def test_scenarios_and_market_files_of_the_run_are_pinned() -> None:
    made = replace(
        runs.run([]),
        scenarios=(replace(runs.scenario("plain"), sha256="s" * 64),),
        data=(replace(runs.MARKET, sha256="m" * 64),),
    )
    assert pin_inputs(made) == (
        PinnedInput("scenario", "made_up", "s" * 64),
        PinnedInput("market file", "market", "m" * 64),
    )


def test_baseline_of_a_corpus_pins_its_listing() -> None:
    made = replace(run_in("old"), corpus=Corpus("august.tar (9 files)", 9, 9, 900, "d" * 64))
    assert pin_inputs(made)[-1] == PinnedInput("market file", "august.tar (9 files)", "d" * 64)


# Search ------------------------------------------------------------------------------------------------------------------


def save(run: Run, folder: Path) -> None:
    from perfbench.results.document import RUNS

    folder.mkdir(exist_ok=True)
    RUNS.save(run, folder / f"{run.id}.json")


def test_branch_stands_for_the_newest_clean_run_of_the_nearest_commit(repository: Path, tmp_path: Path) -> None:
    first, second = git(repository, "rev-parse", "main~1"), git(repository, "rev-parse", "main")
    results = tmp_path / "results"
    for name, at, dirty, created in (
        ("old", first, False, "2026-01-01"),
        ("near", second, False, "2026-01-02"),
        ("newer", second, False, "2026-01-03"),
        ("dirty", second, True, "2026-01-04"),
    ):
        save(replace(run_in("engine"), id=name, commit=at, dirty=dirty, created=created), results)
    assert find_baseline("main", [tmp_path / "empty", results], repository).id == "newer"
    assert find_baseline("old", [results], repository).id == "old"
    for name in ("newer", "near"):
        (results / f"{name}.json").unlink()
    assert find_baseline("main", [results], repository).id == "old"


def test_missing_run_of_a_shallow_clone_comes_with_the_remedy(repository: Path, tmp_path: Path) -> None:
    options = ("clone", "--quiet", "--depth", "1", "--no-single-branch", "--branch", "feature")
    git(tmp_path, *options, repository.as_uri(), "shallow")
    save(replace(run_in("engine"), id="base", commit=git(repository, "rev-parse", "main~1")), tmp_path / "results")
    with pytest.raises(StorageProblem, match="in this shallow clone") as caught:
        find_baseline("origin/main", [tmp_path / "results"], tmp_path / "shallow")
    assert "git fetch --unshallow" in caught.value.hint
    git(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    assert find_baseline("origin/main", [tmp_path / "results"], tmp_path / "shallow").id == "base"


def test_git_that_fails_is_reported_and_not_taken_for_a_missing_run(repository: Path, tmp_path: Path) -> None:
    (repository / ".git" / "HEAD").write_text("rubbish\n")
    with pytest.raises(EnvironmentProblem, match="git failed"):
        find_baseline("main", [tmp_path], repository)


def test_run_that_is_there_and_cannot_be_read_is_reported_and_not_sought_elsewhere(
    repository: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "main.json").write_text("{")
    save(replace(run_in("engine"), id="main"), tmp_path / "results")
    with pytest.raises(StorageProblem, match=r"main\.json"):
        find_baseline("main", [damaged, tmp_path / "results"], repository)
    assert find_baseline("main", [tmp_path / "empty", tmp_path / "results"], repository).id == "main"


def test_gates_unfinished_runs_and_other_files_do_not_stand_for_a_branch(repository: Path, tmp_path: Path) -> None:
    at = git(repository, "rev-parse", "main")
    results = tmp_path / "results"
    good = replace(run_in("engine"), id="good", commit=at, created="2026-01-01")
    save(replace(good, id="gate", created="2026-01-02", settings=replace(good.settings, gate=GatePolicy())), results)
    save(replace(good, id="unfinished", created="2026-01-03", finished=False), results)
    (results / "notes.json").write_text("[]")
    with pytest.raises(StorageProblem) as caught:
        find_baseline("main", [results], repository)
    assert caught.value.lines == (
        f"main: no run of that name in {results}, and no run of a commit on such a branch",
        "hint: create one with perfbench run --save main",
    )
    save(good, results)
    assert find_baseline("main", [results], repository).id == "good"


def test_title_is_the_name_unless_it_means_something_else(tmp_path: Path) -> None:
    (tmp_path / "first.json").touch()
    settings = runs.settings(environments=(("", "."),), names=(("then", "engine==1.0"),))
    titles = {
        name: choose_title(name, "SPEC", settings)
        for name in ("origin/main", str(tmp_path / "first.json"), "then", "here", ".")
    }
    assert list(titles.values()) == ["origin/main", "first", "SPEC", "SPEC", "SPEC"]
