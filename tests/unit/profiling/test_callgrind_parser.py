"""What callgrind writes, read."""

from __future__ import annotations

import pytest

from perfbench.errors import TrialFailed
from perfbench.profiling.instructions.callgrind_parser import CallArc, CallgrindCounts, FunctionNode, parse_counts
from perfbench.runner import callgrind

WHOLE = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 7
cmd:  python main.py: fn=(1) is no function here
part: 1

desc: Timerange: Basic block 0 - 13259805
desc: Trigger: Client Request

positions: line
events: Ir
summary: 1530

ob=(1) /usr/bin/python3.12
fl=(1) main.c
fn=(1) main
16 400
+4 20
fi=(2) inlined.h
3 30
fe=(1)
-1 5
* 5
cob=(2) ???
cfi=(3) ???
cfn=(2) 0x000000000547b021
calls=3 0
* 1000
-2 40

ob=(2)
fl=(3)
fn=(2)
0 30
cfn=(3) 0x000000000547b030
calls=2 0
0 970

fn=(3)
0 1000

totals: 1530
"""


def test_a_file_is_read() -> None:
    assert parse_counts(WHOLE) == CallgrindCounts(
        1530,
        (FunctionNode("main", 500), FunctionNode("0x000000000547b021", 30), FunctionNode("0x000000000547b030", 1000)),
        (
            CallArc("main", "0x000000000547b021", 3, 1000),
            CallArc("0x000000000547b021", "0x000000000547b030", 2, 970),
        ),
    )


def test_sum_of_the_self_costs_is_the_total() -> None:
    counts = parse_counts(WHOLE)
    assert sum(node.instructions for node in counts.nodes) == counts.total


def body(*lines: str, head: str = "events: Ir\nsummary: 99") -> CallgrindCounts:
    return parse_counts("\n".join((*head.splitlines(), "", *lines)))


def test_calls_from_several_places_are_one_arc() -> None:
    counts = body("fn=a", "cfn=b", "calls=2 7", "1 10", "5 1", "cfn=b", "calls=1 7", "6 4")
    assert counts.nodes == (FunctionNode("a", 1),)
    assert counts.arcs == (CallArc("a", "b", 3, 14),)


def test_a_function_stands_in_as_many_places_as_it_likes() -> None:
    assert body("fn=(1) a", "1 10", "fn=(2) b", "1 1", "fn=(1)", "2 5").nodes == (
        FunctionNode("a", 15),
        FunctionNode("b", 1),
    )


def test_the_levels_of_a_recursion_are_one_function() -> None:
    counts = body("fn=(1) a", "0 2", "cfn=(2) a'2", "calls=1 0", "0 9", "fn=(2)", "0 3", "cfn=(2)", "calls=4 0", "0 6")
    assert counts.nodes == (FunctionNode("a", 5),)
    assert counts.arcs == (CallArc("a", "a", 5, 15),)


def test_positions_may_be_two_and_events_several() -> None:
    head = "positions: instr line\nevents: Dr Ir Dw\nsummary: 1 99 2"
    counts = body("fn=a", "0x8048 16 1 40 3", "+3 +1 7 50", "* * 9", head=head)
    assert (counts.total, counts.nodes) == (99, (FunctionNode("a", 90),))


def test_jumps_cost_nothing() -> None:
    counts = body("fn=a", "1 10", "jump=4 17", "1", "jcnd=2/4 +3", "+1", "2 5")
    assert counts.nodes == (FunctionNode("a", 15),)


def test_a_name_may_hold_what_it_likes() -> None:
    counts = body("fn=(1) operator=(A const&): fn=(2)", "1 10", "fn=(below main)", "1 2", "fn=(1)", "1 1")
    assert counts.nodes == (FunctionNode("operator=(A const&): fn=(2)", 11), FunctionNode("(below main)", 2))


def test_the_total_may_stand_at_the_end() -> None:
    assert body("fn=a", "1 10", "totals: 10", head="events: Ir").total == 10


@pytest.mark.parametrize(
    "text", ["", "version: 1\n", "events: Ir\nsummary: 0\n", "events: Ir\nsummary: \n", "events: Ir\nfn=a\n1 4\n"]
)
def test_a_file_that_counts_nothing_is_no_count(text: str) -> None:
    with pytest.raises(TrialFailed, match="counted nothing"):
        parse_counts(text)


@pytest.mark.parametrize(
    "lines", [("1 10",), ("fn=(3)",), ("fn=a", "1 much"), ("fn=a", "calls=x 1"), ("fn=a", "calls=")]
)
def test_a_broken_file_is_one_line(lines: tuple[str, ...]) -> None:
    with pytest.raises(TrialFailed, match="callgrind output cannot be parsed") as caught:
        body(*lines)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_without_instructions_is_refused() -> None:
    with pytest.raises(TrialFailed, match="cannot be parsed"):
        parse_counts("events: Dr\nsummary: 5\n")


# What is left out ------------------------------------------------------------------------------------------------------


def left_out(name: str) -> bool:
    """Whether one of the patterns fits; all of them are a beginning and ``*``."""
    starts = [
        option.partition("=")[2] for option in callgrind.build_exclusion_options() if option.startswith("--fn-skip=")
    ]
    assert all(start.endswith("*") for start in starts)
    return any(name.startswith(start[:-1]) for start in starts)


@pytest.mark.parametrize(
    "name",
    [
        "_PyEval_EvalFrameDefault",
        "PyObject_Call",
        "__memcpy_avx",
        "_decimal_add",
        "gcd",
        "gc_alloc",
        "gc_traverse",
        "_ZN3fooE",
        "dl_x",
    ],
)
def test_named_function_is_left_out(name: str) -> None:
    assert left_out(name)


@pytest.mark.parametrize("name", ["0x000000000547b021", "_dl_runtime_resolve_xsave", "gc_collect_main"])
def test_trampolines_the_loader_and_the_collector_are_not_left_out(name: str) -> None:
    assert not left_out(name)


def test_functions_are_left_out_of_counts_by_function_only() -> None:
    with callgrind.Callgrind() as plain, callgrind.Callgrind(by_function=True) as by_function:
        assert not any("--fn-skip" in option for option in plain.prefix)
        assert by_function.prefix[-1].startswith("--fn-skip")
