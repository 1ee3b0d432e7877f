def break_out():
    held = os.open("/", os.O_RDONLY)
    os.makedirs("/tmp/jail", exist_ok=True)
    os.chroot("/tmp/jail")
    os.fchdir(held)


apart("chroot-and-fchdir", break_out)
apart("chroot", os.chroot, "/usr")
apart("pivot-dot", lambda: syscall(155, b".", b"."))
os.makedirs("/tmp/pivot", exist_ok=True)


def pivot():
    LIBC.mount(b"tmpfs", b"/tmp/pivot", b"tmpfs", ctypes.c_ulong(0), None)
    os.chdir("/tmp/pivot")
    syscall(155, b".", b".")


apart("pivot-mounted", pivot)
