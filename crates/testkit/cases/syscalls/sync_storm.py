import time

start = time.monotonic()
for _ in range(1000):
    syscall(162)
syscall(306, os.open("/", os.O_RDONLY))
say("sync", "ok")
say("fast", "yes" if time.monotonic() - start < 0.5 else "no")
