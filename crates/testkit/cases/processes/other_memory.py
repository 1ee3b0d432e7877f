import time

child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


text = ctypes.create_string_buffer(b"x" * 64)
piece = Piece(ctypes.addressof(text), 64)
for name, pid in [("child", child), ("init", 1), ("self", os.getpid())]:
    attempt("readv-" + name, syscall, 310, pid, ctypes.byref(piece), 1, ctypes.byref(piece), 1, 0)
    attempt("writev-" + name, syscall, 311, pid, ctypes.byref(piece), 1, ctypes.byref(piece), 1, 0)
    attempt("kcmp-" + name, syscall, 312, os.getpid(), pid, 0, 0, 0)
    attempt("getfd-" + name, lambda: os.close(syscall(438, os.pidfd_open(pid), 0, 0)))
attempt("madvise-child", lambda: syscall(440, os.pidfd_open(child), ctypes.byref(piece), 1, 4, 0))
os.kill(child, 9)
