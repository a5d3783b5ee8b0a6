"""Each function changes files in the folder of its argument behind the back of Python: in C code, or in a child process."""

import concurrent.futures
import ctypes
import os
import subprocess
import sys
import threading

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "."
FILE = os.path.join(FOLDER, "kept.bin")
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """Call a function of the C library. Raises OSError with its paths, as functions of ``os`` do."""
    encoded = [part.encode() if isinstance(part, str) else part for part in arguments]
    if getattr(libc, name)(*encoded) < 0:
        number = ctypes.get_errno()
        first, *others = [part for part in arguments if isinstance(part, str)]
        raise OSError(number, os.strerror(number), first, None, *others)


def make_own():
    with open("own.bin", "w") as file:
        file.write("own")
    return os.path.abspath("own.bin")


def polars_json(market):
    import polars

    polars.DataFrame({"price": [2.0]}).write_json(FILE)
    return 1


def polars_parquet(market):
    import polars

    polars.DataFrame({"price": [2.0]}).write_parquet(FILE)
    return 1


def pyarrow_new(market):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"price": [2.0]}), os.path.join(FOLDER, "new.parquet"))
    return 1


def pyarrow_over(market):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"price": [2.0]}), FILE)
    return 1


def link_of_the_working_directory(market):
    """A file that is too large to be copied is a link, by which C code comes to the user's."""
    call("open", "large.bin", os.O_WRONLY)
    return 1


def open_file(market):
    call("open", FILE, os.O_WRONLY | os.O_TRUNC)
    return 1


def truncate(market):
    call("truncate", FILE, ctypes.c_long(0))
    return 1


def rename_over(market):
    call("rename", make_own(), FILE)
    return 1


def rename_away(market):
    call("rename", FILE, os.path.abspath("taken.bin"))
    return 1


def remove(market):
    call("unlink", FILE)
    return 1


def make_folder(market):
    call("mkdir", os.path.join(FOLDER, "made"), 0o777)
    return 1


def symbolic_link(market):
    call("symlink", make_own(), os.path.join(FOLDER, "link"))
    return 1


def hard_link_into(market):
    call("link", make_own(), os.path.join(FOLDER, "link"))
    return 1


def hard_link_out_of(market):
    """With it, the file could be written to from the scratch folder."""
    call("link", FILE, os.path.abspath("link"))
    return 1


def shell(market):
    subprocess.run(["sh", "-c", 'echo changed > "$0"', FILE], check=True)
    return 1


def move_command(market):
    subprocess.run(["mv", make_own(), FILE], check=True, capture_output=True)
    return 1


def pool(market):
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        return executor.submit(open_file, market).result()


def thread(market):
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(open_file, market).result()


def grandchild(market):
    """What nobody waits for, and whose error nobody sees."""
    subprocess.run(["sh", "-c", '(echo changed > "$0") &', FILE], check=False)
    for number in range(3):
        yield number


def background_thread(market):
    done = threading.Event()

    def write():
        libc.open(FILE.encode(), os.O_WRONLY | os.O_TRUNC)
        done.set()

    threading.Thread(target=write, daemon=True).start()
    done.wait(10)
    for number in range(3):
        yield number
