import select

start = os.open("/dev/null", os.O_RDONLY)


def flood(make):
    held = []
    try:
        for _ in range(3000):
            held.append(make())
    finally:
        for descriptor in held:
            os.close(descriptor)


def epoll():
    return syscall(291, 0)


for name, make in [("open", lambda: os.open("/dev/null", os.O_RDONLY)), ("dup", lambda: os.dup(start)), ("memory-file", lambda: os.memfd_create("x")),
                   ("event", lambda: syscall(290, 0, 0)), ("epoll", epoll), ("process", lambda: os.pidfd_open(os.getpid())),
                   ("timer", lambda: syscall(283, 1, 0)), ("watch", lambda: syscall(294, 0))]:
    attempt(name, flood, make)
