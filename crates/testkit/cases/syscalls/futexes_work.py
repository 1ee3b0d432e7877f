import queue, threading

lock, condition, box = threading.Lock(), threading.Condition(), queue.Queue()
total = 0


def work():
    global total
    for _ in range(1000):
        with lock:
            total += 1
    box.put(1)


threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for _ in threads:
    box.get()
with condition:
    condition.wait(0.01)
say("mutex", "ok" if total == 8000 else str(total))
say("semaphore", "ok" if threading.Semaphore(1).acquire(timeout=1) else "no")
