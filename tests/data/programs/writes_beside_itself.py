"""Writes into its own folder, and reads it again."""

import os
import pathlib
import runpy

FOLDER = pathlib.Path(__file__).parent
runpy.run_path(str(FOLDER / "one_strategy.py"))
(FOLDER / "out").mkdir(exist_ok=True)
with open(FOLDER / "out" / "results.csv", "w") as file:
    file.write("profit\n1.5\n")
(FOLDER / "out" / "more.txt").write_text("more")
assert (FOLDER / "out" / "results.csv").read_text() == "profit\n1.5\n"
assert sorted(os.listdir(FOLDER / "out")) == ["more.txt", "results.csv"]
os.rename(FOLDER / "out" / "more.txt", FOLDER / "out" / "most.txt")
assert os.path.exists(FOLDER / "out" / "most.txt")
assert not os.path.exists(FOLDER / "out" / "more.txt")
