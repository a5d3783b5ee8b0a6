"""Log of frames: rows that are there before the exchange ends."""

from __future__ import annotations

import csv
import errno
import os
import threading
from pathlib import Path

import pytest

from perfbench.exchange.frame_log import FLUSH_SECONDS, FrameLog
from perfbench.exchange.metrics import Frame

HEADER = "connection,clk,due,sent,bytes"


def test_rows_are_in_the_file_while_the_log_is_open(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = FrameLog(path)
    assert path.read_text().splitlines() == [HEADER]
    log.record("a", Frame(1, 0.5, 0.75, 100))
    log.record("a", Frame(2, 0.5, 10**9 + FLUSH_SECONDS, 200))
    assert len(path.read_text().splitlines()) == 3, "a second has passed since the last row"
    log.close()
    assert path.read_text().splitlines()[1:] == ["a,1,0.5,0.75,100", "a,2,0.5,1000000001.0,200"]


def test_rows_of_several_connections_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = FrameLog(path)

    def record(name: str) -> None:
        for number in range(2_000):
            log.record(name, Frame(number, 0.0, 0.0, 1))

    threads = [threading.Thread(target=record, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    rows = path.read_text().splitlines()[1:]
    assert sorted(rows) == sorted(f"{name},{number},0.0,0.0,1" for name in "abcd" for number in range(2_000))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such files")
def test_log_without_room_for_its_header_is_not_opened() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        FrameLog(Path("/dev/full"))


def test_error_of_the_file_ends_the_log_and_is_raised_when_it_is_closed(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "log.csv")
    failures: list[int] = []

    class Full:
        closed = False

        def write(self, _text: str) -> int:
            failures.append(1)
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            self.closed = True

    log._file.close()
    log._file = Full()  # type: ignore[assignment]
    log._rows = csv.writer(log._file)
    log.record("a", Frame(1, 0.0, 0.0, 1))
    log.record("a", Frame(2, 0.0, 0.0, 1))
    assert failures == [1]
    with pytest.raises(OSError, match="No space left"):
        log.close()
