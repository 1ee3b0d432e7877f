HANDLE_MAX = 128


class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("data", ctypes.c_ubyte * HANDLE_MAX)]


def make(path):
    handle = Handle(size=HANDLE_MAX)
    mount = ctypes.c_int()
    syscall(303, -100, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0)
    return handle


def make_and_drop(path):
    make(path)


def open_root_inode():
    handle = Handle(size=8, kind=1)
    ctypes.memmove(handle.data, (2).to_bytes(4, "little") + (0).to_bytes(4, "little"), 8)
    descriptor = os.open("/", os.O_RDONLY)
    syscall(304, descriptor, ctypes.byref(handle), os.O_RDONLY)


def open_made():
    handle = make(os.path.realpath("/usr/bin/env"))
    descriptor = os.open("/usr", os.O_RDONLY)
    os.close(syscall(304, descriptor, ctypes.byref(handle), os.O_RDONLY))


attempt("make-for-root", make_and_drop, os.path.realpath("/usr/bin/env"))
attempt("make-for-tmp", make_and_drop, "/usr")
attempt("open-root-inode", open_root_inode)
attempt("open-made", open_made)
