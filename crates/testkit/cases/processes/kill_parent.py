import time

parent = os.getppid()
say("parent", "init or none" if parent in (0, 1) else "another")
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
    if parent in (0, 1):
        result_of(os.kill, parent, number)
time.sleep(0.1)
say("after", "alive")
