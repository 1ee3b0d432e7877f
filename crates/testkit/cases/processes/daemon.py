# A daemon that detaches in every way, and a parent that ends with 0.
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        LIBC.prctl(1, 0, 0, 0, 0)
        LIBC.prctl(15, b"kworker/0:1", 0, 0, 0)
        os.setpgid(0, 0) if os.getpid() != os.getsid(0) else None
        for number in range(3):
            os.close(number)
        import time
        time.sleep(6)
    os._exit(0)
os.wait()
say("parent", "done")
