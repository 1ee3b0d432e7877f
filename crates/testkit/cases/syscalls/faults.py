attempt("userfaultfd", lambda: os.close(syscall(323, 0)))
attempt("userfaultfd-user-only", lambda: os.close(syscall(323, 1)))
attempt("dev-userfaultfd", os.stat, "/dev/userfaultfd")
