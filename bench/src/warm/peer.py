"""What the warm path is measured against: a Python that executes statements sent to it.

It has no sandbox, no limits and no protocol worth the name. A request is its length, a letter and
a statement; the answer is a length and what the statement printed. ``x`` executes here and keeps
the state; ``f`` executes in a fork, which answers and is gone. The arguments are modules to import
first.
"""

import gc
import importlib
import io
import os
import socket
import struct
import sys

# More than any statement of the benchmark has.
BYTES_MAX = 65536


def read(channel, length):
    data = b""
    while len(data) < length:
        more = channel.recv(length - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def execute(text, variables):
    """What it prints."""
    kept, sys.stdout = sys.stdout, io.StringIO()
    try:
        exec(compile(text, "<peer>", "exec"), variables)
        return sys.stdout.getvalue()
    finally:
        sys.stdout = kept


def answer(channel, text, variables):
    data = execute(text, variables).encode()
    channel.sendall(struct.pack("<I", len(data)) + data)


def main():
    for name in sys.argv[1:]:
        importlib.import_module(name)
    channel = socket.socket(fileno=0)
    variables = {"x": 0}
    execute("print('warm')", {})
    gc.collect()
    gc.freeze()
    while True:
        (length,) = struct.unpack("<I", read(channel, 4))
        kind, text = read(channel, 1), read(channel, min(length, BYTES_MAX) - 1).decode()
        if kind == b"x":
            answer(channel, text, variables)
            continue
        pid = os.fork()
        if pid == 0:
            answer(channel, text, {})
            os._exit(0)
        os.waitpid(pid, 0)


main()
