MS_BIND, MS_MOVE, MS_REMOUNT, MS_RDONLY, MS_PRIVATE = 4096, 8192, 32, 1, 1 << 18


def mount(source, target, kind, flags=0, data=None):
    encoded = [part.encode() if part is not None else None for part in (source, target, kind)]
    if LIBC.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), data) != 0:
        raise OSError(ctypes.get_errno(), "")


for name in "a", "b", "c", "d":
    os.makedirs("/tmp/battery-" + name, exist_ok=True)
attempt("tmpfs", mount, "tmpfs", "/tmp/battery-a", "tmpfs")
attempt("proc", mount, "proc", "/tmp/battery-b", "proc")
attempt("sysfs", mount, "sysfs", "/tmp/battery-b", "sysfs")
attempt("overlay", mount, "overlay", "/tmp/battery-c", "overlay", 0, b"lowerdir=/usr:/tmp/battery-a")
attempt("cgroup", mount, "none", "/tmp/battery-b", "cgroup", 0, b"none,name=systemd")
attempt("cgroup2", mount, "none", "/tmp/battery-b", "cgroup2")
attempt("bind", mount, "/usr", "/tmp/battery-d", None, MS_BIND)
attempt("rbind", mount, "/", "/tmp/battery-d", None, MS_BIND | 16384)
attempt("devpts", mount, "devpts", "/tmp/battery-b", "devpts", 0, b"newinstance")
attempt("mqueue", mount, "mqueue", "/tmp/battery-b", "mqueue")
attempt("propagation", mount, None, "/tmp/battery-a", None, MS_PRIVATE)
attempt("remount-rw", mount, None, "/", None, MS_REMOUNT | MS_BIND)
attempt("remount-proc", mount, None, "/proc", None, MS_REMOUNT | MS_BIND)
attempt("move", mount, "/tmp/battery-a", "/tmp/battery-b", None, MS_MOVE)
attempt("fuse", mount, "none", "/tmp/battery-b", "fuse", 0, b"fd=9,rootmode=40000,user_id=0,group_id=0")
