"""Variables of git, uv, pip and interpreters reach a build only if they say how something is reached."""

from __future__ import annotations

import pytest

from perfbench.environments import uv
from perfbench.environments.variables import copy_build_variables, copy_variables, list_build_settings

BOUND_TO_A_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_AUTHOR_DATE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_EDITOR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NEW_VARIABLE_OF_NEXT_YEAR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REFLOG_ACTION",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
)
CHANGE_WHAT_IS_BUILT = (
    "CONDA_PREFIX",
    "PIP_CONSTRAINT",
    "PIP_NO_BINARY",
    "PIP_PRE",
    "PIP_TARGET",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONPYCACHEPREFIX",
    "UV_CONSTRAINT",
    "UV_NEW_VARIABLE_OF_NEXT_YEAR",
    "UV_NO_BINARY",
    "UV_OVERRIDE",
    "UV_PRERELEASE",
    "UV_PYTHON",
    "UV_RESOLUTION",
    "VIRTUAL_ENV",
)
HOW_TO_REACH_SOMETHING = (
    "GIT_ASKPASS",
    "GIT_CONFIG_GLOBAL",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "HOME",
    "HTTPS_PROXY",
    "PIP_TRUSTED_HOST",
    "SSH_AUTH_SOCK",
    "UV_CACHE_DIR",
    "UV_INDEX_PRIVATE_PASSWORD",
)


@pytest.mark.parametrize("name", BOUND_TO_A_REPOSITORY)
def test_variable_that_binds_git_is_not_passed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "set")
    assert name not in copy_variables()
    assert name not in uv.build_variables(0)


@pytest.mark.parametrize("name", CHANGE_WHAT_IS_BUILT)
def test_variable_that_changes_a_build_is_not_passed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "set")
    assert name not in copy_build_variables()
    assert uv.build_variables(0).get(name) != "set"


@pytest.mark.parametrize("name", HOW_TO_REACH_SOMETHING)
def test_variable_of_connections_and_configuration_is_passed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "set")
    assert copy_build_variables()[name] == "set"


def test_settings_of_one_git_command_pass_for_connections_and_trust_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = (("core.worktree", "/x"), ("Safe.directory", "*"), ("core.hooksPath", "/x"), ("url.a.insteadOf", "b"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(pairs)))
    for number, (key, value) in enumerate(pairs):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    passed = {name: value for name, value in copy_variables().items() if name.startswith("GIT_CONFIG_")}
    assert passed == {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "Safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "url.a.insteadOf",
        "GIT_CONFIG_VALUE_1": "b",
    }


@pytest.mark.parametrize("count", ["", "many", "-1", "1000000000", "²"])
def test_odd_number_of_git_settings_passes_none(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", count)
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    assert not {"GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0"} & copy_variables().keys()


def test_settings_of_compilers_and_of_versions_from_git_pass_and_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_build_settings()
    settings = {"CFLAGS": "-O0", "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SMALL": "1.0", "PBR_VERSION": "2"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert copy_build_variables().items() >= settings.items()
    assert set(list_build_settings()) - set(before) == set(settings.items())
