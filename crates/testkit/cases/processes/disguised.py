import time

for name in [b"kthreadd", b"cellblock", b"init", b"systemd"]:
    if os.fork() == 0:
        LIBC.prctl(15, name, 0, 0, 0)
        os.setsid()
        time.sleep(6)
        os._exit(0)
say("started", "ok")
