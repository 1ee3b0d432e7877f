def unmount(path, flags):
    if LIBC.umount2(path.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), "")


places = [line.split()[4] for line in open("/proc/self/mountinfo")]
if not os.path.isdir("/workspace"):
    os.makedirs("/tmp/battery-e", exist_ok=True)
    LIBC.mount(b"tmpfs", b"/tmp/battery-e", b"tmpfs", ctypes.c_ulong(0), None)
    places = ["/tmp/battery-e"]
for number, path in enumerate(places):
    for name, flags in [("expire", 4), ("plain", 0), ("force", 1), ("detach", 2), ("no-follow", 8)]:
        attempt("%s-%d" % (name, number if number else 0), unmount, path, flags)
    attempt("remount-%d" % number, lambda: LIBC.mount(None, path.encode(), None, ctypes.c_ulong(32 | 4096), None) and (_ for _ in ()).throw(OSError(ctypes.get_errno(), "")))
