import time

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
say("started", "ok")
end = time.time() + 3
while time.time() < end:
    pass
