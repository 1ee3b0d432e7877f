visible = 0
for pid in range(2, 65536):
    if pid in (os.getpid(), os.getppid()):
        continue
    try:
        os.kill(pid, 0)
        visible += 1
    except OSError as error:
        if error.errno != errno.ESRCH:
            visible += 1
say("others-to-signal", "none" if visible == 0 else "some")
for key in ["keeper", "harness"]:
    attempt("kill-" + key, os.kill, HOST[key], 0)
    attempt("pidfd-" + key, lambda: os.close(os.pidfd_open(HOST[key])))
    attempt("ptrace-" + key, syscall, 101, 0x4206, HOST[key], 0, 0) if key == "keeper" else None
    attempt("scheduler-" + key, os.sched_getscheduler, HOST[key])
    attempt("affinity-" + key, os.sched_getaffinity, HOST[key])
    attempt("priority-" + key, os.getpriority, os.PRIO_PROCESS, HOST[key])
