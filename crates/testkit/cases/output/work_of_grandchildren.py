import time

if os.fork() == 0:
    if os.fork() == 0:
        end = time.process_time() + 0.8
        while time.process_time() < end:
            pass
        os._exit(0)
    os.wait()
    os._exit(0)
os.wait()
say("done", "ok")
