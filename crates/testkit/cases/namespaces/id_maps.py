def rewrite(path, text):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)


for name in ["uid_map", "gid_map", "projid_map"]:
    attempt(name, rewrite, "/proc/self/" + name, b"0 0 4294967295\n")
    attempt("parent-" + name, rewrite, "/proc/%d/%s" % (os.getppid() or 1, name), b"0 0 1\n")
attempt("setgroups", rewrite, "/proc/self/setgroups", b"allow")


def own_namespace():
    if LIBC.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "")
    rewrite("/proc/self/uid_map", b"0 0 1\n")


apart("new-namespace-then-map", own_namespace)
