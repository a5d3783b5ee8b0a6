"""What a resumed run keeps: the length of its markets, decided once, also where it was saved before lengths were."""

from __future__ import annotations

import pytest
from support.runs import settings

from perfbench.runner.session import Continuation


@pytest.mark.parametrize(("saved", "kept"), [(None, ()), ((), ()), ((("1.1", 400),), (("1.1", 400),))])
def test_resumed_run_cuts_no_market_that_it_had_whole(
    saved: tuple[tuple[str, int], ...] | None, kept: tuple[tuple[str, int], ...]
) -> None:
    changed = Continuation(max_time=0.1).change(settings(cuts=saved))
    assert (changed.cuts, changed.max_time) == (kept, 0.1)
