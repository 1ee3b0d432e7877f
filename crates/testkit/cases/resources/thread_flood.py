import threading, time

stop = threading.Event()
threading.stack_size(65536)
made = 0
try:
    for _ in range(300):
        threading.Thread(target=stop.wait, daemon=True).start()
        made += 1
    say("threads", "endless")
except (RuntimeError, MemoryError):
    say("threads", "refused")
stop.set()
