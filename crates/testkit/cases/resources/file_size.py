import resource

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def large():
    descriptor = os.open("large", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(8):
        if os.write(descriptor, b"x" * (1 << 20)) < (1 << 20):
            os.write(descriptor, b"x")


attempt("large-file", large)
attempt("truncate-far", lambda: os.truncate("large", 8 << 20))
attempt("raise-limit", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
