import stat

known = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0), "ptmx": (5, 2)}
for name in sorted(os.listdir("/dev")):
    path = "/dev/" + name
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        fine = name in ("fd", "stdin", "stdout", "stderr", "ptmx", "core")
    elif stat.S_ISDIR(found.st_mode):
        fine = name in ("shm", "pts", "mqueue")
    elif stat.S_ISCHR(found.st_mode):
        fine = known.get(name) == (os.major(found.st_rdev), os.minor(found.st_rdev))
    else:
        fine = False
    say("dev-entry", "known" if fine else name)
for name in ["null", "zero", "full", "random", "urandom"]:
    attempt("open-" + name, lambda: os.close(os.open("/dev/" + name, os.O_RDONLY)))
