"""Each function writes as a careful program does: into the working directory, over its files, and to temporary files."""

import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
"""The user's folder, which is the working directory too."""


def new_files(market):
    import polars
    import pyarrow
    from pyarrow import parquet

    frame = polars.DataFrame({"price": [2.0]})
    frame.write_parquet("new.parquet")
    frame.write_csv("output/new.csv")
    os.makedirs("made/deep", exist_ok=True)
    parquet.write_table(pyarrow.table({"price": [2.0]}), "made/deep/new.parquet")
    assert polars.read_parquet("new.parquet").equals(frame)
    assert pathlib.Path("output/new.csv").read_text().split() == ["price", "2.0"]
    assert (FOLDER / "output" / "new.csv").exists()  # by its absolute path too
    return 1


def written_over(market):
    import polars

    before = polars.read_parquet("prices.parquet")
    polars.concat([before, before]).write_parquet("prices.parquet")
    assert len(polars.read_parquet("prices.parquet")) == 2 * len(before)
    before.write_json("output/kept.json")
    assert pathlib.Path("output/kept.json").read_text().startswith("[")
    with open("output/kept.json", "a") as file:
        file.write("\n")
    return 1


def databases(market):
    for path in ("orders.db", str(FOLDER / "output" / "wal.db")):
        database = sqlite3.connect(path)
        (count,) = database.execute("select count(*) from orders").fetchone()
        with database:
            database.execute("insert into orders values (2.5)")
        database.close()
        database = sqlite3.connect(path)
        assert database.execute("select count(*) from orders").fetchone() == (count + 1,)
        database.close()
    for path in ("new.db", str(FOLDER / "new.db"), "file:" + str(FOLDER / "other.db") + "?mode=rwc"):
        database = sqlite3.connect(path, uri=True)
        with database:
            database.execute("create table if not exists orders (profit)")
        database.close()
    read = sqlite3.connect("file:" + str(FOLDER / "orders.db") + "?mode=ro", uri=True)
    assert read.execute("select count(*) from orders").fetchone() == (2,)  # the copy, where a row was added
    read.close()
    return 1


def numbered_files(market):
    path = str(FOLDER / "output" / "kept.json")
    opened = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(opened, b"[1]")
    os.close(opened)
    assert pathlib.Path(path).read_text() == "[1]"
    made = os.open(str(FOLDER / "flag"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(made)
    assert (FOLDER / "flag").exists()
    return 1


def times_and_modes(market):
    for path in (FOLDER / "kept.bin", pathlib.Path("kept.bin")):
        path.touch()
        os.utime(path, (1, 1))
        os.chmod(path, 0o600)
        assert os.stat(path).st_mtime == 1
    os.truncate(str(FOLDER / "kept.bin"), 0)
    assert os.path.getsize(FOLDER / "kept.bin") == 0
    return 1


def removed(market):
    shutil.rmtree("output")
    assert not os.path.exists("output")
    os.makedirs("output")
    os.remove("kept.bin")
    assert sorted(os.listdir(".")) == sorted({*os.listdir(FOLDER)} - {"kept.bin"})
    return 1


def moved(market):
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "made")
        os.mkdir(made)
        pathlib.Path(made, "file").write_text("made")
        os.rename(made, "moved")
        os.replace("moved/file", "kept.bin")
    assert pathlib.Path("kept.bin").read_text() == "made"
    return 1


def children(market):
    subprocess.run(["sh", "-c", "echo done > child.txt; echo more >> output/kept.json"], check=True)
    assert pathlib.Path("child.txt").read_text() == "done\n"
    assert pathlib.Path("output/kept.json").read_text().endswith("more\n")
    return 1


def temporary(market):
    assert tempfile.gettempdir() == os.environ["TMPDIR"]
    subprocess.run(["sh", "-c", 'echo done > "$TMPDIR/child.txt"'], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".db") as file:
        sqlite3.connect(file.name).execute("create table orders (profit)")
    assert os.path.exists(os.path.join(tempfile.gettempdir(), "child.txt"))
    return 1
