import mmap

attempt("memfd_secret", lambda: os.close(syscall(447, 0)))
attempt("map-huge", lambda: mmap.mmap(-1, 2 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000).close())
attempt("segment-huge", lambda: syscall(29, 0, 2 << 20, 0o4000 | 0o1000 | 0o600) and None)
area = mmap.mmap(-1, 1 << 16)
LIBC.mmap.restype = ctypes.c_void_p
shared = LIBC.mmap(None, ctypes.c_size_t(1 << 16), 3, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0))
attempt("remap_file_pages", syscall, 216, shared, 4096, 0, 1, 0)
attempt("hwpoison", area.madvise, 100)
attempt("soft-offline", area.madvise, 101)
attempt("mlockall", syscall, 151, 3)
attempt("cachestat", syscall, 451, 0, None, None, 0)
