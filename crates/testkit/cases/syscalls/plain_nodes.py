import stat

attempt("file", os.mknod, "a", stat.S_IFREG | 0o600)
attempt("fifo", os.mkfifo, "b")
attempt("socket", os.mknod, "c", stat.S_IFSOCK | 0o600)
