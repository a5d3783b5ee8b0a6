"""Notes every address that a socket of this Python is connected, bound or sent to, in the file that a variable names."""

import os
import sys

NOTED = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


def note(event: str, arguments: "tuple[object, ...]") -> None:
    if event in NOTED:
        address = arguments[0] if event.startswith("socket.get") else arguments[1]
        with open(os.environ["LOOPBACK_NOTES"], "a") as file:
            file.write(f"{event} {address!r}\n")


if "LOOPBACK_NOTES" in os.environ:
    sys.addaudithook(note)
