import resource

NAMES = ["CPU", "FSIZE", "STACK", "CORE", "NPROC", "NOFILE", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO", "SIGPENDING"]
for name in NAMES:
    which = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(which)
    if hard in (-1, resource.RLIM_INFINITY):
        say(name, "unlimited")
        continue
    attempt(name, resource.setrlimit, which, (hard + 1, hard + 1))
attempt("others", lambda: resource.prlimit(1, resource.RLIMIT_NOFILE) and None)
attempt("parents", lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE) and None)
