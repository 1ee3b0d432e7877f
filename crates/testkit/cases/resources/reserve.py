LIBC.mmap.restype = ctypes.c_void_p


def reserve(size):
    address = LIBC.mmap(None, ctypes.c_size_t(size), 0, 0x4022, -1, ctypes.c_long(0))
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "")


attempt("reserve-16-gigabytes", reserve, 16 << 30)
