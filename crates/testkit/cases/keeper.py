"""Holds a secret on the host in every place that a sandbox might reach into.

Started by the harness; ends, and removes what it planted, when its input ends.
"""
import ctypes
import fcntl
import os
import sys

key, name, secret = int(sys.argv[1]), sys.argv[2], os.environ["KEEPER_SECRET"].encode()
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p

segment = libc.shmget(key, 4096, 0o1666)
address = libc.shmat(segment, None, 0)
ctypes.memmove(address, secret, len(secret))
path = "/dev/shm/" + name
with open(path, "wb") as file:
    file.write(secret)
os.chmod(path, 0o666)
os.umask(0)
mailbox = libc.mq_open(("/" + name).encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
libc.mq_send(mailbox, secret, len(secret), 0)
libc.syscall(248, b"user", name.encode(), secret, len(secret), -4)  # add_key, user keyring

lock = os.open("/usr/bin/env", os.O_RDONLY)
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

print("ready", flush=True)
sys.stdin.read()
os.unlink(path)
libc.mq_unlink(("/" + name).encode())
libc.shmctl(segment, 0, None)
