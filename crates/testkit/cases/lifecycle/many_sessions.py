import time

say("start", "ok")

# Each child makes a session and a child of its own; all sleep past the limit.
for _ in range(10):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.close(0), os.close(1), os.close(2)
        time.sleep(8)
        os._exit(0)
time.sleep(4)
