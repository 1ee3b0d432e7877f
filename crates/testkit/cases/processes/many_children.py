# Thousands of children that nobody waits for: whoever adopts them reaps them.
import time

for _ in range(3000):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
time.sleep(0.5)
zombies = 0
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            state, parent = open("/proc/%s/stat" % name).read().rsplit(")", 1)[1].split()[:2]
            if state == "Z" and parent == "1":
                zombies += 1
        except OSError:
            pass
say("zombies", "none" if zombies == 0 else str(zombies))
