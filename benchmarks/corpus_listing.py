"""Seconds and peak memory of listing a corpus of many small files: as a tar, a zip and a folder tree.

``python benchmarks/corpus_listing.py [--members 100000] [--folder DIR]``. The files are written first, 600 bytes each, in
the layout of Betfair's downloads; each listing is a process of its own. Peak memory is VmHWM of /proc/self/status: that of
the process alone.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

CONTENT_BYTES = 600
MARKETS_PER_EVENT = 6

PROBE = """
import sys, time, tempfile
from pathlib import Path
from perfbench.datasets.corpus.listing import list_corpus
from perfbench.datasets.corpus.opening import discard, open_member

def read_peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000

before = read_peak()
start, cpu = time.perf_counter(), time.process_time()
listing = list_corpus([sys.argv[1]])
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = read_peak()
with tempfile.TemporaryDirectory() as folder:
    start = time.perf_counter()
    for member in listing.members[:: max(1, len(listing.members) // 20)][:20]:
        discard(open_member(member, Path(folder)))
    opening = (time.perf_counter() - start) / 20
print(f"{len(listing.members)} {seconds:.2f} {cpu:.2f} {before:.0f} {peak:.0f} {1000 * opening:.2f} {listing.digest[:12]}")
"""


def name_members(count: int) -> Iterator[str]:
    """Paths of Betfair's layout, in random order of the markets."""
    numbers = list(range(count))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        event = number // MARKETS_PER_EVENT
        yield f"BASIC/2025/Aug/{event % 31 + 1}/{34_000_000 + event}/1.{246_000_000 + number}.bz2"


def write_tar(path: Path, count: int) -> None:
    """A tar of all members."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in name_members(count):
            header = tarfile.TarInfo(name)
            header.size = CONTENT_BYTES
            archive.addfile(header, BytesIO(bytes(CONTENT_BYTES)))
            archive.members.clear()  # type: ignore[attr-defined]


def write_zip(path: Path, count: int) -> None:
    """A zip of all members, stored."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in name_members(count):
            archive.writestr(name, bytes(CONTENT_BYTES))


def write_folder(path: Path, count: int) -> None:
    """A folder tree of all members."""
    for name in name_members(count):
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(bytes(CONTENT_BYTES))


def main() -> None:
    """Write the corpora, list each, print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the corpora are written; default: a temporary folder")
    parser.add_argument("--kinds", nargs="+", default=["tar", "zip", "folder"])
    options = parser.parse_args()
    print("kind       members    seconds        CPU   MB before    MB peak   ms to open  digest")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="corpus-listing-") as folder:
        for kind in options.kinds:
            path = Path(folder, "corpus" if kind == "folder" else f"corpus.{kind}")
            {"tar": write_tar, "zip": write_zip, "folder": write_folder}[kind](path, options.members)
            done = subprocess.run([sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, check=True)
            members, seconds, cpu, before, peak, opening, digest = done.stdout.split()
            print(
                f"{kind:<8}{members:>10}{seconds:>11}{cpu:>11}{before:>12}{peak:>11}{opening:>13}  {digest}", flush=True
            )


if __name__ == "__main__":
    main()
