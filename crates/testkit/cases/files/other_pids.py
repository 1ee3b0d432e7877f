visible = [int(name) for name in os.listdir("/proc") if name.isdigit()]
own = {os.getpid(), os.getppid(), 1}
for pid in visible:
    if pid not in own:
        say("listed-pid", "foreign")
reached = 0
for pid in range(1, 65536):
    try:
        os.listdir("/proc/%d/root/" % pid)
        if pid != os.getpid():
            reached += 1
    except OSError:
        pass
say("roots-reached", str(reached))
for key in ["keeper", "harness"]:
    attempt("environ-" + key, read_file, "/proc/%d/environ" % HOST[key])
    attempt("signal-" + key, os.kill, HOST[key], 0)
