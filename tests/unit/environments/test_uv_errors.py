"""What uv and build backends say, condensed to one line; the texts are theirs."""

from __future__ import annotations

import pytest

from perfbench.environments import uv_errors
from perfbench.environments.uv_errors import IndexUnreachable

CONFLICT = """error: No solution found when resolving dependencies
  cause: Because flumine>=3.3.2 depends on betfairlightweight==2.24.0 and you require betfairlightweight==2.11.2, we can conclude that your requirements and flumine>=3.3.2 are incompatible.
         And because you require flumine==3.3.2, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501

NO_WHEEL = """error: No solution found when resolving dependencies
  cause: Because ciso8601{sys_platform == 'darwin' or sys_platform == 'linux'}==2.1.3 has no usable wheels and betfairlightweight==2.8.0 depends on ciso8601{sys_platform == 'darwin' or sys_platform == 'linux'}==2.1.3, we can conclude that betfairlightweight==2.8.0 cannot be used.
         And because you require betfairlightweight==2.8.0, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501

HINT = "\nhint: Wheels are required for `ciso8601` because building from source is disabled for all packages (i.e., with `--no-build`)\n"  # noqa: E501

COMPILER = """Building wheel...
running build_ext
cc.c:1:2: error: #error nope
    1 | #error nope
error: Command '['gcc', '-c', 'cc.c']' returned non-zero exit status 1.
error: Failed to build `/src/cc`
  cause: The build backend returned an error
"""

TRACEBACK = """Building wheel...
Traceback (most recent call last):
  File "<string>", line 11, in <module>
ValueError: invalid literal for int() with base 10: 'x'
step one
error: Failed to build `/src/cc`
  cause: The build backend returned an error

hint: Build failures usually indicate a problem with the package or the build environment
"""

REFUSED = """error: Request failed after 3 retries in 10.8s
  cause: Failed to fetch: http://127.0.0.1:9/simple/requests/
  cause: tcp connect error
"""

OFFLINE = """error: No solution found when resolving dependencies
  cause: Because requests was not found in the cache and you require requests, we can conclude that your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may only be read from the cache.
"""  # noqa: E501

OTHER_PYTHON = """error: No solution found when resolving dependencies
  cause: Because the current Python version (3.8.18) does not satisfy Python>=3.10 and flumine==3.3.2 depends on Python>=3.10, we can conclude that flumine==3.3.2 cannot be used.
"""  # noqa: E501


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            CONFLICT,
            "flumine>=3.3.2 depends on betfairlightweight==2.24.0 and you require betfairlightweight==2.11.2"
            " and you require flumine==3.3.2",
        ),
        (OTHER_PYTHON, "flumine==3.3.2 requires Python >=3.10, not 3.8.18"),
        (COMPILER, "cannot build /src/cc: cc.c:1:2: error: #error nope"),
        (TRACEBACK, "cannot build /src/cc: ValueError: invalid literal for int() with base 10: 'x'"),
        ("error: Failed to write: No space left on device (os error 28)", "the disk is full"),
        (
            "warning: something\nerror: something quite new\n  cause: unheard of",
            "something quite new cause: unheard of",
        ),
        ("", "uv: no reason given"),
    ],
)
def test_the_reason_is_one_line(said: str, reason: str) -> None:
    assert str(uv_errors.build_problem(said)).startswith(reason)
    assert "\n" not in str(uv_errors.build_problem(said))


@pytest.mark.parametrize("said", [REFUSED, OFFLINE])
def test_unreachable_index_is_distinguished_from_other_errors(said: str) -> None:
    assert isinstance(uv_errors.build_problem(said), IndexUnreachable)
    assert not isinstance(uv_errors.build_problem(CONFLICT), IndexUnreachable)


def test_the_package_without_a_wheel_is_found_with_and_without_the_hint() -> None:
    assert uv_errors.find_package_without_wheel(NO_WHEEL) == "ciso8601"
    assert uv_errors.find_package_without_wheel(NO_WHEEL + HINT) == "ciso8601"
    assert not uv_errors.find_package_without_wheel(CONFLICT)


def test_a_release_that_does_not_exist_is_found() -> None:
    said = "cause: Because there is no version of betfairlightweight[speed]==9.9 and you require it, we can conclude"
    assert uv_errors.find_missing_release(said) == ("betfairlightweight", "9.9")
