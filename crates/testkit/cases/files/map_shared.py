import mmap

inside = os.path.isdir("/workspace")
image = os.path.realpath("/usr/bin/env") if inside else os.path.abspath("stand-in")
if not inside:
    open(image, "wb").write(b"\x7fELF" + b"x" * 8192)


def shared_write(flags):
    descriptor = os.open(image, flags)
    mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def protect_later():
    descriptor = os.open(image, os.O_RDONLY)
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(None, ctypes.c_size_t(4096), 1, mmap.MAP_SHARED, descriptor, ctypes.c_long(0))
    if LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 3) != 0:
        raise OSError(ctypes.get_errno(), "")


attempt("open-for-writing", open_for_writing, image)
attempt("map-shared-of-read-only", shared_write, os.O_RDONLY)
attempt("map-shared", shared_write, os.O_RDWR)
attempt("protect-later", protect_later)
