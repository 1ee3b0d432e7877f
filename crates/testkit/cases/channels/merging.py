import mmap

area = mmap.mmap(-1, 1 << 20)
attempt("advise-mergeable", area.madvise, 12)
attempt("memory-merge", lambda: LIBC.prctl(67, 1, 0, 0, 0) and (_ for _ in ()).throw(OSError(ctypes.get_errno(), "")))
