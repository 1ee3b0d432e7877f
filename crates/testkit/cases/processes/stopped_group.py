import time

for _ in range(5):
    if os.fork() == 0:
        os.setpgid(0, 0) if _ % 2 else None
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(4)
        os._exit(0)
say("started", "ok")
time.sleep(4)
