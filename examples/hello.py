"""A first program: says where it is and what it may not do."""

import os
import socket

print(f"Hello from process {os.getpid()} of {os.uname().nodename}.")
print(f"User {os.getuid()} in {os.getcwd()}, which holds {sorted(os.listdir())}.")
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except OSError as error:
    print(f"Network: {error.strerror}.")
