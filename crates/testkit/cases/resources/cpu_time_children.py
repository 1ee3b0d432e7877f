# Processor time of children and of orphans counts; sleeping does not.
import time

for _ in range(2):
    if os.fork() == 0:
        end = time.time() + 4
        while time.time() < end:
            pass
        os._exit(0)
time.sleep(4.2)
say("children", "ended by themselves")
