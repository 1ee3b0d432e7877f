LIBC.shmat.restype = ctypes.c_void_p


def shared_segment():
    segment = LIBC.shmget(ctypes.c_int(HOST["shm_key"]), 0, 0)
    if segment < 0:
        raise OSError(ctypes.get_errno(), "")
    address = LIBC.shmat(segment, None, 0o10000)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "")
    show(ctypes.string_at(address, 64))


def mailbox():
    queue = LIBC.mq_open(("/" + HOST["shm_name"]).encode(), os.O_RDONLY | os.O_NONBLOCK)
    if queue < 0:
        raise OSError(ctypes.get_errno(), "")


attempt("segment-by-key", shared_segment)
found = 0
for number in range(0, 4096):
    address = LIBC.shmat(number, None, 0o10000)
    if address not in (None, ctypes.c_void_p(-1).value):
        show(ctypes.string_at(address, 64))
        found += 1
say("segments-by-id", "none" if found == 0 else "some")
attempt("posix-memory", read_file, "/dev/shm/" + HOST["shm_name"])
attempt("mailbox", mailbox)
listing = open("/proc/sysvipc/shm").read().splitlines()[1:] if os.path.exists("/proc/sysvipc/shm") else []
say("segments-listed", "none" if not listing else "some")
