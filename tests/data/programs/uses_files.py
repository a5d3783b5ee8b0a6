"""Writes, copies, moves, finds and removes files in its own folder, and starts processes; returns 7. Without any package."""

import glob
import logging
import multiprocessing
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

FOLDER = pathlib.Path(__file__).resolve().parent
OUT = FOLDER / "out"


def square(number):
    return number * number


def write_and_read():
    OUT.mkdir(exist_ok=True)
    (OUT / "a.txt").write_text("a")
    with (OUT / "b.txt").open("w") as file:
        file.write("b")
    os.makedirs(OUT / "x" / "y", exist_ok=True)
    shutil.copy(str(OUT / "a.txt"), str(OUT / "x" / "y" / "c.txt"))
    assert sorted(os.listdir(str(OUT))) == ["a.txt", "b.txt", "x"]
    assert (OUT / "x" / "y" / "c.txt").read_text() == "a"
    assert (OUT / "b.txt").exists()
    assert os.path.getsize(str(OUT / "b.txt")) == 1
    assert os.access(str(OUT / "a.txt"), os.R_OK)


def move_and_remove():
    (OUT / "b.txt").rename(OUT / "d.txt")
    assert not (OUT / "b.txt").exists()
    (OUT / "d.txt").unlink()
    assert not (OUT / "d.txt").exists()
    shutil.copy2(str(OUT / "a.txt"), str(FOLDER / "copied.txt"))
    shutil.move(str(FOLDER / "copied.txt"), str(OUT / "moved.txt"))
    os.remove(str(OUT / "moved.txt"))


def find():
    assert glob.glob("data/**/1.*", recursive=True) == ["data/deep/1.5"]
    assert ("data/deep", [], ["1.5"]) in list(os.walk("data"))
    if sys.version_info >= (3, 10):
        assert [str(path) for path in pathlib.Path().rglob("1.*")] == ["data/deep/1.5"]
        assert ("./data/deep", [], ["1.5"]) in list(os.walk("."))


def run(path):
    write_and_read()
    move_and_remove()
    find()
    logging.basicConfig(filename=str(FOLDER / "log.txt"), level=logging.INFO)
    logging.info("written")
    database = sqlite3.connect("new.db")
    database.execute("create table orders (profit)")
    database.close()
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "file").write_text("")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(square, [1, 2, 3]) == [1, 4, 9]
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, [1, 2])) == [1, 4]
    return 7
