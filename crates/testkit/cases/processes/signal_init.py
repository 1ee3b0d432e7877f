import time

for number in range(1, 65):
    try:
        os.kill(1, number)
    except OSError:
        pass
time.sleep(0.2)
say("after-64-signals", "alive")
attempt("init-there", lambda: os.kill(1, 0))
