import subprocess, threading

FLAGS = {"mnt": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
         "pid": 0x20000000, "net": 0x40000000}


def clone(flags):
    child = syscall(56, flags | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def clone3(flags, size, *rest):
    words = [flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, *rest]
    data = b"".join(word.to_bytes(8, "little") for word in words)
    data = data.ljust(size, b"\0")
    child = syscall(435, ctypes.create_string_buffer(data, len(data)), size)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


for name, flag in FLAGS.items():
    attempt("clone-" + name, clone, flag)
    attempt("clone-user+" + name, clone, flag | FLAGS["user"])
    attempt("clone3-" + name, clone3, flag, 64)
attempt("clone3-plain", clone3, 0, 64)
attempt("clone3-time", clone3, 0x80, 64)
attempt("clone3-user-large", clone3, FLAGS["user"], 4096)
attempt("clone3-too-large", clone3, FLAGS["user"], 8192)
attempt("clone3-garbage-tail", lambda: syscall(435, ctypes.create_string_buffer(b"\xff" * 256, 256), 256))
attempt("clone3-too-small", clone3, 0, 8)
attempt("clone3-into-cgroup", clone3, 0x200000000, 88, 0, 0, 0)
attempt("clone3-set-tid", clone3, 0, 80, 1, 1)
attempt("clone3-null", lambda: syscall(435, None, 64))
